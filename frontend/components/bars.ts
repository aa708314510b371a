/** A few bars that move with the louder voice. */

import type { Voices } from "../lib/levels";

export interface Bars {
  who: keyof Voices;
  /** In 0..1, from left to right. */
  heights: number[];
}

const LEAST = 0.12;

/** The louder of both voices in `count` bars, low bands in the middle. */
export function barsOf(
  voices: Voices,
  shown: readonly (keyof Voices)[],
  count: number,
): Bars {
  const [first = "user", ...others] = shown;
  const who = others.reduce(
    (loudest, other) =>
      voices[other].level > voices[loudest].level ? other : loudest,
    first,
  );
  const { level, bands } = voices[who];
  const middle = (count - 1) / 2;
  const heights = Array.from({ length: count }, (_, index) => {
    const outward = Math.abs(index - middle) / Math.max(1, middle);
    const band = bands[Math.round((outward * (bands.length - 1)) / 2)] ?? 0;
    return Math.min(1, Math.max(LEAST, level * (0.45 + band) * (1 - outward / 3)));
  });
  return { who, heights };
}

/** The quality of a connection, in words and figures. */

import type { Quality } from "../lib/quality";
import { strings } from "../lib/strings";

export interface Figure {
  name: string;
  value: string;
}

/** What there is to tell, most telling first; what isn't known is left out. */
export function figuresOf(quality: Quality): Figure[] {
  const { quality: words } = strings;
  return [
    figure(words.roundTrip, quality.roundTripMs, 0, words.milliseconds),
    figure(words.loss, quality.lossPercent, 1, words.percent),
    figure(words.jitter, quality.jitterMs, 0, words.milliseconds),
    figure(words.frameRate, quality.framesPerSecond, 0, words.perSecond),
  ].filter((one) => one !== null);
}

function figure(
  name: string,
  value: number | null | undefined,
  digits: number,
  unit: (value: string) => string,
): Figure | null {
  if (value === null || value === undefined || !Number.isFinite(value)) return null;
  return { name, value: unit(value.toFixed(value === 0 ? 0 : digits)) };
}

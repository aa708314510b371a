import { describe, expect, it } from "vitest";
import {
  BAND_COUNT,
  bandEdges,
  loudness,
  smooth,
  VoiceGate,
} from "../../lib/levels";
import { deflection } from "../../lib/wave";

const tone = (amplitude: number) =>
  Float32Array.from({ length: 1000 }, (_, n) => amplitude * Math.sin(n));

describe("levels", () => {
  it("grow with loudness from silence to full", () => {
    // Otherwise the wave lies flat for quiet speakers or clips for loud ones.
    const levels = [0, 0.003, 0.03, 0.3, 1].map((amplitude) =>
      loudness(tone(amplitude)),
    );
    expect(levels[0]).toBe(0);
    expect(levels.at(-1)).toBe(1);
    expect(levels).toEqual(levels.toSorted((a, b) => a - b));
    expect(loudness(new Float32Array(0))).toBe(0);
  });

  it("move alike at any frame rate", () => {
    // Otherwise the wave is nervous on fast screens and lame on slow ones.
    const once = smooth(0, 1, 32);
    const twice = smooth(smooth(0, 1, 16), 1, 16);
    expect(once).toBeCloseTo(twice, 10);
    expect(smooth(0, 1, 30)).toBeGreaterThan(1 - smooth(1, 0, 30));
  });

  it("cover the voice in rising bands", () => {
    // Otherwise part of the voice doesn't move the wave.
    const edges = bandEdges(512, 48000);
    expect(edges).toHaveLength(BAND_COUNT + 1);
    expect(edges).toEqual(edges.toSorted((a, b) => a - b));
    expect(edges.at(-1)).toBeLessThanOrEqual(512);
  });

  it("open and close a voice without flicker", () => {
    // Otherwise the status blinks between two syllables.
    const gate = new VoiceGate();
    const feed = (level: number, atMs: number) => {
      gate.feed(level, atMs);
      return gate.active;
    };
    expect(feed(0.3, 0)).toBe(false);
    expect(feed(0.5, 20)).toBe(true);
    expect(feed(0.25, 40)).toBe(true);
    expect(feed(0, 60)).toBe(true);
    expect(feed(0, 40 + VoiceGate.HOLD_MS)).toBe(false);
  });

  it("keep the wave inside its canvas, with still ends", () => {
    // Otherwise loud voices are cut off at the edge.
    const voice = { level: 1, bands: new Float32Array(BAND_COUNT).fill(1) };
    const strand = { waves: 3, speed: 1, phase: 0, height: 1, alpha: 1 };
    for (let along = 0; along <= 1; along += 0.01)
      expect(Math.abs(deflection(along, strand, voice, 0.3))).toBeLessThanOrEqual(
        1,
      );
    expect(deflection(0, strand, voice, 0.3)).toBeCloseTo(0);
    expect(deflection(1, strand, voice, 0.3)).toBeCloseTo(0);
  });
});

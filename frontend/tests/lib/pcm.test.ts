import { describe, expect, it } from "vitest";
import { FrameCutter, JitterBuffer, Resampler } from "../../lib/pcm";
import { CAPTURE, PLAYBACK, RATE_HZ, workletSource } from "../../lib/worklets";

const tone = (hz: number, rateHz: number, seconds: number, amplitude = 0.5) =>
  Float32Array.from(
    { length: rateHz * seconds },
    (_, n) => amplitude * Math.sin((2 * Math.PI * hz * n) / rateHz),
  );

/** In blocks as the audio thread gives them. */
function resample(samples: Float32Array, fromHz: number, toHz: number): number[] {
  const resampler = new Resampler(fromHz, toHz);
  const output: number[] = [];
  for (let at = 0; at < samples.length; at += 128)
    output.push(...resampler.process(samples.subarray(at, at + 128)));
  return output;
}

function rms(samples: ArrayLike<number>): number {
  const all = Array.from(samples);
  return Math.sqrt(all.reduce((sum, one) => sum + one * one, 0) / all.length);
}

describe("resampling", () => {
  it.each([
    [48_000, 24_000],
    [44_100, 24_000],
    [24_000, 48_000],
    [24_000, 44_100],
    [16_000, 24_000],
  ])("keeps a voice from %d to %d Hz, across blocks", (fromHz, toHz) => {
    // Otherwise the sound crackles at every block, or drifts in pitch.
    const output = resample(tone(440, fromHz, 0.5), fromHz, toHz);
    expect(Math.abs(output.length - toHz * 0.5)).toBeLessThan(40);
    const body = output.slice(500, -500);
    // The phase is the filter's: find it, then compare every sample.
    const lagS = 0;
    const wanted = body.map(
      (_, n) => 0.5 * Math.sin(2 * Math.PI * 440 * ((n + 500) / toHz + lagS)),
    );
    const error = rms(body.map((sample, n) => sample - (wanted[n] ?? 0)));
    expect(error).toBeLessThan(0.004);
  });

  it("lets nothing fold back into the voice", () => {
    // Otherwise a hiss at 15 kHz becomes a whistle at 9.
    const output = resample(tone(15_000, 48_000, 0.2), 48_000, 24_000);
    expect(rms(output.slice(200))).toBeLessThan(0.001);
  });

  it("costs nothing where the rates are the same", () => {
    // Otherwise every device pays for the few that differ.
    const samples = tone(440, 24_000, 0.01);
    expect(new Resampler(24_000, 24_000).process(samples)).toBe(samples);
  });
});

describe("frames", () => {
  it("are of one length, clipped and complete", () => {
    // Otherwise loud voices wrap around to noise, or samples get lost.
    const cutter = new FrameCutter(4);
    const frames = [[0, 1, 2], [-1], [-2, 0.5]].flatMap((samples) =>
      cutter.push(Float32Array.from(samples)),
    );
    expect(frames.map((frame) => [...frame])).toEqual([[0, 32767, 32767, -32767]]);
    expect([...(cutter.push(Float32Array.from([0, 0]))[0] ?? [])]).toEqual([
      -32767, 16384, 0, 0,
    ]);
  });
});

describe("the buffer before the loudspeaker", () => {
  const pull = (buffer: JitterBuffer, length: number) => {
    const output = new Float32Array(length);
    buffer.pull(output);
    return [...output];
  };
  const ones = (length: number) => new Float32Array(length).fill(1);

  it("waits for enough, then plays without a gap", () => {
    // Otherwise speech stutters whenever the network is a little late.
    const buffer = new JitterBuffer(8, 100);
    buffer.push(ones(4));
    expect(pull(buffer, 4)).toEqual([0, 0, 0, 0]);
    buffer.push(ones(4));
    expect(pull(buffer, 4)).toEqual([1, 1, 1, 1]);
    expect(pull(buffer, 6)).toEqual([1, 1, 1, 1, 0, 0]);
    // Ran empty: wait again.
    pull(buffer, 4);
    buffer.push(ones(4));
    expect(pull(buffer, 4)).toEqual([0, 0, 0, 0]);
  });

  it("plays what is shorter than the wait as well", () => {
    // Otherwise the last syllable of a reply comes at the start of the next.
    const buffer = new JitterBuffer(8, 100);
    buffer.push(ones(2));
    expect(pull(buffer, 4)).toEqual([0, 0, 0, 0]);
    expect(pull(buffer, 4)).toEqual([1, 1, 0, 0]);
  });

  it("drops the oldest when it is full", () => {
    // Otherwise a page that slept plays minutes of old speech.
    const buffer = new JitterBuffer(1, 4);
    buffer.push(Float32Array.from([1, 2, 3, 4, 5, 6]));
    expect(buffer.size).toBe(4);
    expect(pull(buffer, 4)).toEqual([3, 4, 5, 6]);
  });

  it("falls silent when it is cleared, without a click", () => {
    // Otherwise an interrupted bot talks on, or every interruption cracks.
    const buffer = new JitterBuffer(1, 10_000);
    buffer.push(ones(5000));
    pull(buffer, 10);
    buffer.clear();
    const rest = pull(buffer, 1000);
    expect(rest[0]).toBeGreaterThan(0.98);
    expect(rest[127]).toBe(0);
    expect(rest.slice(128).every((sample) => sample === 0)).toBe(true);
    const waiting = new JitterBuffer(100, 1000);
    waiting.push(ones(50));
    waiting.clear();
    expect(waiting.size).toBe(0);
  });
});

describe("the worklets' module", () => {
  class Processor {
    readonly sent: unknown[] = [];
    readonly port = {
      onmessage: null as ((event: { data: unknown }) => void) | null,
      postMessage: (data: unknown) => this.sent.push(data),
    };
  }
  interface Running extends Processor {
    process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
  }

  /** As the audio thread runs it, which sees nothing of this file. */
  function load(sampleRate: number): Map<string, new () => Running> {
    const found = new Map<string, new () => Running>();
    const names = ["AudioWorkletProcessor", "registerProcessor", "sampleRate"];
    const run = new Function(...names, `"use strict";${workletSource()}`) as (
      ...args: unknown[]
    ) => void;
    run(
      Processor,
      (name: string, made: new () => Running) => found.set(name, made),
      sampleRate,
    );
    return found;
  }

  it("stands alone and cuts the microphone into 20 ms frames", () => {
    // Otherwise the fallback is silent, since the module doesn't load.
    const Capture = load(48_000).get(CAPTURE);
    if (Capture === undefined) throw new Error("no capture processor");
    const capture = new Capture();
    const samples = tone(440, 48_000, 0.1);
    for (let at = 0; at < samples.length; at += 128)
      expect(capture.process([[samples.subarray(at, at + 128)]], [])).toBe(true);
    capture.process([[]], []);
    const frames = capture.sent.map(
      (buffer) => new Int16Array(buffer as ArrayBuffer),
    );
    expect(frames.map(({ length }) => length)).toEqual([480, 480, 480, 480]);
    expect(rms(frames[2] ?? []) / 32768).toBeCloseTo(0.5 / Math.SQRT2, 1);
  });

  it("plays what it is given and drops it when told to", () => {
    // Otherwise the bot isn't heard, or can't be interrupted.
    const Playback = load(48_000).get(PLAYBACK);
    if (Playback === undefined) throw new Error("no playback processor");
    const playback = new Playback();
    const pulled = () => {
      const output = new Float32Array(4800);
      playback.process([], [[output]]);
      return rms(output);
    };
    const give = (data: unknown) => playback.port.onmessage?.({ data });
    const frame = Int16Array.from(
      tone(440, RATE_HZ, 1),
      (sample) => sample * 32768,
    );
    expect(pulled()).toBe(0);
    give(frame.buffer);
    expect(pulled()).toBeCloseTo(0.5 / Math.SQRT2, 1);
    give("clear");
    expect(pulled()).toBeLessThan(0.1);
    expect(pulled()).toBe(0);
  });
});

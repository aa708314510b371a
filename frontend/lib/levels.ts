/** How loud both voices are, and in which bands: what the wave moves with. */

export const BAND_COUNT = 24;

/** One voice at one moment; everything in 0..1. */
export interface Voice {
  level: number;
  /** BAND_COUNT bands, from low to high. */
  bands: Float32Array;
}

export interface Voices {
  user: Voice;
  bot: Voice;
}

const QUIET_DB = -55;
const LOUD_DB = -10;
const ATTACK_MS = 35;
const RELEASE_MS = 240;
const LOWEST_HZ = 90;
const HIGHEST_HZ = 6000;
const FFT_SIZE = 1024;

export function silence(): Voice {
  return { level: 0, bands: new Float32Array(BAND_COUNT) };
}

/** Samples in -1..1 to a level in 0..1, linear in decibels as ears are. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  const db = 20 * Math.log10(Math.max(rms, 1e-7));
  return clamp((db - QUIET_DB) / (LOUD_DB - QUIET_DB));
}

/** Move towards a target: quick to rise, slow to fall, whatever the frame rate. */
export function smooth(value: number, target: number, elapsedMs: number): number {
  const timeMs = target > value ? ATTACK_MS : RELEASE_MS;
  return target + (value - target) * Math.exp(-elapsedMs / timeMs);
}

/** First bin of each band and the end of the last, spaced as ears hear. */
export function bandEdges(binCount: number, rateHz: number): number[] {
  const binHz = rateHz / 2 / binCount;
  const ratio = HIGHEST_HZ / LOWEST_HZ;
  return Array.from({ length: BAND_COUNT + 1 }, (_, band) => {
    const edgeHz = LOWEST_HZ * ratio ** (band / BAND_COUNT);
    return Math.min(binCount, Math.round(edgeHz / binHz));
  });
}

/** Turns a level into "speaks" and "is silent", without flicker. */
export class VoiceGate {
  static readonly OPEN_LEVEL = 0.34;
  static readonly CLOSE_LEVEL = 0.2;
  static readonly HOLD_MS = 700;

  active = false;
  #lastLoudMs = 0;

  /** Feed a level; true when `active` changed. */
  feed(level: number, nowMs: number): boolean {
    const threshold = this.active ? VoiceGate.CLOSE_LEVEL : VoiceGate.OPEN_LEVEL;
    if (level >= threshold) this.#lastLoudMs = nowMs;
    const active =
      level >= threshold ||
      (this.active && nowMs - this.#lastLoudMs < VoiceGate.HOLD_MS);
    const changed = active !== this.active;
    this.active = active;
    return changed;
  }
}

/** Listens to one stream through an AnalyserNode, without changing it. */
export class Meter {
  readonly voice: Voice = silence();
  readonly #analyser: AnalyserNode;
  readonly #source: MediaStreamAudioSourceNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  readonly #bins: Uint8Array<ArrayBuffer>;
  readonly #edges: number[];

  constructor(context: AudioContext, stream: MediaStream) {
    this.#analyser = new AnalyserNode(context, {
      fftSize: FFT_SIZE,
      minDecibels: -88,
      maxDecibels: -28,
      smoothingTimeConstant: 0.55,
    });
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    this.#source.connect(this.#analyser);
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#bins = new Uint8Array(this.#analyser.frequencyBinCount);
    this.#edges = bandEdges(this.#bins.length, context.sampleRate);
  }

  /** Measure now; `elapsedMs` is the time since the last measurement. */
  measure(elapsedMs: number): Voice {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    this.#analyser.getByteFrequencyData(this.#bins);
    this.voice.level = smooth(this.voice.level, loudness(this.#samples), elapsedMs);
    for (let band = 0; band < BAND_COUNT; band++) {
      const target = this.#peak(this.#edges[band] ?? 0, this.#edges[band + 1] ?? 0);
      this.voice.bands[band] = smooth(
        this.voice.bands[band] ?? 0,
        target,
        elapsedMs,
      );
    }
    return this.voice;
  }

  close(): void {
    this.#source.disconnect();
    this.#analyser.disconnect();
  }

  #peak(start: number, end: number): number {
    let peak = 0;
    for (let bin = start; bin < Math.max(end, start + 1); bin++)
      peak = Math.max(peak, this.#bins[bin] ?? 0);
    return peak / 255;
  }
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/**
 * Sound as numbers, for the audio thread. Each class stands alone and uses nothing from
 * outside itself: their source text becomes the worklets' module.
 */

/**
 * From one sample rate to another, with state over calls: a windowed sinc (Blackman, 12
 * zero crossings a side), computed once for every phase that the ratio has.
 */
export class Resampler {
  readonly #up: number;
  readonly #down: number;
  readonly #half: number;
  readonly #phases: Float32Array[];
  #history: Float32Array;
  /** Of the next output sample: the index in `history`, and `up`-ths after it. */
  #at: number;
  #phase = 0;

  constructor(fromHz: number, toHz: number) {
    const divisor = (one: number, other: number): number =>
      other === 0 ? one : divisor(other, one % other);
    const common = divisor(fromHz, toHz);
    this.#up = toHz / common;
    this.#down = fromHz / common;
    // Below the lower rate's half, so that nothing folds back into the voice.
    const cutoff = 0.94 * Math.min(1, toHz / fromHz);
    this.#half = Math.ceil(12 / cutoff);
    this.#history = new Float32Array(this.#half);
    this.#at = this.#half;
    this.#phases = Array.from({ length: this.#up }, (_, phase) => {
      const taps = new Float32Array(2 * this.#half);
      for (let tap = 0; tap < taps.length; tap++) {
        const x = tap - this.#half + 1 - phase / this.#up;
        const angle = Math.PI * cutoff * x;
        const sinc = x === 0 ? cutoff : (cutoff * Math.sin(angle)) / angle;
        const turn = (Math.PI * x) / this.#half;
        const window =
          Math.abs(x) > this.#half
            ? 0
            : 0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn);
        taps[tap] = sinc * window;
      }
      return taps;
    });
  }

  process(input: Float32Array): Float32Array {
    if (this.#up === this.#down) return input;
    const samples = new Float32Array(this.#history.length + input.length);
    samples.set(this.#history);
    samples.set(input, this.#history.length);
    const output: number[] = [];
    while (this.#at + this.#half < samples.length) {
      const taps = this.#phases[this.#phase];
      const start = this.#at - this.#half + 1;
      let sum = 0;
      for (let tap = 0; tap < 2 * this.#half; tap++)
        sum += (samples[start + tap] ?? 0) * (taps?.[tap] ?? 0);
      output.push(sum);
      this.#phase += this.#down;
      this.#at += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    const used = Math.min(samples.length, Math.max(0, this.#at - this.#half + 1));
    this.#history = samples.slice(used);
    this.#at -= used;
    return Float32Array.from(output);
  }
}

/** Samples in -1..1 of any number to int16 frames of one length. */
export class FrameCutter {
  readonly #length: number;
  #frame: Int16Array<ArrayBuffer>;
  #filled = 0;

  constructor(length: number) {
    this.#length = length;
    this.#frame = new Int16Array(length);
  }

  push(samples: Float32Array): Int16Array<ArrayBuffer>[] {
    const frames: Int16Array<ArrayBuffer>[] = [];
    for (const sample of samples) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.#frame[this.#filled++] = Math.round(clipped * 32767);
      if (this.#filled < this.#length) continue;
      frames.push(this.#frame);
      this.#frame = new Int16Array(this.#length);
      this.#filled = 0;
    }
    return frames;
  }
}

/**
 * Samples that wait to be played. Playing starts when `target` samples have come, or
 * when the first of them has waited as long, and again so after it ran empty. When it
 * is full, the oldest make way: what is said now matters more.
 */
export class JitterBuffer {
  readonly #ring: Float32Array;
  readonly #target: number;
  #start = 0;
  #size = 0;
  #playing = false;
  #waited = 0;

  constructor(target: number, capacity: number) {
    this.#target = target;
    this.#ring = new Float32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  push(samples: Float32Array): void {
    const { length } = this.#ring;
    for (const sample of samples) {
      this.#ring[(this.#start + this.#size) % length] = sample;
      if (this.#size < length) this.#size++;
      else this.#start = (this.#start + 1) % length;
    }
  }

  /** Fill `output`: silence where there is nothing to play. */
  pull(output: Float32Array): void {
    output.fill(0);
    if (this.#size === 0) {
      this.#playing = false;
      this.#waited = 0;
      return;
    }
    if (!this.#playing) {
      this.#waited += output.length;
      this.#playing = this.#size >= this.#target || this.#waited >= this.#target;
      if (!this.#playing) return;
    }
    const { length } = this.#ring;
    const count = Math.min(output.length, this.#size);
    for (let at = 0; at < count; at++)
      output[at] = this.#ring[(this.#start + at) % length] ?? 0;
    this.#start = (this.#start + count) % length;
    this.#size -= count;
  }

  /** Drop what waits; the last few samples fade out, so that no click is heard. */
  clear(): void {
    const { length } = this.#ring;
    this.#size = this.#playing ? Math.min(this.#size, 128) : 0;
    for (let at = 0; at < this.#size; at++) {
      const index = (this.#start + at) % length;
      this.#ring[index] = (this.#ring[index] ?? 0) * (1 - (at + 1) / this.#size);
    }
  }
}

/** The sound of a call: played, measured, muted. */

import { Meter, silence, type Voices } from "./levels";

/**
 * Plays what comes and measures both voices. Made in the handler of a click, since
 * browsers let a page make sound from then on.
 */
export class Sound {
  readonly voices: Voices = { user: silence(), bot: silence() };
  readonly #element: HTMLAudioElement | null;
  readonly #onBlocked: (error: unknown) => void;
  readonly #context: AudioContext | null;
  #user: Meter | null = null;
  #bot: Meter | null = null;
  #lastMs: number | null = null;

  /**
   * @param element plays the remote stream; null when the page plays it itself
   * @param onBlocked the browser refused to play
   */
  constructor(
    element: HTMLAudioElement | null,
    remote: MediaStream,
    onBlocked: (error: unknown) => void,
  ) {
    this.#element = element;
    this.#onBlocked = onBlocked;
    this.#context = typeof AudioContext === "undefined" ? null : new AudioContext();
    this.#context?.resume().catch(() => undefined);
    if (element !== null) {
      element.srcObject = remote;
      this.play();
    }
  }

  /** Start playing (again); a stream without tracks starts with its first one. */
  play(): void {
    this.#element?.play().catch((error: unknown) => {
      // Replaced or hung up before it played: nobody waits for that sound.
      if ((error as Error).name === "NotAllowedError") this.#onBlocked(error);
    });
  }

  /** Measure the microphone; once more whenever its track is replaced. */
  hearUser(stream: MediaStream | null): void {
    this.#user?.close();
    this.#user = this.#meter(stream);
    this.voices.user = this.#user?.voice ?? silence();
  }

  hearBot(stream: MediaStream): void {
    this.#bot?.close();
    this.#bot = this.#meter(stream);
    this.voices.bot = this.#bot?.voice ?? silence();
  }

  measure(nowMs: number): Voices {
    const elapsedMs = nowMs - (this.#lastMs ?? nowMs);
    this.#lastMs = nowMs;
    this.#user?.measure(elapsedMs);
    this.#bot?.measure(elapsedMs);
    return this.voices;
  }

  close(): void {
    this.#user?.close();
    this.#bot?.close();
    this.#context?.close().catch(() => undefined);
    if (this.#element !== null) {
      this.#element.pause();
      this.#element.srcObject = null;
    }
  }

  #meter(stream: MediaStream | null): Meter | null {
    if (this.#context === null || stream === null) return null;
    if (stream.getAudioTracks().length === 0) return null;
    return new Meter(this.#context, stream);
  }
}

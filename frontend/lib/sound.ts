/** The sound of a call: played, measured, muted. */

import { Meter, silence, type Voices } from "./levels";

/** What browsers take for a user's wish to hear something. */
const GESTURES = ["click", "keydown"] as const;

/**
 * Plays what comes and measures both voices. Made in the handler of a click, since
 * browsers let a page make sound from then on; made elsewhere, it starts with the
 * first click or key after it.
 */
export class Sound {
  readonly voices: Voices = { user: silence(), bot: silence() };
  /** Null where the browser has no Web Audio. */
  readonly context: AudioContext | null;
  readonly #element: HTMLAudioElement | null;
  readonly #onBlocked: (error: unknown) => void;
  readonly #onGesture = () => {
    this.#forgetGesture();
    this.#blocked = false;
    this.context?.resume().catch(() => undefined);
    this.play();
  };
  #user: Meter | null = null;
  #bot: Meter | null = null;
  #lastMs: number | null = null;
  #blocked = false;
  #closed = false;

  /**
   * @param element plays the remote stream; null when the page plays it itself
   * @param onBlocked the browser refused to play; told once, until a gesture helps
   */
  constructor(
    element: HTMLAudioElement | null,
    remote: MediaStream,
    onBlocked: (error: unknown) => void,
  ) {
    this.#element = element;
    this.#onBlocked = onBlocked;
    this.context = typeof AudioContext === "undefined" ? null : new AudioContext();
    this.context?.resume().catch(() => undefined);
    // Without a gesture before, the promise of resume() stays open.
    if (this.context?.state === "suspended") this.#awaitGesture();
    if (element !== null) {
      element.srcObject = remote;
      this.play();
    }
  }

  /** Start playing (again); a stream without tracks starts with its first one. */
  play(): void {
    this.#element?.play().catch((error: unknown) => {
      // Replaced or hung up before it played: nobody waits for that sound.
      if ((error as Error).name === "NotAllowedError") this.#onRefused(error);
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
    this.#closed = true;
    this.#forgetGesture();
    this.#user?.close();
    this.#bot?.close();
    this.context?.close().catch(() => undefined);
    if (this.#element !== null) {
      this.#element.pause();
      this.#element.srcObject = null;
    }
  }

  #onRefused(error: unknown): void {
    if (this.#blocked) return;
    this.#blocked = true;
    if (!this.#closed) this.#awaitGesture();
    this.#onBlocked(error);
  }

  #awaitGesture(): void {
    // Capturing: a page that stops the event's way must not keep the call silent.
    for (const type of GESTURES)
      document.addEventListener(type, this.#onGesture, { capture: true });
  }

  #forgetGesture(): void {
    for (const type of GESTURES)
      document.removeEventListener(type, this.#onGesture, { capture: true });
  }

  #meter(stream: MediaStream | null): Meter | null {
    if (this.context === null || stream === null) return null;
    if (stream.getAudioTracks().length === 0) return null;
    return new Meter(this.context, stream);
  }
}

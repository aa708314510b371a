/** When to try again after the connection was lost, and when to give up. */

/** Most losses heal by themselves within this time: then no new connection is needed. */
export const HEAL_MS = 3_000;
/** The server keeps a lost session for as long. */
export const GRACE_MS = 30_000;
/** One attempt; on a dead network a request would wait for minutes. */
export const ATTEMPT_TIMEOUT_MS = 5_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4_000;

/** The pause after that many failed attempts: 0.5, 1, 2, then 4 s each. */
export function pauseMs(failed: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, failed - 1));
}

/** Call back when the network changes for another; returns how to stop that. */
export function onNetworkChange(callback: () => void): () => void {
  const { connection } = navigator as { connection?: Partial<EventTarget> };
  globalThis.addEventListener("online", callback);
  connection?.addEventListener?.("change", callback);
  return () => {
    globalThis.removeEventListener("online", callback);
    connection?.removeEventListener?.("change", callback);
  };
}

export interface ResumerOptions {
  /** Makes a new connection; rejects when it failed. */
  attempt: (number: number, signal: AbortSignal) => Promise<void>;
  /** No further attempt can succeed after this error. */
  hopeless: (error: unknown) => boolean;
  /** The time is over, or there is no hope (then with the error). */
  onGivenUp: (error: unknown) => void;
}

/** Tries to connect again, from the moment of the loss to success, `stop()` or the end. */
export class Resumer {
  readonly #options: ResumerOptions;
  readonly #stopNetwork: () => void;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #current: AbortController | null = null;
  #number = 0;
  #failed = 0;
  #stopped = false;

  /** @param firstAfterMs the time that the lost connection has to heal by itself */
  constructor(firstAfterMs: number, options: ResumerOptions) {
    this.#options = options;
    this.#deadline = setTimeout(() => {
      this.#giveUp(undefined);
    }, GRACE_MS);
    this.#stopNetwork = onNetworkChange(() => {
      // Whatever was under way used the network of before.
      this.#failed = 0;
      this.now();
    });
    if (firstAfterMs > 0) this.#after(firstAfterMs);
    else this.now();
  }

  /** Try at once: something changed. */
  now(): void {
    if (this.#stopped) return;
    clearTimeout(this.#pause);
    this.#current?.abort();
    void this.#try();
  }

  /** It is known that the old connection won't heal: don't wait for it. */
  hurry(): void {
    if (this.#number === 0) this.now();
  }

  /** It healed, succeeded or isn't wanted any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#pause);
    clearTimeout(this.#deadline);
    this.#stopNetwork();
    this.#current?.abort();
  }

  #after(waitMs: number): void {
    this.#pause = setTimeout(() => {
      this.now();
    }, waitMs);
  }

  async #try(): Promise<void> {
    const current = new AbortController();
    this.#current = current;
    const timer = setTimeout(() => {
      current.abort(new Error("timeout"));
      this.#onFailed(current, undefined);
    }, ATTEMPT_TIMEOUT_MS);
    try {
      await this.#options.attempt(++this.#number, current.signal);
      if (this.#current === current) this.stop();
    } catch (error) {
      this.#onFailed(current, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #onFailed(current: AbortController, error: unknown): void {
    // Timed out, stopped, or replaced by a newer one.
    if (this.#current !== current || this.#stopped) return;
    this.#current = null;
    if (this.#options.hopeless(error)) {
      this.#giveUp(error);
      return;
    }
    this.#after(pauseMs(++this.#failed));
  }

  #giveUp(error: unknown): void {
    this.stop();
    this.#options.onGivenUp(error);
  }
}

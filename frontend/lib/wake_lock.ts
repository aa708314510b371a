/** Keeps the screen on while a call is live: phones cut the microphone when it locks. */

export class ScreenWakeLock {
  #lock: WakeLockSentinel | null = null;
  #wanted = false;
  readonly #onVisible = () => {
    // The browser takes the lock away from pages that are not seen.
    if (document.visibilityState === "visible") void this.#request();
  };

  acquire(): void {
    if (this.#wanted || typeof document === "undefined") return;
    this.#wanted = true;
    document.addEventListener("visibilitychange", this.#onVisible);
    void this.#request();
  }

  release(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    document.removeEventListener("visibilitychange", this.#onVisible);
    this.#drop();
  }

  async #request(): Promise<void> {
    const { wakeLock } = navigator as { wakeLock?: WakeLock };
    if (wakeLock === undefined) return;
    try {
      const lock = await wakeLock.request("screen");
      this.#drop();
      this.#lock = lock;
      // Hung up while the browser thought about it.
      if (!this.#wanted) this.#drop();
    } catch {
      // Low battery, or not allowed in this frame: the call works without it.
    }
  }

  #drop(): void {
    this.#lock?.release().catch(() => undefined);
    this.#lock = null;
  }
}

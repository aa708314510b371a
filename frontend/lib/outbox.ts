/** Texts that wait for the connection. */

import { CallError } from "./errors";
import { strings } from "./strings";

/** Somebody types; no more than this can wait while a call connects. */
export const MAX_WAITING = 32;
/** As the server's own limit of a text. */
export const MAX_TEXT_LENGTH = 8_000;

/** First in, first out; when it is full, new texts are refused with a clear error. */
export class Outbox {
  #waiting: string[] = [];
  readonly #send: (frame: string) => boolean;

  /** @param send false: nothing can be sent yet */
  constructor(send: (frame: string) => boolean) {
    this.#send = send;
  }

  /**
   * Send now, or when the connection opens.
   *
   * @throws CallError the text is too long, or too many wait already
   */
  put(text: string): void {
    if (text.length > MAX_TEXT_LENGTH)
      throw new CallError("text", strings.errors.textTooLong(MAX_TEXT_LENGTH));
    if (this.#waiting.length >= MAX_WAITING)
      throw new CallError("text", strings.errors.tooManyTexts);
    this.#waiting.push(JSON.stringify({ type: "text", data: text }));
    this.flush();
  }

  /** Send what waits, as far as it goes. */
  flush(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#send(next)) return;
      this.#waiting.shift();
    }
  }

  clear(): void {
    this.#waiting = [];
  }
}

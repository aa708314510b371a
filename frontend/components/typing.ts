/** Typed texts: a call without media carries them while nobody talks. */

import type { FastRTCClient } from "../lib/client";
import { isActive, isLive } from "../lib/state";

export interface TypingHooks {
  /** The next call carries texts alone, or also what the page's modality has. */
  setTextOnly: (textOnly: boolean) => void;
  /** Hand the text to the server; the call that answers is live. */
  deliver: (text: string) => Promise<void>;
}

export class Typing {
  readonly #client: FastRTCClient;
  readonly #hooks: TypingHooks;

  constructor(client: FastRTCClient, hooks: TypingHooks) {
    this.#client = client;
    this.#hooks = hooks;
  }

  /** Somebody talks, or is about to: the call has media. */
  get talking(): boolean {
    return isActive(this.#client.state.phase) && this.#client.kinds.length > 0;
  }

  /**
   * Send a text; without a call, one that carries texts alone is made first.
   *
   * @throws CallError there was no call and none could be made
   */
  async submit(text: string): Promise<void> {
    const { phase } = this.#client.state;
    if (!isActive(phase)) {
      this.#hooks.setTextOnly(true);
      await this.#client.connect();
    }
    if (!(await untilLive(this.#client))) return;
    await this.#hooks.deliver(text);
  }

  /** Begin to talk, or hang up. A call of texts alone makes place for one of both. */
  toggleTalk(): void {
    const { talking } = this;
    this.#client.close();
    if (talking) return;
    this.#hooks.setTextOnly(false);
    // The state tells why it failed.
    this.#client.connect().catch(() => undefined);
  }
}

/** True as soon as the call is live, false when it ended before. */
function untilLive(client: FastRTCClient): Promise<boolean> {
  return new Promise((resolve) => {
    const look = () => {
      const { phase } = client.state;
      const live = isLive(phase);
      if (!live && isActive(phase)) return;
      client.removeEventListener("state", look);
      resolve(live);
    };
    client.addEventListener("state", look);
    look();
  });
}

/** Enter sends; with Shift, or while an input method composes a word, it doesn't. */
export function isSendKey(event: {
  key: string;
  shiftKey: boolean;
  isComposing: boolean;
}): boolean {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing;
}

/** A letter typed into a field is no shortcut. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.matches("input, textarea, select") || target.isContentEditable)
  );
}

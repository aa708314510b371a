/** Signalling through the server functions of a Gradio component. */

import {
  offerBody,
  readAnswer,
  readConfiguration,
  type Answer,
  type CandidateBody,
  type OfferWish,
  type Signalling,
} from "./signalling";

/** Gradio's server functions; one that raises resolves to `undefined`. */
export interface ServerFunctions {
  turn(payload: string): Promise<unknown>;
  offer(body: object): Promise<unknown>;
  hang_up(body: object): Promise<unknown>;
  /** Where there is none, sound has no second way. */
  fallback?(body: object): Promise<unknown>;
}

export interface GradioSignallingOptions {
  /** Read at each call: Gradio may replace its functions. */
  server: () => ServerFunctions;
  sessionHash: () => string | undefined;
  /** Runs just before the offer, so that the inputs arrive as early as possible. */
  announce: (webrtcId: string) => Promise<void>;
}

export class GradioSignalling implements Signalling {
  readonly #options: GradioSignallingOptions;
  /** Offers that the server hasn't answered yet, by call. */
  readonly #pending = new Map<string, Promise<unknown>>();

  constructor(options: GradioSignallingOptions) {
    this.#options = options;
  }

  async configuration(): Promise<RTCConfiguration> {
    return readConfiguration(await this.#options.server().turn(""));
  }

  async offer(
    webrtcId: string,
    sdp: string,
    signal: AbortSignal,
    wish?: OfferWish,
  ): Promise<Answer> {
    // A session that goes on has its inputs already.
    if ((wish?.resumeToken ?? null) === null)
      await this.#options.announce(webrtcId);
    signal.throwIfAborted();
    const reply = this.#send(offerBody(webrtcId, sdp, wish));
    this.#pending.set(webrtcId, reply);
    try {
      return readAnswer(await reply);
    } finally {
      this.#pending.delete(webrtcId);
    }
  }

  async candidate(webrtcId: string, candidate: CandidateBody): Promise<void> {
    await this.#send({ type: "ice-candidate", candidate, webrtc_id: webrtcId });
  }

  async hangUp(webrtcId: string): Promise<void> {
    // A hang-up that overtakes its offer would hang up nothing.
    await this.#pending.get(webrtcId)?.catch(() => undefined);
    await this.#options.server().hang_up({
      webrtc_id: webrtcId,
      session_hash: this.#options.sessionHash(),
    });
  }

  /** The address of a WebSocket on this page's own origin, or null without one. */
  async fallbackUrl(): Promise<string | null> {
    const reply = await this.#options.server().fallback?.({
      session_hash: this.#options.sessionHash(),
    });
    const { url } = (reply ?? {}) as { url?: unknown };
    return typeof url === "string" && url !== "" ? url : null;
  }

  #send(body: object): Promise<unknown> {
    return this.#options
      .server()
      .offer({ ...body, session_hash: this.#options.sessionHash() });
  }
}

/** How a page and a server agree on a call: the offer, its answer, candidates. */

import { CallError, fromRefusal } from "./errors";
import { strings } from "./strings";

export interface Answer {
  sdp: string;
  type: "answer";
  /** The right to go on with this session by a new connection. */
  resumeToken?: string;
}

/** How an offer may be followed by others for the same session. */
export interface OfferWish {
  /** Ask for a token, so that a lost connection can be replaced. */
  resumable: boolean;
  /** This offer replaces a lost connection of the call. */
  resumeToken: string | null;
}

export interface CandidateBody {
  candidate: string;
  sdpMid: string | null;
  sdpMLineIndex: number | null;
}

export interface Signalling {
  /** The ICE configuration of this call, resolved anew for each one. */
  configuration(signal: AbortSignal): Promise<RTCConfiguration>;
  /** Send the offer. Rejects with a CallError when the server refuses it. */
  offer(
    webrtcId: string,
    sdp: string,
    signal: AbortSignal,
    wish?: OfferWish,
  ): Promise<Answer>;
  /** Send one candidate; what the server says to it doesn't matter. */
  candidate(webrtcId: string, candidate: CandidateBody): Promise<void>;
  /** Tell the server that the call is over, where there is a way to. */
  hangUp(webrtcId: string): Promise<void>;
}

export type ConfigurationSource =
  | RTCConfiguration
  | null
  | undefined
  | (() => RTCConfiguration | null | Promise<RTCConfiguration | null>);

/** Signalling over `POST {url}/webrtc/offer`. */
export class HttpSignalling implements Signalling {
  readonly #endpoint: string;
  readonly #configuration: ConfigurationSource;

  /** @param url where the Stream is mounted, without a slash at its end: "" or "/voice" */
  constructor(url: string, configuration?: ConfigurationSource) {
    this.#endpoint = `${url.replace(/\/+$/, "")}/webrtc/offer`;
    this.#configuration = configuration;
  }

  async configuration(): Promise<RTCConfiguration> {
    const source = this.#configuration;
    const value = typeof source === "function" ? await source() : source;
    return readConfiguration(value ?? {});
  }

  async offer(
    webrtcId: string,
    sdp: string,
    signal: AbortSignal,
    wish?: OfferWish,
  ): Promise<Answer> {
    const body = offerBody(webrtcId, sdp, wish);
    return readAnswer(await this.#post(body, { signal }));
  }

  async candidate(webrtcId: string, candidate: CandidateBody): Promise<void> {
    await this.#post({ type: "ice-candidate", candidate, webrtc_id: webrtcId });
  }

  /** The server sees the peer connection close; nothing needs to be sent. */
  hangUp(): Promise<void> {
    return Promise.resolve();
  }

  async #post(body: object, init: RequestInit = {}): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(this.#endpoint, {
        ...init,
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      throw new CallError("no-answer", strings.errors.noAnswer, { cause: error });
    }
    return response.ok ? ((await response.json()) as unknown) : undefined;
  }
}

/** The offer as it goes over the wire. */
export function offerBody(webrtcId: string, sdp: string, wish?: OfferWish): object {
  const body = { sdp, type: "offer", webrtc_id: webrtcId };
  if (wish?.resumable !== true) return body;
  return wish.resumeToken === null
    ? { ...body, resumable: true }
    : { ...body, resumable: true, resume_token: wish.resumeToken };
}

/**
 * The answer in a server's reply.
 *
 * @throws CallError the reply is a refusal, or nothing that can be understood
 */
export function readAnswer(reply: unknown): Answer {
  const fields = asRecord(reply);
  if (fields?.status === "failed") throw fromRefusal(asRecord(fields.meta) ?? {});
  if (typeof fields?.error === "string") throw fromRefusal({ error: fields.error });
  if (typeof fields?.sdp !== "string" || fields.type !== "answer")
    throw new CallError("server", strings.errors.server);
  const answer: Answer = { sdp: fields.sdp, type: "answer" };
  const { resume_token: token } = fields;
  return typeof token === "string" ? { ...answer, resumeToken: token } : answer;
}

/**
 * The RTCConfiguration in a server's reply.
 *
 * @throws CallError the server could not make one
 */
export function readConfiguration(reply: unknown): RTCConfiguration {
  const fields = asRecord(reply);
  if (fields === null) throw new CallError("server", strings.errors.server);
  if (typeof fields.error === "string")
    throw new CallError("turn", strings.errors.turn(withoutDot(fields.error)));
  return fields;
}

function withoutDot(sentence: string): string {
  return sentence.trim().replace(/\.$/, "");
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)
    : null;
}

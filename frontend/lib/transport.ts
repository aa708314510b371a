/** What carries a call: WebRTC, or a WebSocket where WebRTC finds no way. */

import type { MediaKind } from "./devices";
import type { CallError } from "./errors";
import type { Quality } from "./quality";

export type Mode = "send-receive" | "send" | "receive";
export type TransportName = "webrtc" | "websocket";

/** Two round trips and a slow TURN server fit; people wait no longer. */
export const CONNECT_TIMEOUT_MS = 15_000;
/** The same where there is another way: WebRTC takes 0.3 s mostly, 3 s by a slow TURN. */
export const FALLBACK_AFTER_MS = 7_000;

export interface Transport {
  readonly name: TransportName;
  /** Null with a WebSocket. */
  readonly connection: RTCPeerConnection | null;
  /** The server may know of this call. */
  readonly offered: boolean;
  /**
   * Resolves when connected.
   *
   * @throws CallError what failed; the connection is released then
   * @throws DOMException AbortError: `close()` was called meanwhile
   */
  connect(): Promise<void>;
  /** Hang up, at any time, once or often. The devices are their owner's to release. */
  close(): void;
  /** Send another track, or nothing, in place of the one of that kind. */
  replaceTrack(kind: MediaKind, track: MediaStreamTrack | null): Promise<void>;
  /** False: nothing can be sent yet. */
  send(frame: string): boolean;
  /** Null when nothing is known. */
  quality(): Promise<Quality | null>;
}

export interface TransportEvents {
  /** The devices are open, the server is being asked. */
  negotiating(): void;
  /** Packets stopped coming; they may come again. */
  interrupted(): void;
  /** A new connection for the same session is tried, for the n-th time. */
  attempt(number: number): void;
  resumed(): void;
  /** From now on `send` sends. */
  opened(): void;
  message(frame: unknown): void;
  /** A connected call ended without `close()`: null when the server hung up. */
  ended(error: CallError | null): void;
}

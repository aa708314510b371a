/** Everything that belongs to one call and ends with it. */

import type { Choices } from "./choices";
import type { MediaKind, Wishes } from "./devices";
import { CallError, type CallErrorKind } from "./errors";
import { newCallId } from "./identity";
import { VoiceGate, type Voices } from "./levels";
import { LocalMedia } from "./local_media";
import { announceCall } from "./media_session";
import { Outbox } from "./outbox";
import { Peer } from "./peer";
import type { Signalling } from "./signalling";
import { Sound } from "./sound";
import type { CallEvent } from "./state";
import { strings } from "./strings";
import {
  CONNECT_TIMEOUT_MS,
  FALLBACK_AFTER_MS,
  type Mode,
  type Transport,
  type TransportEvents,
} from "./transport";
import { within } from "./waiting";
import { ScreenWakeLock } from "./wake_lock";
import { WebSocketCall } from "./websocket_call";

export interface CallOptions {
  webrtcId: string;
  mode: Mode;
  kinds: readonly MediaKind[];
  wishes: Wishes;
  choices: Choices;
  /** Sent from the beginning in place of a camera. */
  screen: MediaStreamTrack | null;
  signalling: Signalling;
  audioElement: HTMLAudioElement | null;
  rtpParameters: Partial<RTCRtpSendParameters> | null;
  resumable: boolean;
  fallbackUrl: (() => Promise<string | null>) | null;
}

/** Nothing is told once the call was closed. */
export interface CallEvents {
  happened(event: CallEvent): void;
  message(frame: unknown): void;
  level(voices: Voices): void;
  devices(): void;
  /** Something failed; the call goes on. */
  problem(error: CallError): void;
  /** The call is over without `close()`: null when the server hung up. */
  ended(error: CallError | null): void;
}

/** What a WebSocket may help against. */
const NO_WAY: readonly CallErrorKind[] = ["no-route", "no-answer", "unsupported"];
/** A hang-up tells the server to free the place; it may be out of reach as well. */
const HANG_UP_TIMEOUT_MS = 2_000;

export class Call {
  /** Another one when the server holds the first for a connection that failed. */
  webrtcId: string;
  readonly mode: Mode;
  readonly kinds: readonly MediaKind[];
  readonly media: LocalMedia;
  readonly remoteStream = new MediaStream();
  readonly sound: Sound;

  readonly #options: CallOptions;
  readonly #events: CallEvents;
  readonly #outbox = new Outbox((frame) => this.#transport.send(frame));
  readonly #wakeLock = new ScreenWakeLock();
  readonly #gates = { user: new VoiceGate(), bot: new VoiceGate() };
  #transport: Transport;
  #unannounce: (() => void) | null = null;
  #frame: number | null = null;
  #connected = false;
  #closed = false;

  constructor(options: CallOptions, events: CallEvents) {
    this.#options = options;
    this.#events = events;
    this.webrtcId = options.webrtcId;
    this.mode = options.mode;
    this.kinds = options.kinds;
    this.media = this.#newMedia();
    this.#transport = this.#newPeer();
    // Without sound there is nothing that a browser could refuse to play.
    const heard = options.kinds.includes("audio");
    this.sound = new Sound(
      heard ? options.audioElement : null,
      this.remoteStream,
      (cause) => {
        const text = strings.errors.playback;
        events.problem(new CallError("playback", text, { cause }));
      },
    );
  }

  get transport(): Transport {
    return this.#transport;
  }

  /**
   * Resolves when connected, or when `close()` was called meanwhile.
   *
   * @throws CallError why it failed
   */
  async connect(): Promise<void> {
    try {
      await this.#transport.connect();
    } catch (error) {
      if (this.#isOver()) return;
      await this.#fallBack(error);
    }
    if (!this.#isOver()) this.#onConnected();
  }

  /** @throws CallError too much waits already */
  sendText(text: string): void {
    this.#outbox.put(text);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#outbox.clear();
    this.#wakeLock.release();
    this.#unannounce?.();
    this.#transport.close();
    this.media.close();
    this.sound.close();
    this.#hangUp();
  }

  /** Asked anew after each wait, in which `close()` may have been called. */
  #isOver(): boolean {
    return this.#closed;
  }

  #newMedia(): LocalMedia {
    const { kinds, wishes, choices, screen } = this.#options;
    return new LocalMedia(
      kinds,
      wishes,
      choices,
      {
        send: (kind, track) => this.#transport.replaceTrack(kind, track),
        changed: () => {
          if (this.#closed) return;
          if (this.#connected) this.sound.hearUser(this.media.stream);
          this.#events.devices();
        },
        problem: (error) => {
          if (!this.#closed) this.#events.problem(error);
        },
      },
      screen,
    );
  }

  #newPeer(): Peer {
    const { webrtcId, mode, kinds, signalling, rtpParameters, resumable } =
      this.#options;
    const capture = () => this.media.open();
    const { remoteStream } = this;
    return new Peer(
      {
        webrtcId,
        mode,
        kinds,
        capture,
        remoteStream,
        signalling,
        rtpParameters,
        resumable,
        connectTimeoutMs: this.#canFallBack()
          ? FALLBACK_AFTER_MS
          : CONNECT_TIMEOUT_MS,
      },
      this.#transportEvents(),
    );
  }

  #transportEvents(): TransportEvents {
    const happened = (event: CallEvent) => {
      if (!this.#closed) this.#events.happened(event);
    };
    return {
      negotiating: () => {
        happened({ type: "negotiate" });
      },
      interrupted: () => {
        happened({ type: "interrupted" });
      },
      attempt: (number) => {
        happened({ type: "attempt", number });
      },
      resumed: () => {
        if (!this.#closed) this.#hear();
        happened({ type: "resumed" });
      },
      opened: () => {
        this.#outbox.flush();
      },
      message: (frame) => {
        if (!this.#closed) this.#events.message(frame);
      },
      ended: (error) => {
        if (!this.#closed) this.#events.ended(error);
      },
    };
  }

  /** WebRTC found no way: sound also goes through the page's own port. */
  async #fallBack(failure: unknown): Promise<void> {
    const url = await this.#fallbackUrl(failure);
    if (this.#isOver()) return;
    if (url === null) throw failure;
    if (this.#transport.offered) await this.#freePlace();
    try {
      await this.#connectBy(url);
    } catch {
      // The first error says more than that the second way failed too.
      if (!this.#isOver()) throw failure;
    }
  }

  async #connectBy(url: string): Promise<void> {
    try {
      await this.#connectSocket(url);
    } catch (error) {
      const taken = error instanceof CallError && error.kind === "exists";
      if (!taken || this.#isOver()) throw error;
      // The server still holds the name for the connection that failed; and an address
      // may be good for one call.
      this.webrtcId = newCallId();
      await this.#connectSocket((await this.#options.fallbackUrl?.()) ?? url);
    }
  }

  async #fallbackUrl(failure: unknown): Promise<string | null> {
    const { fallbackUrl } = this.#options;
    const noWay = failure instanceof CallError && NO_WAY.includes(failure.kind);
    if (fallbackUrl === null || !this.#canFallBack() || !noWay) return null;
    return await fallbackUrl().catch(() => null);
  }

  #canFallBack(): boolean {
    const { fallbackUrl, kinds } = this.#options;
    const soundOnly = kinds.includes("audio") && !kinds.includes("video");
    return fallbackUrl !== null && soundOnly;
  }

  async #connectSocket(url: string): Promise<void> {
    const { remoteStream, mode, webrtcId } = this;
    for (const track of remoteStream.getTracks()) remoteStream.removeTrack(track);
    const call = new WebSocketCall(
      {
        url,
        webrtcId,
        mode,
        capture: () => this.media.open(),
        remoteStream,
        context: this.sound.context,
      },
      this.#transportEvents(),
    );
    if (this.#isOver()) return;
    this.#transport = call;
    await call.connect();
    if (!this.#isOver())
      this.#events.happened({ type: "transport", transport: "websocket" });
  }

  async #freePlace(): Promise<void> {
    const { signalling, webrtcId } = this.#options;
    const late = () => new CallError("no-answer", strings.errors.noAnswer);
    await within(signalling.hangUp(webrtcId), HANG_UP_TIMEOUT_MS, late).catch(
      () => undefined,
    );
  }

  #onConnected(): void {
    this.#connected = true;
    this.#hear();
    this.#wakeLock.acquire();
    const records = this.mode !== "receive" && this.kinds.includes("audio");
    this.#unannounce = announceCall(records, () => {
      if (!this.#closed) this.#events.ended(null);
    });
    this.#events.happened({ type: "connected" });
    this.#nextFrame();
  }

  /** What is played and measured may have other tracks than before. */
  #hear(): void {
    this.sound.hearUser(this.media.stream);
    this.sound.hearBot(this.remoteStream);
    this.sound.play();
  }

  #nextFrame(): void {
    if (this.#closed) return;
    this.#frame = requestAnimationFrame((nowMs) => {
      if (this.#closed) return;
      const voices = this.sound.measure(nowMs);
      for (const who of ["user", "bot"] as const) {
        const gate = this.#gates[who];
        if (gate.feed(voices[who].level, nowMs))
          this.#events.happened({ type: "voice", who, active: gate.active });
      }
      this.#events.level(voices);
      this.#nextFrame();
    });
  }

  #hangUp(): void {
    if (!this.#transport.offered) return;
    const { signalling } = this.#options;
    // Best effort: the server also sees the connection close.
    signalling.hangUp(this.webrtcId).catch(() => undefined);
  }
}

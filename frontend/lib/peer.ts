/** One call over WebRTC, from the first offer to the last packet. */

import type { MediaKind } from "./devices";
import { CallError, type CallErrorKind } from "./errors";
import { Link } from "./link";
import { QualityMeter, type Quality } from "./quality";
import { HEAL_MS, Resumer } from "./resume";
import type { Answer, CandidateBody, Signalling } from "./signalling";
import { strings } from "./strings";
import {
  CONNECT_TIMEOUT_MS,
  type Mode,
  type Transport,
  type TransportEvents,
} from "./transport";
import { abortable, within } from "./waiting";

export interface PeerOptions {
  webrtcId: string;
  mode: Mode;
  /** What the call carries; each kind is sent, received or both, as `mode` says. */
  kinds: readonly MediaKind[];
  /**
   * Opens the devices, or gives what is open; not called when nothing is sent.
   */
  capture: () => Promise<MediaStream>;
  /** Filled when tracks arrive; the same one when the connection is replaced. */
  remoteStream: MediaStream;
  signalling: Signalling;
  /** For RTCRtpSender.setParameters, for example `{degradationPreference}`. */
  rtpParameters?: Partial<RTCRtpSendParameters> | null;
  /** Go on with the same session after the connection was lost. */
  resumable?: boolean;
  connectTimeoutMs?: number;
}

/** A change of network takes a phone a few seconds; for servers that can't resume. */
export const RECONNECT_TIMEOUT_MS = 10_000;

/** Refusals of an attempt to resume that no later attempt will change. */
const HOPELESS: readonly CallErrorKind[] = [
  "lost",
  "exists",
  "closed",
  "refused",
  "unsupported",
];

export class Peer implements Transport {
  readonly name = "webrtc";
  offered = false;

  readonly #options: PeerOptions;
  readonly #events: TransportEvents;
  readonly #closing = new AbortController();
  #meter = new QualityMeter();
  #link: Link | null = null;
  /** The connection that shall replace a lost one. */
  #next: Link | null = null;
  /** The server carries the session by `next` already and has closed the old one. */
  #moved = false;
  /** The right to go on with this session; null for servers that don't give it. */
  #token: string | null = null;
  #connected = false;
  #answered = false;
  #resumer: Resumer | null = null;
  #giveUpTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PeerOptions, events: TransportEvents) {
    this.#options = options;
    this.#events = events;
  }

  get connection(): RTCPeerConnection | null {
    return this.#link?.connection ?? null;
  }

  async connect(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#giveUpTimer);
    this.#resumer?.stop();
    this.#next?.close();
    this.#link?.close();
  }

  async replaceTrack(
    kind: MediaKind,
    track: MediaStreamTrack | null,
  ): Promise<void> {
    await this.#link?.replaceTrack(kind, track);
    await this.#next?.replaceTrack(kind, track);
  }

  send(frame: string): boolean {
    // A lost connection's channel stays open for a while, and what it takes is lost.
    if (this.#resumer !== null) return false;
    return this.#link?.send(frame) ?? false;
  }

  async quality(): Promise<Quality | null> {
    const meter = this.#meter;
    const report = await this.connection?.getStats();
    return report === undefined ? null : meter.feed(report);
  }

  async #connect(): Promise<void> {
    const { signal } = this.#closing;
    // Asked for while the user looks at the permission prompt.
    const configuration = this.#options.signalling.configuration(signal);
    configuration.catch(() => undefined);
    const local = await abortable(this.#capture(), signal);
    this.#events.negotiating();
    await within(
      abortable(this.#negotiate(configuration, local), signal),
      this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      () => this.#unreachable(),
    );
  }

  async #capture(): Promise<MediaStream | null> {
    const { mode, kinds, capture } = this.#options;
    return mode === "receive" || kinds.length === 0 ? null : await capture();
  }

  async #negotiate(
    configuration: Promise<RTCConfiguration>,
    local: MediaStream | null,
  ): Promise<void> {
    const link = this.#create(await configuration, local, (candidate) => {
      this.#trickle(candidate);
    });
    this.#link = link;
    const sdp = await link.offer();
    this.#closing.signal.throwIfAborted();
    this.offered = true;
    const answer = await this.#offer(sdp, this.#closing.signal);
    this.#answered = true;
    await link.connection.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    await link.connected;
    await link.tune(this.#options.rtpParameters ?? {});
  }

  async #offer(sdp: string, signal: AbortSignal): Promise<Answer> {
    const { signalling, webrtcId, resumable } = this.#options;
    const wish = { resumable: resumable ?? true, resumeToken: this.#token };
    const answer = await signalling.offer(webrtcId, sdp, signal, wish);
    signal.throwIfAborted();
    this.#token = answer.resumeToken ?? this.#token;
    return answer;
  }

  #create(
    configuration: RTCConfiguration,
    local: MediaStream | null,
    onCandidate: (candidate: RTCIceCandidate) => void,
  ): Link {
    this.#closing.signal.throwIfAborted();
    const { mode, kinds, remoteStream } = this.#options;
    const link: Link = new Link(
      { configuration, mode, kinds, local },
      {
        candidate: onCandidate,
        track: (track) => {
          if (link === this.#link) remoteStream.addTrack(track);
        },
        state: (state) => {
          if (link !== this.#link) return;
          if (state === "connected") this.#connected = true;
          if (this.#connected) this.#onState(state);
        },
        opened: () => {
          if (link === this.#link) this.#events.opened();
        },
        message: (frame) => {
          // The server may speak on the new connection before it is known to work.
          this.#events.message(frame);
        },
        channelClosed: () => {
          if (link === this.#link && this.#connected) this.#onGone();
        },
      },
    );
    return link;
  }

  #onState(state: RTCPeerConnectionState): void {
    switch (state) {
      case "connected":
        this.#heal();
        break;
      case "disconnected":
        this.#interrupt(HEAL_MS);
        break;
      case "failed":
        if (this.#token === null) this.#lose();
        else this.#interrupt(0);
        break;
      case "closed":
        this.#onGone();
        break;
    }
  }

  /** The other side closed, without a word of goodbye: that would have come before. */
  #onGone(): void {
    if (this.#token === null) this.#end(null);
    else this.#interrupt(0);
  }

  #interrupt(waitMs: number): void {
    if (this.#token === null) {
      if (this.#giveUpTimer !== undefined) return;
      this.#events.interrupted();
      this.#giveUpTimer = setTimeout(() => {
        this.#lose();
      }, RECONNECT_TIMEOUT_MS);
      return;
    }
    if (this.#resumer !== null) {
      if (waitMs === 0) this.#resumer.hurry();
      return;
    }
    this.#events.interrupted();
    this.#resumer = new Resumer(waitMs, {
      attempt: (number, signal) => this.#attempt(number, signal),
      hopeless: (error) =>
        error instanceof CallError && HOPELESS.includes(error.kind),
      onGivenUp: (error) => {
        if (error instanceof CallError) this.#end(error);
        else this.#lose();
      },
    });
  }

  /** The old connection works again: a new one isn't needed any more. */
  #heal(): void {
    if (this.#moved) return;
    if (this.#resumer === null && this.#giveUpTimer === undefined) return;
    clearTimeout(this.#giveUpTimer);
    this.#giveUpTimer = undefined;
    this.#resumer?.stop();
    this.#resumer = null;
    this.#next?.close();
    this.#next = null;
    this.#events.resumed();
    this.#events.opened();
  }

  /** A new connection for the same session: aiortc can't restart ICE in the old one. */
  async #attempt(number: number, signal: AbortSignal): Promise<void> {
    this.#events.attempt(number);
    const { signalling } = this.#options;
    const configuration = await abortable(signalling.configuration(signal), signal);
    const local = await abortable(this.#capture(), signal);
    // Sent after the answer: before, the server would take them for the old one's.
    const early: RTCIceCandidate[] = [];
    let answered = false;
    const link = this.#create(configuration, local, (candidate) => {
      if (answered) this.#trickle(candidate);
      else early.push(candidate);
    });
    this.#next = link;
    const dial = async () => {
      const answer = await this.#offer(await link.offer(), signal);
      answered = true;
      this.#moved = true;
      for (const candidate of early) this.#trickle(candidate);
      const { sdp } = answer;
      await link.connection.setRemoteDescription({ type: "answer", sdp });
      await link.connected;
    };
    try {
      await abortable(dial(), signal);
    } catch (error) {
      link.close();
      throw error;
    }
    this.#adopt(link);
    await link.tune(this.#options.rtpParameters ?? {});
  }

  #adopt(link: Link): void {
    const { remoteStream } = this.#options;
    const old = this.#link;
    this.#link = link;
    this.#next = null;
    this.#moved = false;
    this.#resumer?.stop();
    this.#resumer = null;
    this.#meter = new QualityMeter();
    old?.close();
    for (const track of old?.tracks ?? []) remoteStream.removeTrack(track);
    for (const track of link.tracks) remoteStream.addTrack(track);
    this.#events.resumed();
    this.#events.opened();
  }

  #trickle({ candidate, sdpMid, sdpMLineIndex }: RTCIceCandidate): void {
    const body: CandidateBody = { candidate, sdpMid, sdpMLineIndex };
    // A lost candidate may not matter; when it does, connecting times out.
    this.#options.signalling
      .candidate(this.#options.webrtcId, body)
      .catch(() => undefined);
  }

  #lose(): void {
    this.#end(new CallError("lost", strings.errors.lost));
  }

  #end(error: CallError | null): void {
    if (this.#closing.signal.aborted) return;
    this.close();
    this.#events.ended(error);
  }

  #unreachable(): CallError {
    return this.#answered
      ? new CallError("no-route", strings.errors.noRoute)
      : new CallError("no-answer", strings.errors.noAnswer);
  }
}

export type { MediaKind } from "./devices";
export type { Mode } from "./transport";

/** One RTCPeerConnection to the server, with its tracks and its data channel. */

import type { MediaKind } from "./devices";
import { CallError } from "./errors";
import { strings } from "./strings";
import type { Mode } from "./transport";

export interface LinkOptions {
  configuration: RTCConfiguration;
  mode: Mode;
  kinds: readonly MediaKind[];
  local: MediaStream | null;
}

export interface LinkEvents {
  state(state: RTCPeerConnectionState): void;
  track(track: MediaStreamTrack): void;
  candidate(candidate: RTCIceCandidate): void;
  opened(): void;
  message(frame: unknown): void;
  channelClosed(): void;
}

export class Link {
  readonly connection: RTCPeerConnection;
  /** What came, in the order of its coming. */
  readonly tracks: MediaStreamTrack[] = [];
  /** Rejects when there is no way to the server. */
  readonly connected: Promise<void>;

  readonly #senders = new Map<MediaKind, RTCRtpSender>();
  readonly #events: LinkEvents;
  readonly #channel: RTCDataChannel;
  #closed = false;
  #giveUp: (reason: Error) => void = () => undefined;

  /** @throws CallError the browser knows no WebRTC, or the configuration is wrong */
  constructor(options: LinkOptions, events: LinkEvents) {
    this.#events = events;
    this.connection = newConnection(options.configuration);
    this.#addMedia(options);
    this.#channel = this.#addChannel();
    this.connected = this.#watch();
    this.connected.catch(() => undefined);
    this.connection.ontrack = ({ track }) => {
      this.tracks.push(track);
      events.track(track);
    };
    this.connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null && candidate.candidate !== "")
        events.candidate(candidate);
    };
  }

  /** The offer, which holds everything: the server never renegotiates. */
  async offer(): Promise<string> {
    await this.connection.setLocalDescription(await this.connection.createOffer());
    return this.connection.localDescription?.sdp ?? "";
  }

  send(frame: string): boolean {
    if (this.#channel.readyState !== "open") return false;
    this.#channel.send(frame);
    return true;
  }

  async replaceTrack(
    kind: MediaKind,
    track: MediaStreamTrack | null,
  ): Promise<void> {
    await this.#senders.get(kind)?.replaceTrack(track);
  }

  /** Apply wishes to everything that is sent. */
  async tune(wished: Partial<RTCRtpSendParameters>): Promise<void> {
    if (Object.keys(wished).length === 0) return;
    for (const sender of this.#senders.values()) {
      if (sender.track === null) continue;
      try {
        await sender.setParameters({ ...sender.getParameters(), ...wished });
      } catch (error) {
        // A wish of the site's owner; the call is fine without it.
        console.warn("fastrtc: the browser refused rtp_params", error);
      }
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#giveUp(new DOMException("closed", "AbortError"));
    this.connection.onconnectionstatechange = null;
    this.connection.onicecandidate = null;
    this.connection.ontrack = null;
    this.#channel.onclose = null;
    this.connection.close();
  }

  #addMedia({ mode, kinds, local }: LinkOptions): void {
    const direction = directionOf(mode);
    const streams = local === null ? [] : [local];
    const tracks = local?.getTracks() ?? [];
    for (const kind of kinds) {
      const track = tracks.find((one) => one.kind === kind);
      const { sender } = this.connection.addTransceiver(track ?? kind, {
        direction,
        streams,
      });
      this.#senders.set(kind, sender);
    }
  }

  #addChannel(): RTCDataChannel {
    const channel = this.connection.createDataChannel("text");
    channel.onopen = () => {
      if (!this.#closed) this.#events.opened();
    };
    channel.onmessage = ({ data }) => {
      if (!this.#closed) this.#events.message(data);
    };
    channel.onclose = () => {
      if (!this.#closed) this.#events.channelClosed();
    };
    return channel;
  }

  #watch(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      this.connection.onconnectionstatechange = () => {
        const state = this.connection.connectionState;
        if (state === "connected") resolve();
        if (state === "failed" || state === "closed")
          reject(new CallError("no-route", strings.errors.noRoute));
        this.#events.state(state);
      };
    });
  }
}

function newConnection(configuration: RTCConfiguration): RTCPeerConnection {
  if (typeof RTCPeerConnection === "undefined")
    throw new CallError("unsupported", strings.errors.unsupported);
  try {
    return new RTCPeerConnection(configuration);
  } catch (error) {
    const reason = (error as Error).message.replace(/\.$/, "");
    throw new CallError("turn", strings.errors.turn(reason), { cause: error });
  }
}

function directionOf(mode: Mode): RTCRtpTransceiverDirection {
  if (mode === "send") return "sendonly";
  return mode === "receive" ? "recvonly" : "sendrecv";
}

/** One call over WebRTC, from the first offer to the last packet. */

import { stopStream } from "./devices";
import { CallError } from "./errors";
import type { Signalling } from "./signalling";
import { strings } from "./strings";
import { abortable, within } from "./waiting";

export type Mode = "send-receive" | "send" | "receive";
export type MediaKind = "audio" | "video";

export interface PeerOptions {
  webrtcId: string;
  mode: Mode;
  /** What the call carries; each kind is sent, received or both, as `mode` says. */
  kinds: readonly MediaKind[];
  /** Opens the devices; not called in receive mode. */
  capture: () => Promise<MediaStream>;
  signalling: Signalling;
  /** For RTCRtpSender.setParameters, for example `{degradationPreference}`. */
  rtpParameters?: Partial<RTCRtpSendParameters> | null;
  connectTimeoutMs?: number;
  reconnectTimeoutMs?: number;
}

export interface PeerEvents {
  /** The devices are open, the server is being asked. */
  negotiating(): void;
  /** Packets stopped coming; they may come again. */
  interrupted(): void;
  resumed(): void;
  message(frame: unknown): void;
  /** A connected call ended without `close()`: null when the server hung up. */
  ended(error: CallError | null): void;
}

/** Two round trips and a slow TURN server fit; people wait no longer. */
export const CONNECT_TIMEOUT_MS = 15_000;
/** A change of network takes a phone a few seconds. */
export const RECONNECT_TIMEOUT_MS = 10_000;

export class Peer {
  /** Filled when tracks arrive, so that a page can play it from the click on. */
  readonly remoteStream = new MediaStream();
  localStream: MediaStream | null = null;
  connection: RTCPeerConnection | null = null;
  /** The server may know of this call. */
  offered = false;

  readonly #options: PeerOptions;
  readonly #events: PeerEvents;
  readonly #closing = new AbortController();
  #connected = false;
  #answered = false;
  #reconnecting: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PeerOptions, events: PeerEvents) {
    this.#options = options;
    this.#events = events;
  }

  /**
   * Make the call; resolves when it is connected.
   *
   * @throws CallError what failed; everything is released then
   * @throws DOMException AbortError: `close()` was called meanwhile
   */
  async connect(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Hang up: release the devices and the connection, at any time, once or often. */
  close(): void {
    this.#closing.abort();
    clearTimeout(this.#reconnecting);
    stopStream(this.localStream);
    if (this.connection !== null) {
      this.connection.onconnectionstatechange = null;
      this.connection.close();
    }
  }

  /** Send another track in place of the one of its kind, without renegotiation. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    const senders = this.connection?.getSenders() ?? [];
    const sender = senders.find((one) => one.track?.kind === track.kind);
    if (sender === undefined || this.localStream === null) return;
    const old = sender.track;
    await sender.replaceTrack(track);
    if (old !== null) {
      this.localStream.removeTrack(old);
      old.stop();
    }
    this.localStream.addTrack(track);
    // The call may have ended while the browser replaced.
    if (this.#closing.signal.aborted) track.stop();
  }

  async #connect(): Promise<void> {
    const { signal } = this.#closing;
    const { mode, signalling } = this.#options;
    // Asked for while the user looks at the permission prompt.
    const configuration = signalling.configuration(signal);
    configuration.catch(() => undefined);
    if (mode !== "receive") await this.#open();
    this.#events.negotiating();
    await within(
      abortable(this.#negotiate(configuration), signal),
      this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      () => this.#unreachable(),
    );
  }

  async #open(): Promise<void> {
    const { signal } = this.#closing;
    const opening = this.#options.capture().then((stream) => {
      // Permission given after the user gave up must not leave a device open.
      if (signal.aborted) stopStream(stream);
      return stream;
    });
    this.localStream = await abortable(opening, signal);
  }

  async #negotiate(configuration: Promise<RTCConfiguration>): Promise<void> {
    const { signal } = this.#closing;
    const { signalling, webrtcId } = this.#options;
    const connection = this.#create(await configuration);
    const connected = this.#watch(connection);
    connected.catch(() => undefined);
    connection.onicecandidate = ({ candidate }) => {
      this.#trickle(candidate);
    };
    await connection.setLocalDescription(await connection.createOffer());
    const sdp = connection.localDescription?.sdp ?? "";
    signal.throwIfAborted();
    this.offered = true;
    const answer = await signalling.offer(webrtcId, sdp, signal);
    signal.throwIfAborted();
    this.#answered = true;
    await connection.setRemoteDescription(answer);
    await connected;
    await this.#tuneSenders(connection);
  }

  #create(configuration: RTCConfiguration): RTCPeerConnection {
    this.#closing.signal.throwIfAborted();
    if (typeof RTCPeerConnection === "undefined")
      throw new CallError("unsupported", strings.errors.unsupported);
    let connection: RTCPeerConnection;
    try {
      connection = new RTCPeerConnection(configuration);
    } catch (error) {
      const reason = (error as Error).message.replace(/\.$/, "");
      throw new CallError("turn", strings.errors.turn(reason), { cause: error });
    }
    this.connection = connection;
    this.#addMedia(connection);
    this.#addChannel(connection);
    connection.ontrack = ({ track }) => {
      this.remoteStream.addTrack(track);
    };
    return connection;
  }

  #addMedia(connection: RTCPeerConnection): void {
    const direction = directionOf(this.#options.mode);
    for (const kind of this.#options.kinds) {
      const tracks = this.localStream?.getTracks() ?? [];
      const track = tracks.find((one) => one.kind === kind);
      const streams = this.localStream === null ? [] : [this.localStream];
      connection.addTransceiver(track ?? kind, { direction, streams });
    }
  }

  /** Must be part of the first offer: the server never renegotiates. */
  #addChannel(connection: RTCPeerConnection): void {
    const channel = connection.createDataChannel("text");
    channel.onmessage = ({ data }) => {
      if (!this.#closing.signal.aborted) this.#events.message(data);
    };
    channel.onclose = () => {
      if (this.#connected) this.#end(null);
    };
  }

  #trickle(candidate: RTCIceCandidate | null): void {
    if (candidate === null || candidate.candidate === "") return;
    const { sdpMid, sdpMLineIndex } = candidate;
    const body = { candidate: candidate.candidate, sdpMid, sdpMLineIndex };
    // A lost candidate may not matter; when it does, connecting times out.
    this.#options.signalling
      .candidate(this.#options.webrtcId, body)
      .catch(() => undefined);
  }

  /** Resolves when connected; later changes go to the events. */
  #watch(connection: RTCPeerConnection): Promise<void> {
    return new Promise((resolve, reject) => {
      connection.onconnectionstatechange = () => {
        switch (connection.connectionState) {
          case "connected":
            if (this.#reconnecting !== undefined) this.#resume();
            this.#connected = true;
            resolve();
            break;
          case "disconnected":
            if (this.#connected) this.#interrupt();
            break;
          case "failed":
            reject(this.#unreachable());
            if (this.#connected) this.#lose();
            break;
          case "closed":
            if (this.#connected) this.#end(null);
            break;
        }
      };
    });
  }

  #interrupt(): void {
    if (this.#reconnecting !== undefined) return;
    this.#events.interrupted();
    this.#reconnecting = setTimeout(() => {
      this.#lose();
    }, this.#options.reconnectTimeoutMs ?? RECONNECT_TIMEOUT_MS);
  }

  #resume(): void {
    clearTimeout(this.#reconnecting);
    this.#reconnecting = undefined;
    this.#events.resumed();
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

  async #tuneSenders(connection: RTCPeerConnection): Promise<void> {
    const wished = this.#options.rtpParameters ?? {};
    if (Object.keys(wished).length === 0) return;
    for (const sender of connection.getSenders()) {
      if (sender.track === null) continue;
      try {
        await sender.setParameters({ ...sender.getParameters(), ...wished });
      } catch (error) {
        // A wish of the site's owner; the call is fine without it.
        console.warn("fastrtc: the browser refused rtp_params", error);
      }
    }
  }
}

function directionOf(mode: Mode): RTCRtpTransceiverDirection {
  if (mode === "send") return "sendonly";
  return mode === "receive" ? "recvonly" : "sendrecv";
}

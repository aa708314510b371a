/**
 * One call over a WebSocket of the page's own port, where WebRTC finds no way: the same
 * session, sound as binary frames of PCM, everything else as JSON.
 */

import type { MediaKind } from "./devices";
import { CallError, fromRefusal } from "./errors";
import { rate, type Quality } from "./quality";
import { strings } from "./strings";
import {
  CONNECT_TIMEOUT_MS,
  type Mode,
  type Transport,
  type TransportEvents,
} from "./transport";
import { abortable, within } from "./waiting";
import { CAPTURE, loadWorklets, PLAYBACK, RATE_HZ } from "./worklets";

export interface WebSocketCallOptions {
  /** Of the page's own origin, or whole: `ws:`, `wss:`, `http:` and `https:` alike. */
  url: string;
  webrtcId: string;
  mode: Mode;
  /** Gives the microphone; not called in receive mode. */
  capture: () => Promise<MediaStream>;
  /** Gets the bot's voice as a track. */
  remoteStream: MediaStream;
  context: AudioContext | null;
  connectTimeoutMs?: number;
}

const FORMAT = { encoding: "pcm16", sample_rate: RATE_HZ };
/** A second of the microphone; when the network is slower, newer sound is dropped. */
export const MAX_UNSENT_BYTES = RATE_HZ * 2;
/** Servers and proxies close what is silent for a minute, as a listener is. */
export const KEEP_ALIVE_MS = 20_000;
const PONG_TIMEOUT_MS = 2_000;
const NORMAL_CLOSURE = 1000;

/** What comes in a text frame. */
interface Frame extends Record<string, unknown> {
  event?: unknown;
  type?: unknown;
}

export class WebSocketCall implements Transport {
  readonly name = "websocket";
  readonly connection = null;
  offered = false;

  readonly #options: WebSocketCallOptions;
  readonly #events: TransportEvents;
  readonly #closing = new AbortController();
  readonly #nodes: AudioNode[] = [];
  #socket: WebSocket | null = null;
  #started = false;
  #keepAlive: ReturnType<typeof setInterval> | undefined;
  #onStarted: () => void = () => undefined;
  #onRefused: (error: CallError) => void = () => undefined;
  #onPong: (() => void) | null = null;
  /** What the server said last before it closed. */
  #complaint: string | null = null;
  #capture: AudioWorkletNode | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #playback: AudioWorkletNode | null = null;

  constructor(options: WebSocketCallOptions, events: TransportEvents) {
    this.#options = options;
    this.#events = events;
  }

  async connect(): Promise<void> {
    const { signal } = this.#closing;
    try {
      await within(
        abortable(this.#connect(), signal),
        this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        noAnswer,
      );
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearInterval(this.#keepAlive);
    const socket = this.#socket;
    if (socket !== null) {
      if (this.#started) this.#write({ event: "stop" });
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(NORMAL_CLOSURE);
    }
    this.#source?.disconnect();
    for (const node of this.#nodes) node.disconnect();
    if (this.#capture !== null) this.#capture.port.onmessage = null;
  }

  replaceTrack(kind: MediaKind, track: MediaStreamTrack | null): Promise<void> {
    if (kind === "audio") this.#listen(track);
    return Promise.resolve();
  }

  send(frame: string): boolean {
    if (!this.#started || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(frame);
    return true;
  }

  /** The round trip alone: TCP hides loss, and sends again what was lost. */
  async quality(): Promise<Quality | null> {
    const roundTripMs = await this.#ping();
    const unknown = { lossPercent: null, jitterMs: null };
    const lost = roundTripMs === null;
    return {
      ...unknown,
      roundTripMs,
      framesPerSecond: null,
      bitRateIn: null,
      bitRateOut: null,
      rating: lost ? "poor" : rate({ ...unknown, roundTripMs }),
    };
  }

  async #connect(): Promise<void> {
    const { context, mode, capture } = this.#options;
    if (context === null)
      throw new CallError("unsupported", strings.errors.unsupported);
    const local = mode === "receive" ? null : await capture();
    await loadWorklets(context);
    this.#closing.signal.throwIfAborted();
    // Before the server may speak: its first frame must not be lost.
    if (mode !== "send") this.#addPlayback(context);
    await this.#start();
    if (local !== null) this.#addCapture(context, local);
    this.#started = true;
    this.#keepAlive = setInterval(() => {
      this.#write({ event: "ping" });
    }, KEEP_ALIVE_MS);
    this.#events.opened();
  }

  /** Resolves when the server accepted the call. */
  #start(): Promise<void> {
    const socket = new WebSocket(webSocketUrl(this.#options.url));
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    return new Promise((resolve, reject) => {
      this.#onStarted = resolve;
      this.#onRefused = reject;
      socket.onopen = () => {
        this.offered = true;
        const websocket_id = this.#options.webrtcId;
        this.#write({
          event: "start",
          websocket_id,
          format: FORMAT,
          output: FORMAT,
        });
      };
      socket.onmessage = ({ data }: MessageEvent<unknown>) => {
        this.#receive(data);
      };
      socket.onclose = ({ code }) => {
        this.#onClose(code);
      };
    });
  }

  #receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      // An odd byte would be half a sample.
      if (data.byteLength % 2 === 0) this.#playback?.port.postMessage(data, [data]);
      return;
    }
    const frame = parse(data);
    if (frame === null) return;
    if (frame.status === "failed" && !this.#started) {
      this.#onRefused(fromRefusal(frame.meta ?? {}));
      return;
    }
    switch (frame.event) {
      case "started":
        this.#onStarted();
        break;
      case "clear":
        this.#playback?.port.postMessage("clear");
        break;
      case "pong":
        this.#onPong?.();
        break;
      default:
        if (frame.type === "error" && typeof frame.data === "string")
          this.#complaint = frame.data;
        if (this.#started) this.#events.message(frame);
    }
  }

  #onClose(code: number): void {
    const complaint = this.#complaint;
    this.#onRefused(
      complaint === null ? noAnswer() : new CallError("refused", complaint),
    );
    if (!this.#started) return;
    this.close();
    const lost = new CallError("lost", strings.errors.lost);
    this.#events.ended(code === NORMAL_CLOSURE ? null : lost);
  }

  #addPlayback(context: AudioContext): void {
    const playback = new AudioWorkletNode(context, PLAYBACK, {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    const speaker = new MediaStreamAudioDestinationNode(context, {
      channelCount: 1,
    });
    playback.connect(speaker);
    this.#playback = playback;
    this.#nodes.push(playback, speaker);
    for (const track of speaker.stream.getAudioTracks())
      this.#options.remoteStream.addTrack(track);
  }

  #addCapture(context: AudioContext, local: MediaStream): void {
    const capture = new AudioWorkletNode(context, CAPTURE, {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    capture.port.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      this.#sendSound(data);
    };
    this.#capture = capture;
    this.#nodes.push(capture);
    this.#listen(local.getAudioTracks()[0] ?? null);
  }

  #listen(track: MediaStreamTrack | null): void {
    const { context } = this.#options;
    this.#source?.disconnect();
    this.#source = null;
    if (track === null || this.#capture === null || context === null) return;
    this.#source = new MediaStreamAudioSourceNode(context, {
      mediaStream: new MediaStream([track]),
    });
    this.#source.connect(this.#capture);
  }

  #sendSound(frame: ArrayBuffer): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount <= MAX_UNSENT_BYTES) socket.send(frame);
  }

  async #ping(): Promise<number | null> {
    if (!this.send(JSON.stringify({ event: "ping" }))) return null;
    const sentMs = performance.now();
    const pong = new Promise<void>((resolve) => {
      this.#onPong = resolve;
    });
    try {
      await within(pong, PONG_TIMEOUT_MS, noAnswer);
      return performance.now() - sentMs;
    } catch {
      return null;
    }
  }

  #write(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(JSON.stringify(message));
  }
}

function noAnswer(): CallError {
  return new CallError("no-answer", strings.errors.noAnswer);
}

function webSocketUrl(url: string): string {
  const whole = new URL(url, location.href);
  whole.protocol = whole.protocol.replace(/^http/, "ws");
  return whole.href;
}

function parse(data: unknown): Frame | null {
  if (typeof data !== "string") return null;
  try {
    const value = JSON.parse(data) as unknown;
    return typeof value === "object" ? (value as Frame | null) : null;
  } catch {
    return null;
  }
}

/** A voice call as a page uses it: connect, mute, choose a microphone, close. */

import {
  forDevice,
  openMicrophone,
  stopStream,
  VOICE_CONSTRAINTS,
} from "./devices";
import { CallError, toCallError } from "./errors";
import { newCallId } from "./identity";
import { silence, VoiceGate, type Voices } from "./levels";
import { parseMessage, type ServerMessage } from "./messages";
import { Peer, type Mode } from "./peer";
import {
  HttpSignalling,
  type ConfigurationSource,
  type Signalling,
} from "./signalling";
import { Sound } from "./sound";
import { IDLE, reduce, type CallEvent, type CallState } from "./state";
import { strings } from "./strings";
import { typedEventTarget } from "./typed_events";

export interface FastRTCClientOptions {
  /** Where the Stream is mounted; "" (the default) is this page's own origin. */
  url?: string;
  mode?: Mode;
  /** Wishes for the microphone; null or left out: what suits voices. */
  constraints?: MediaTrackConstraints | null;
  /** ICE servers, or a function that gives them anew for each call. */
  rtcConfiguration?: ConfigurationSource;
  /** Another way to the server than `POST {url}/webrtc/offer`. */
  signalling?: Signalling;
  /** Plays the reply; null when the page plays `remoteStream` itself. */
  audioElement?: HTMLAudioElement | null;
  rtpParameters?: Partial<RTCRtpSendParameters> | null;
}

export interface FastRTCClientEvents {
  /** The call does something else now. */
  state: CallState;
  /** The server said something over the data channel. */
  message: ServerMessage;
  /** Both voices, once a frame of the screen while connected. */
  level: Voices;
  /** Something failed; `message` is a sentence to show. */
  error: CallError;
}

/** What belongs to one call and ends with it. */
interface Call {
  webrtcId: string;
  peer: Peer;
  sound: Sound;
  gates: { user: VoiceGate; bot: VoiceGate };
  frame: number | null;
}

const NO_VOICES: Voices = { user: silence(), bot: silence() };

/**
 * One page's voice call; after a call ended, `connect()` starts the next one.
 *
 * Events (CustomEvent, the value is in `detail`): `state`, `message`, `level`, `error`.
 */
export class FastRTCClient extends typedEventTarget<FastRTCClientEvents>() {
  readonly #options: FastRTCClientOptions;
  readonly #signalling: Signalling;
  readonly #onPageHide = () => {
    this.close();
  };
  #state: CallState = IDLE;
  #call: Call | null = null;
  #webrtcId = newCallId();
  #used = false;
  #muted = false;
  #deviceId: string | null = null;
  /** Counts the choices of a microphone: the last one wins. */
  #switches = 0;
  #defaultElement: HTMLAudioElement | undefined;

  constructor(options: FastRTCClientOptions = {}) {
    super();
    this.#options = options;
    this.#signalling =
      options.signalling ??
      new HttpSignalling(options.url ?? "", options.rtcConfiguration);
  }

  /** The name of this call, or of the next one while there is none. */
  get webrtcId(): string {
    return this.#webrtcId;
  }

  get state(): CallState {
    return this.#state;
  }

  get muted(): boolean {
    return this.#muted;
  }

  get speakerMuted(): boolean {
    return this.#audioElement?.muted ?? false;
  }

  get localStream(): MediaStream | null {
    return this.#call?.peer.localStream ?? null;
  }

  get remoteStream(): MediaStream | null {
    return this.#call?.peer.remoteStream ?? null;
  }

  get peerConnection(): RTCPeerConnection | null {
    return this.#call?.peer.connection ?? null;
  }

  /** Both voices as last measured; silent without a call. */
  get voices(): Voices {
    return this.#call?.sound.voices ?? NO_VOICES;
  }

  /** The microphone in use, once it is open. */
  get microphoneId(): string | null {
    const track = this.localStream?.getAudioTracks()[0];
    return track?.getSettings().deviceId ?? this.#deviceId;
  }

  /**
   * Call. Must be called in the handler of a click or a key, or browsers may refuse
   * to play the reply. Resolves when connected, or when `close()` was called
   * meanwhile; does nothing while a call is active.
   *
   * @throws CallError why it failed; the state is `failed` then
   */
  async connect(): Promise<void> {
    if (this.#call !== null) return;
    if (this.#used) this.#webrtcId = newCallId();
    this.#used = true;
    const call = this.#begin();
    this.#call = call;
    this.#apply({ type: "start" });
    try {
      await call.peer.connect();
      if (this.#call === call) this.#connected(call);
    } catch (error) {
      // Cancelled by close(), which already told everybody.
      if (this.#call !== call) return;
      const failure = toCallError(error);
      this.#finish({ type: "fail", error: failure });
      throw failure;
    }
  }

  /** Hang up, or give up connecting. */
  close(): void {
    this.#finish({ type: "end" });
  }

  /** Mute the microphone; holds for later calls as well. */
  mute(muted: boolean): void {
    this.#muted = muted;
    this.#applyMute(this.localStream);
  }

  /** Mute the reply; holds for later calls as well. */
  muteSpeaker(muted: boolean): void {
    const element = this.#audioElement;
    if (element === null) return;
    element.muted = muted;
    if (!muted) this.#call?.sound.play();
  }

  /**
   * Use another microphone, in the middle of a call without reconnecting.
   *
   * @throws CallError it could not be opened; the call goes on
   */
  async setMicrophone(deviceId: string): Promise<void> {
    const before = this.#deviceId;
    this.#deviceId = deviceId;
    const call = this.#call;
    if (call === null || call.peer.localStream === null) return;
    const turn = ++this.#switches;
    try {
      await this.#switchTrack(call, turn);
    } catch (error) {
      if (turn === this.#switches) this.#deviceId = before;
      const track = call.peer.localStream.getAudioTracks()[0];
      const { switchFailed, microphoneLost } = strings.errors;
      const text = track?.readyState === "live" ? switchFailed : microphoneLost;
      throw new CallError("microphone", text, { cause: error });
    }
  }

  /** What the browser counts of this call, or null without one. */
  async stats(): Promise<RTCStatsReport | null> {
    return (await this.peerConnection?.getStats()) ?? null;
  }

  get #audioElement(): HTMLAudioElement | null {
    if (this.#options.audioElement !== undefined) return this.#options.audioElement;
    return (this.#defaultElement ??= new Audio());
  }

  get #constraints(): MediaTrackConstraints {
    const wished = this.#options.constraints ?? VOICE_CONSTRAINTS;
    return this.#deviceId === null ? wished : forDevice(wished, this.#deviceId);
  }

  #begin(): Call {
    const webrtcId = this.#webrtcId;
    const peer: Peer = new Peer(
      {
        webrtcId,
        mode: this.#options.mode ?? "send-receive",
        kinds: ["audio"],
        capture: () => this.#capture(),
        signalling: this.#signalling,
        rtpParameters: this.#options.rtpParameters ?? null,
      },
      {
        negotiating: () => {
          this.#applyFor(peer, { type: "negotiate" });
        },
        interrupted: () => {
          this.#applyFor(peer, { type: "interrupted" });
        },
        resumed: () => {
          this.#applyFor(peer, { type: "resumed" });
        },
        message: (frame) => {
          if (this.#call?.peer === peer) this.#receive(frame);
        },
        ended: (error) => {
          if (this.#call?.peer !== peer) return;
          this.#finish(error === null ? { type: "end" } : { type: "fail", error });
        },
      },
    );
    const sound = new Sound(this.#audioElement, peer.remoteStream, (cause) => {
      const text = strings.errors.playback;
      this.#emit("error", new CallError("playback", text, { cause }));
    });
    globalThis.addEventListener("pagehide", this.#onPageHide);
    const gates = { user: new VoiceGate(), bot: new VoiceGate() };
    return { webrtcId, peer, sound, gates, frame: null };
  }

  async #capture(): Promise<MediaStream> {
    const stream = await openMicrophone(this.#constraints);
    this.#applyMute(stream);
    this.#watchTrack(stream.getAudioTracks()[0]);
    return stream;
  }

  #applyMute(stream: MediaStream | null): void {
    for (const track of stream?.getAudioTracks() ?? [])
      track.enabled = !this.#muted;
  }

  /** A microphone that is unplugged during a call is replaced by the default one. */
  #watchTrack(track: MediaStreamTrack | undefined): void {
    track?.addEventListener("ended", () => {
      const call = this.#call;
      // Its owner stopped it, or it has been replaced already.
      if (call?.peer.localStream?.getAudioTracks()[0] !== track) return;
      this.#deviceId = null;
      this.#switchTrack(call, ++this.#switches).catch((cause: unknown) => {
        const text = strings.errors.microphoneLost;
        this.#emit("error", new CallError("microphone", text, { cause }));
      });
    });
  }

  async #switchTrack(call: Call, turn: number): Promise<void> {
    const stream = await this.#captureAgain(call);
    const track = stream.getAudioTracks()[0];
    // Hung up, or yet another one chosen, while this one opened.
    if (track === undefined || this.#call !== call || turn !== this.#switches) {
      stopStream(stream);
      return;
    }
    await call.peer.replaceTrack(track);
    if (this.#call === call) call.sound.hearUser(call.peer.localStream);
    this.#emit("state", this.#state);
  }

  /** Some browsers open one microphone at a time: then the old one goes first. */
  async #captureAgain(call: Call): Promise<MediaStream> {
    try {
      return await this.#capture();
    } catch (error) {
      if (!(error instanceof CallError) || error.kind !== "busy-microphone")
        throw error;
      stopStream(call.peer.localStream);
      return await this.#capture();
    }
  }

  #connected(call: Call): void {
    call.sound.hearUser(call.peer.localStream);
    call.sound.hearBot(call.peer.remoteStream);
    call.sound.play();
    this.#apply({ type: "connected" });
    this.#nextFrame(call);
  }

  #nextFrame(call: Call): void {
    call.frame = requestAnimationFrame((nowMs) => {
      if (this.#call !== call) return;
      const voices = call.sound.measure(nowMs);
      for (const who of ["user", "bot"] as const) {
        const gate = call.gates[who];
        if (gate.feed(voices[who].level, nowMs))
          this.#apply({ type: "voice", who, active: gate.active });
      }
      this.#emit("level", voices);
      this.#nextFrame(call);
    });
  }

  #receive(frame: unknown): void {
    const message = parseMessage(frame);
    if (message === null) return;
    this.#emit("message", message);
    switch (message.type) {
      case "log":
        this.#apply({ type: "log", data: message.data });
        break;
      case "stopword":
        this.#apply({ type: "log", data: "started_talking" });
        break;
      case "error":
        this.#emit("error", new CallError("handler", message.data));
        break;
      case "end_stream":
        this.#finish({ type: "end", notice: message.data });
        break;
      case "update_connection":
        if (message.data === "closed") this.#finish({ type: "end" });
        break;
    }
  }

  #finish(event: CallEvent & { type: "end" | "fail" }): void {
    const call = this.#call;
    if (call === null) return;
    this.#call = null;
    this.#switches++;
    if (call.frame !== null) cancelAnimationFrame(call.frame);
    call.peer.close();
    call.sound.close();
    globalThis.removeEventListener("pagehide", this.#onPageHide);
    // Best effort: the server also sees the connection close.
    if (call.peer.offered)
      this.#signalling.hangUp(call.webrtcId).catch(() => undefined);
    this.#apply(event);
    if (event.type === "fail") this.#emit("error", event.error);
  }

  #applyFor(peer: Peer, event: CallEvent): void {
    if (this.#call?.peer === peer) this.#apply(event);
  }

  #apply(event: CallEvent): void {
    const next = reduce(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    this.#emit("state", next);
  }

  #emit<Type extends keyof FastRTCClientEvents>(
    type: Type,
    detail: FastRTCClientEvents[Type],
  ): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

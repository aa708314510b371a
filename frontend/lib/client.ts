/** A call as a page uses it: connect, mute, choose devices, share the screen, close. */

import { Call } from "./call";
import { Choices } from "./choices";
import type {
  DeviceChange,
  FastRTCClientEvents,
  FastRTCClientOptions,
} from "./client_types";
import { withCaption, type Caption } from "./captions";
import { wishesOf, type MediaKind } from "./devices";
import { CallError, toCallError } from "./errors";
import { newCallId } from "./identity";
import { silence, type Voices } from "./levels";
import { parseMessage } from "./messages";
import type { Quality } from "./quality";
import { openScreen } from "./screen_share";
import { HttpSignalling, type Signalling } from "./signalling";
import { IDLE, reduce, type CallEvent, type CallState } from "./state";
import { strings } from "./strings";
import type { Mode, TransportName } from "./transport";
import { typedEventTarget } from "./typed_events";

export type { DeviceChange, FastRTCClientEvents, FastRTCClientOptions };

const NO_VOICES: Voices = { user: silence(), bot: silence() };
const VOICE: readonly MediaKind[] = ["audio"];

/**
 * One page's call; after a call ended, `connect()` starts the next one.
 *
 * Events (CustomEvent, the value is in `detail`): `state`, `message`, `caption`,
 * `level`, `devices`, `error`.
 */
export class FastRTCClient extends typedEventTarget<FastRTCClientEvents>() {
  readonly #options: FastRTCClientOptions;
  readonly #signalling: Signalling;
  readonly #choices = new Choices();
  readonly #onPageHide = () => {
    this.close();
  };
  #state: CallState = IDLE;
  #call: Call | null = null;
  #webrtcId = newCallId();
  #used = false;
  #captions: readonly Caption[] = [];
  /** Chosen before the call: its picture from the beginning. */
  #screen: MediaStreamTrack | null = null;
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
    return this.#call?.webrtcId ?? this.#webrtcId;
  }

  get state(): CallState {
    return this.#state;
  }

  /** What the call carries, or the next one will. */
  get kinds(): readonly MediaKind[] {
    return this.#call?.kinds ?? this.#options.kinds ?? VOICE;
  }

  get mode(): Mode {
    return this.#call?.mode ?? this.#options.mode ?? "send-receive";
  }

  get timeLimitSeconds(): number | null {
    return this.#options.timeLimitSeconds ?? null;
  }

  get muted(): boolean {
    return this.#choices.muted.audio;
  }

  get cameraMuted(): boolean {
    return this.#choices.muted.video;
  }

  get speakerMuted(): boolean {
    return this.#audioElement?.muted ?? false;
  }

  /** The screen is what the call shows, or the next one will. */
  get sharing(): boolean {
    return this.#call?.media.sharing ?? this.#screen !== null;
  }

  get transport(): TransportName {
    return this.#call?.transport.name ?? "webrtc";
  }

  /** Of this call, or of the last one. */
  get captions(): readonly Caption[] {
    return this.#captions;
  }

  /** What is sent: microphone, and camera or screen. */
  get localStream(): MediaStream | null {
    return this.#call?.media.stream ?? null;
  }

  /** What comes; the same object from `connect()` to the end of the call. */
  get remoteStream(): MediaStream | null {
    return this.#call?.remoteStream ?? null;
  }

  /** Another one after a lost connection was replaced; null with a WebSocket. */
  get peerConnection(): RTCPeerConnection | null {
    return this.#call?.transport.connection ?? null;
  }

  /** Both voices as last measured; silent without a call. */
  get voices(): Voices {
    return this.#call?.sound.voices ?? NO_VOICES;
  }

  /** The microphone in use, once it is open. */
  get microphoneId(): string | null {
    return this.#deviceId("audio");
  }

  /** The camera in use, once it is open; also while the screen is shown instead. */
  get cameraId(): string | null {
    return this.#deviceId("video");
  }

  /**
   * Call. Best called in the handler of a click or a key: elsewhere browsers may refuse
   * to play the reply until the next one, which an `error` event tells (`playback`).
   * Resolves when connected, or when `close()` was called meanwhile; does nothing while
   * a call is active.
   *
   * @throws CallError why it failed; the state is `failed` then
   */
  async connect(): Promise<void> {
    if (this.#call !== null) return;
    if (this.#used) this.#webrtcId = newCallId();
    this.#used = true;
    const call = this.#begin();
    this.#call = call;
    globalThis.addEventListener("pagehide", this.#onPageHide);
    this.#apply({ type: "start" });
    this.#setCaptions([]);
    try {
      await call.connect();
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
    this.#dropScreen();
    this.#finish({ type: "end" });
  }

  /** Mute the microphone; holds for later calls as well. */
  mute(muted: boolean): void {
    this.#mute("audio", muted);
  }

  /** Turn the camera off: black is sent; holds for later calls as well. */
  muteCamera(muted: boolean): void {
    this.#mute("video", muted);
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
    await this.#choose("audio", deviceId);
  }

  /**
   * Use another camera, in the middle of a call without reconnecting.
   *
   * @throws CallError it could not be opened; the call goes on
   */
  async setCamera(deviceId: string): Promise<void> {
    await this.#choose("video", deviceId);
  }

  /**
   * Use the camera on the other side of the phone, or else the next one.
   *
   * @throws CallError there is none, or it could not be opened; the call goes on
   */
  async flipCamera(): Promise<void> {
    if (this.#call?.media.stream) {
      await this.#call.media.flip();
      return;
    }
    const { facing } = this.#choices;
    this.#choices.side(facing === "environment" ? "user" : "environment");
  }

  /**
   * Show the screen in place of the camera; before a call, from its beginning. Must be
   * called in the handler of a click or a key. Resolves when it is shown, or when the
   * user changed their mind.
   *
   * @throws CallError the browser or the system doesn't allow it
   */
  async shareScreen(): Promise<void> {
    if (!this.kinds.includes("video") || this.mode === "receive")
      throw new CallError("screen", strings.errors.noVideo);
    const before = this.#call;
    const screen = await openScreen();
    if (screen === null) return;
    const call = this.#call;
    if (call !== null) await call.media.share(screen);
    // The call that it was meant for is over.
    else if (before !== null) screen.stop();
    else this.#keepScreen(screen);
  }

  /** Back to the camera, or to no picture when there is none. */
  async stopSharing(): Promise<void> {
    this.#dropScreen();
    await this.#call?.media.unshare();
  }

  /**
   * Send what the user typed; until the call is connected it waits.
   *
   * @throws CallError there is no call, the text is too long, or too many wait
   */
  sendText(text: string): void {
    if (this.#call === null) throw new CallError("no-call", strings.errors.noCall);
    this.#call.sendText(text);
  }

  /** How good the connection was since the last call of this; null without one. */
  async quality(): Promise<Quality | null> {
    return (await this.#call?.transport.quality()) ?? null;
  }

  /** What the browser counts of this call, or null without one. */
  async stats(): Promise<RTCStatsReport | null> {
    return (await this.peerConnection?.getStats()) ?? null;
  }

  get #audioElement(): HTMLAudioElement | null {
    if (this.#options.audioElement !== undefined) return this.#options.audioElement;
    return (this.#defaultElement ??= new Audio());
  }

  #begin(): Call {
    const { constraints, rtpParameters, resumable, fallbackUrl } = this.#options;
    const { kinds, mode } = this;
    const screen = mode === "receive" ? null : this.#screen;
    this.#screen = null;
    const call: Call = new Call(
      {
        webrtcId: this.#webrtcId,
        mode,
        kinds,
        wishes: wishesOf(kinds, constraints),
        choices: this.#choices,
        screen,
        signalling: this.#signalling,
        audioElement: this.#audioElement,
        rtpParameters: rtpParameters ?? null,
        resumable: resumable ?? true,
        fallbackUrl: fallbackUrl ?? null,
      },
      {
        happened: (event) => {
          this.#apply(event);
        },
        message: (frame) => {
          this.#receive(frame);
        },
        level: (voices) => {
          this.#emit("level", voices);
        },
        devices: () => {
          this.#onDevices();
        },
        problem: (error) => {
          this.#emit("error", error);
        },
        ended: (error) => {
          if (this.#call === call)
            this.#finish(
              error === null ? { type: "end" } : { type: "fail", error },
            );
        },
      },
    );
    return call;
  }

  #deviceId(kind: MediaKind): string | null {
    const track = this.#call?.media.track(kind);
    return track?.getSettings().deviceId ?? this.#choices.deviceIds[kind];
  }

  #mute(kind: MediaKind, muted: boolean): void {
    this.#choices.muted[kind] = muted;
    this.#call?.media.mute(kind, muted);
  }

  async #choose(kind: MediaKind, deviceId: string): Promise<void> {
    if (this.#call !== null) await this.#call.media.choose(kind, deviceId);
    else this.#choices.device(kind, deviceId);
  }

  #keepScreen(screen: MediaStreamTrack): void {
    this.#dropScreen();
    this.#screen = screen;
    screen.addEventListener("ended", () => {
      if (this.#screen !== screen) return;
      this.#screen = null;
      this.#onDevices();
    });
    this.#onDevices();
  }

  #dropScreen(): void {
    if (this.#screen === null) return;
    this.#screen.stop();
    this.#screen = null;
    this.#onDevices();
  }

  #onDevices(): void {
    const { microphoneId, cameraId } = this;
    const lost = [...(this.#call?.media.lost ?? [])];
    this.#emit("devices", { microphoneId, cameraId, lost });
    // Pages that show the devices with the state need no second listener.
    this.#emit("state", this.#state);
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
      case "caption":
        this.#setCaptions(withCaption(this.#captions, message.data));
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

  #setCaptions(captions: readonly Caption[]): void {
    if (captions === this.#captions) return;
    if (captions.length === 0 && this.#captions.length === 0) return;
    this.#captions = captions;
    this.#emit("caption", captions);
  }

  #finish(event: CallEvent & { type: "end" | "fail" }): void {
    const call = this.#call;
    if (call === null) return;
    this.#webrtcId = call.webrtcId;
    this.#call = null;
    globalThis.removeEventListener("pagehide", this.#onPageHide);
    call.close();
    this.#apply(event);
    if (event.type === "fail") this.#emit("error", event.error);
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

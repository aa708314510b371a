/** What the user sends: the tracks of microphone, camera or screen of one call. */

import { flipOf } from "./cameras";
import type { Choices } from "./choices";
import {
  listCameras,
  onDeviceChange,
  openDevice,
  openMedia,
  permissionStatus,
  stopStream,
  type MediaKind,
  type Wishes,
} from "./devices";
import { CallError, deviceLost } from "./errors";
import { strings } from "./strings";

export interface LocalMediaEvents {
  /** Send this track, or nothing, in place of the one of its kind. */
  send(kind: MediaKind, track: MediaStreamTrack | null): Promise<void>;
  /** Another device is in use, or one is lost. */
  changed(): void;
  /** Something failed; the call goes on. */
  problem(error: CallError): void;
}

/** Opens, replaces and watches the devices of one call; `close()` releases them. */
export class LocalMedia {
  /** What is sent; null until the devices are open. */
  stream: MediaStream | null = null;
  /** Kinds whose device is gone, so that nothing of them is sent. */
  readonly lost = new Set<MediaKind>();

  readonly #kinds: readonly MediaKind[];
  readonly #wishes: Wishes;
  readonly #choices: Choices;
  readonly #events: LocalMediaEvents;
  readonly #stops: (() => void)[] = [];
  /** Counts the choices of a device: the last one wins. */
  readonly #turns: Record<MediaKind, number> = { audio: 0, video: 0 };
  /** Tracks that ended, each dealt with once. */
  readonly #gone = new WeakSet<MediaStreamTrack>();
  #opening: Promise<MediaStream> | null = null;
  #screen: MediaStreamTrack | null;
  /** The camera, while the screen is sent in its place. */
  #parked: MediaStreamTrack | null = null;
  #closed = false;

  /** @param screen sent from the beginning in place of a camera */
  constructor(
    kinds: readonly MediaKind[],
    wishes: Wishes,
    choices: Choices,
    events: LocalMediaEvents,
    screen: MediaStreamTrack | null = null,
  ) {
    this.#kinds = kinds;
    this.#wishes = wishes;
    this.#choices = choices;
    this.#events = events;
    this.#screen = screen;
  }

  get sharing(): boolean {
    return this.#screen !== null;
  }

  /** The microphone's or camera's track, also while the screen is sent. */
  track(kind: MediaKind): MediaStreamTrack | null {
    if (kind === "video" && this.#screen !== null) return this.#parked;
    const tracks = this.stream?.getTracks() ?? [];
    return tracks.find((one) => one.kind === kind) ?? null;
  }

  /**
   * Ask for the devices, once; every later call gives the same stream.
   *
   * @throws CallError none of them could be opened
   */
  open(): Promise<MediaStream> {
    return (this.#opening ??= this.#open());
  }

  /** Turn sound or camera off and on; the other side gets silence or black. */
  mute(kind: MediaKind, muted: boolean): void {
    this.#choices.muted[kind] = muted;
    const track = this.track(kind);
    if (track !== null) track.enabled = !muted;
  }

  /**
   * Use another device.
   *
   * @throws CallError it could not be opened; the call goes on
   */
  async choose(kind: MediaKind, deviceId: string): Promise<void> {
    await this.#try(kind, this.#choices.device(kind, deviceId));
  }

  /**
   * The camera on the other side of the phone, or else the next one.
   *
   * @throws CallError there is none, or it could not be opened; the call goes on
   */
  async flip(): Promise<void> {
    const settings = this.track("video")?.getSettings();
    const cameras = await listCameras();
    const flip = flipOf(settings, cameras);
    if (flip === null)
      throw new CallError("no-camera", strings.errors.noOtherCamera);
    if ("deviceId" in flip) {
      await this.choose("video", flip.deviceId);
      return;
    }
    await this.#try("video", this.#choices.side(flip.facing));
    // Two cameras on the same side, as laptops with a second one have.
    const now = this.track("video")?.getSettings().deviceId;
    const other = flipOf({ deviceId: now ?? "" }, cameras);
    if (now === settings?.deviceId && other !== null && "deviceId" in other)
      await this.choose("video", other.deviceId);
  }

  /** Send the screen in place of the camera until `unshare()` or the screen's end. */
  async share(screen: MediaStreamTrack): Promise<void> {
    // The devices may still be opening.
    const stream = await this.#opening?.catch(() => null);
    if (this.#closed || !stream) {
      screen.stop();
      return;
    }
    const camera = this.track("video");
    const former = this.#screen;
    this.#parked = camera;
    this.#screen = screen;
    try {
      await this.#swap("video", former ?? camera, screen);
    } catch (cause) {
      this.#parked = former === null ? null : camera;
      this.#screen = former;
      throw new CallError("screen", strings.errors.screenDenied, { cause });
    }
    former?.stop();
    this.#watchScreen(screen);
    this.#events.changed();
  }

  /** Back to the camera, or to no picture when there is none. */
  async unshare(): Promise<void> {
    const { stream } = this;
    const screen = this.#screen;
    if (screen === null || stream === null) return;
    const camera = this.#parked;
    this.#screen = null;
    this.#parked = null;
    screen.stop();
    stream.removeTrack(screen);
    if (camera !== null) stream.addTrack(camera);
    this.#events.changed();
    await this.#events.send("video", camera);
  }

  /** Release everything: the browser's recording light goes out. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of this.#stops) stop();
    stopStream(this.stream);
    this.#parked?.stop();
    this.#screen?.stop();
  }

  async #open(): Promise<MediaStream> {
    const screen = this.#screen;
    const kinds = this.#kinds.filter((kind) => kind === "audio" || screen === null);
    const choices = this.#choices;
    const wishes = {
      audio: choices.applyTo(this.#wishes, "audio"),
      video: choices.applyTo(this.#wishes, "video"),
    };
    const { stream, problems } = await openMedia(kinds, wishes);
    if (this.#closed) {
      // Permission given after the user gave up must not leave a device open.
      stopStream(stream);
      return stream;
    }
    for (const track of stream.getTracks()) this.#adopt(track);
    for (const kind of kinds) this.#watchPermission(kind);
    if (screen !== null) {
      stream.addTrack(screen);
      this.#watchScreen(screen);
    }
    this.stream = stream;
    this.#noteLost(kinds);
    this.#stops.push(onDeviceChange(() => void this.#reopenLost()));
    for (const problem of problems) this.#events.problem(problem);
    return stream;
  }

  #noteLost(kinds: readonly MediaKind[]): void {
    for (const kind of kinds) if (this.track(kind) === null) this.lost.add(kind);
  }

  /** A track that is ours now: muted as chosen, and watched. */
  #adopt(track: MediaStreamTrack): void {
    const kind = track.kind as MediaKind;
    track.enabled = !this.#choices.muted[kind];
    track.addEventListener("ended", () => {
      this.#recover(kind, track);
    });
  }

  #watchScreen(screen: MediaStreamTrack): void {
    screen.addEventListener("ended", () => {
      // Ended in the browser's own bar.
      if (this.#screen === screen) this.unshare().catch(() => undefined);
    });
  }

  #watchPermission(kind: MediaKind): void {
    void permissionStatus(kind).then((status) => {
      if (status === null || this.#closed) return;
      const onChange = () => {
        const track = this.track(kind);
        if (status.state === "denied" && track !== null) this.#recover(kind, track);
        else if (status.state === "granted") void this.#reopenLost();
      };
      status.addEventListener("change", onChange);
      this.#stops.push(() => {
        status.removeEventListener("change", onChange);
      });
    });
  }

  /** Unplugged, or no longer permitted: the default device, or else none. */
  #recover(kind: MediaKind, track: MediaStreamTrack): void {
    // Its owner stopped it, or it has been replaced already.
    if (this.#closed || this.track(kind) !== track || this.#gone.has(track)) return;
    this.#gone.add(track);
    this.#choices.device(kind, null);
    this.#switch(kind).catch((cause: unknown) => {
      if (this.#closed) return;
      track.stop();
      this.lost.add(kind);
      this.#events.problem(deviceLost(kind, cause));
      this.#events.changed();
    });
  }

  /** A device was plugged in, or permission came back. */
  async #reopenLost(): Promise<void> {
    // Those that never opened were told about; the user may choose one by hand.
    for (const kind of [...this.lost]) if (!this.#closed) await this.#reopen(kind);
  }

  async #try(kind: MediaKind, takeBack: () => void): Promise<void> {
    if (this.stream === null) return;
    const turn = this.#turns[kind] + 1;
    try {
      await this.#switch(kind);
    } catch (cause) {
      if (turn === this.#turns[kind]) takeBack();
      if (this.#closed) return;
      throw await this.#switchError(kind, cause);
    }
  }

  async #switchError(kind: MediaKind, cause: unknown): Promise<CallError> {
    const { errors } = strings;
    // The old one may have had to make way, with nothing in its place.
    const live = this.track(kind)?.readyState === "live";
    if (!live && !(await this.#reopen(kind))) {
      this.lost.add(kind);
      this.#events.changed();
      return deviceLost(kind, cause);
    }
    return kind === "audio"
      ? new CallError("microphone", errors.switchFailed, { cause })
      : new CallError("camera", errors.cameraSwitchFailed, { cause });
  }

  async #reopen(kind: MediaKind): Promise<boolean> {
    try {
      await this.#switch(kind);
      return true;
    } catch {
      return false;
    }
  }

  async #switch(kind: MediaKind): Promise<void> {
    const turn = ++this.#turns[kind];
    const track = await this.#openAgain(kind);
    // Hung up, or yet another one chosen, while this one opened.
    if (this.#closed || turn !== this.#turns[kind]) {
      track.stop();
      return;
    }
    await this.#replace(kind, track);
    this.lost.delete(kind);
    this.#events.changed();
  }

  /** Phones open one camera at a time, some browsers one microphone: the old one goes. */
  async #openAgain(kind: MediaKind): Promise<MediaStreamTrack> {
    try {
      return await this.#openOne(kind);
    } catch (error) {
      const busy = kind === "audio" ? "busy-microphone" : "busy-camera";
      if (!(error instanceof CallError) || error.kind !== busy) throw error;
      this.track(kind)?.stop();
      return await this.#openOne(kind);
    }
  }

  async #openOne(kind: MediaKind): Promise<MediaStreamTrack> {
    const stream = await openDevice(
      kind,
      this.#choices.applyTo(this.#wishes, kind),
    );
    const track = stream.getTracks().find((one) => one.kind === kind);
    if (track === undefined) throw deviceLost(kind, undefined);
    this.#adopt(track);
    return track;
  }

  async #replace(kind: MediaKind, track: MediaStreamTrack): Promise<void> {
    const old = this.track(kind);
    if (kind === "video" && this.#screen !== null) this.#parked = track;
    else await this.#swap(kind, old, track);
    old?.stop();
  }

  async #swap(
    kind: MediaKind,
    old: MediaStreamTrack | null,
    track: MediaStreamTrack,
  ): Promise<void> {
    const { stream } = this;
    // The stream first: a connection that is made of it meanwhile has the new track.
    if (old !== null) stream?.removeTrack(old);
    stream?.addTrack(track);
    try {
      await this.#events.send(kind, track);
    } catch (error) {
      stream?.removeTrack(track);
      if (old !== null) stream?.addTrack(old);
      track.stop();
      throw error;
    }
    // The call may have ended while the browser replaced.
    if (this.#closed) track.stop();
  }
}

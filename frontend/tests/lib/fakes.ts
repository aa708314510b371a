/** A browser's WebRTC without a network: what a test does, happens at once. */

import { vi } from "vitest";
import type { Signalling } from "../../lib/signalling";

export class FakeTrack extends EventTarget {
  enabled = true;
  readyState: "live" | "ended" = "live";
  contentHint = "";

  constructor(
    readonly kind: "audio" | "video" = "audio",
    readonly deviceId = "default",
    readonly facingMode: string | undefined = undefined,
  ) {
    super();
  }

  stop(): void {
    this.readyState = "ended";
  }

  /** Unplugged, or no longer permitted. */
  end(): void {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }

  getSettings(): MediaTrackSettings {
    const { deviceId, facingMode } = this;
    return facingMode === undefined ? { deviceId } : { deviceId, facingMode };
  }
}

export class FakeStream {
  readonly tracks: FakeTrack[];

  constructor(tracks: FakeTrack[] = []) {
    this.tracks = [...tracks];
  }

  getTracks = () => [...this.tracks];
  getAudioTracks = () => this.tracks.filter(({ kind }) => kind === "audio");
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === "video");
  addTrack = (track: FakeTrack) => {
    if (!this.tracks.includes(track)) this.tracks.push(track);
  };
  removeTrack = (track: FakeTrack) => {
    const at = this.tracks.indexOf(track);
    if (at >= 0) this.tracks.splice(at, 1);
  };
}

export class FakeChannel {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  onopen: (() => void) | null = null;
  readyState = "connecting";
  readonly sent: string[] = [];

  constructor(readonly label: string) {}

  send = (frame: string) => void this.sent.push(frame);

  open(): void {
    this.readyState = "open";
    this.onopen?.();
  }

  /** The other side closed it, or went away. */
  close(): void {
    this.readyState = "closed";
    this.onclose?.();
  }
}

interface FakeTransceiver {
  direction: string;
  kind: string;
}

export class FakePeerConnection {
  static made: FakePeerConnection[] = [];
  static get last(): FakePeerConnection {
    const last = FakePeerConnection.made.at(-1);
    if (last === undefined) throw new Error("no connection was made");
    return last;
  }

  connectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: unknown = null;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null;
  ontrack: ((event: { track: FakeTrack }) => void) | null = null;
  channels: FakeChannel[] = [];
  transceivers: FakeTransceiver[] = [];
  senders: FakeSender[] = [];

  constructor(readonly configuration: RTCConfiguration) {
    if (configuration.iceServers?.some(({ urls }) => urls === "nonsense"))
      throw new SyntaxError("'nonsense' is not a valid URL.");
    FakePeerConnection.made.push(this);
  }

  createDataChannel(label: string): FakeChannel {
    const channel = new FakeChannel(label);
    this.channels.push(channel);
    return channel;
  }

  addTransceiver(
    what: FakeTrack | string,
    { direction }: { direction: string },
  ): { sender: FakeSender } {
    const track = typeof what === "string" ? null : what;
    const kind = typeof what === "string" ? what : what.kind;
    const sender = new FakeSender(track);
    this.transceivers.push({ direction, kind });
    this.senders.push(sender);
    return { sender };
  }

  getSenders = () => this.senders;
  stats = new Map<string, unknown>();
  getStats = () => Promise.resolve(this.stats);

  createOffer(): Promise<object> {
    const channels = this.channels.map(({ label }) => label).join();
    return Promise.resolve({ type: "offer", sdp: `v=0 ${channels}` });
  }

  setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    this.localDescription = description;
    return Promise.resolve();
  }

  setRemoteDescription(description: unknown): Promise<void> {
    this.remoteDescription = description;
    return Promise.resolve();
  }

  become(state: string): void {
    this.connectionState = state;
    if (state === "connected" && this.channels[0]?.readyState === "connecting")
      this.channels[0].open();
    this.onconnectionstatechange?.();
  }

  say(message: object): void {
    this.channels[0]?.onmessage?.({ data: JSON.stringify(message) });
  }

  close(): void {
    this.connectionState = "closed";
  }
}

class FakeSender {
  readonly replaced: (FakeTrack | null)[] = [];
  parameters: object = { encodings: [] };

  constructor(public track: FakeTrack | null) {}

  replaceTrack(track: FakeTrack | null): Promise<void> {
    this.track = track;
    this.replaced.push(track);
    return Promise.resolve();
  }

  getParameters = () => this.parameters;
  setParameters = (parameters: object) => {
    this.parameters = parameters;
    return Promise.resolve();
  };
}

export function fakeSignalling(changes: Partial<Signalling> = {}) {
  const whole: Signalling = {
    configuration: () => Promise.resolve({}),
    offer: () => Promise.resolve({ sdp: "v=0 answer", type: "answer" }),
    candidate: () => Promise.resolve(),
    hangUp: () => Promise.resolve(),
    ...changes,
  };
  return {
    configuration: vi.fn(whole.configuration),
    offer: vi.fn(whole.offer),
    candidate: vi.fn(whole.candidate),
    hangUp: vi.fn(whole.hangUp),
  };
}

/** Everything that is already decided has happened. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

export function installFakes(): void {
  FakePeerConnection.made = [];
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
  vi.stubGlobal("MediaStream", FakeStream);
  vi.stubGlobal("AudioContext", undefined);
}

/** Microphones of the fake browser; returns the spy that opens them. */
export function installDevices(
  open: (constraints: MediaStreamConstraints) => Promise<FakeStream> = () =>
    Promise.resolve(new FakeStream([new FakeTrack()])),
  listed: Partial<MediaDeviceInfo>[] = [],
  more: object = {},
) {
  const getUserMedia = vi.fn(open);
  const target = new EventTarget();
  const mediaDevices = Object.assign(target, {
    getUserMedia,
    enumerateDevices: () => Promise.resolve(listed),
  });
  vi.stubGlobal("navigator", { mediaDevices, ...more });
  return getUserMedia;
}

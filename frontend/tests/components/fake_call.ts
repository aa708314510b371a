/** A client that does nothing but what a test makes it do. */

import { render } from "@testing-library/svelte";
import { vi } from "vitest";
import Call from "../../components/Call.svelte";
import { layoutOf, type Modality } from "../../components/layouts";
import type { CallLook } from "../../components/look";
import { Typing } from "../../components/typing";
import type { Caption } from "../../lib/captions";
import type { FastRTCClient } from "../../lib/client";
import { silence } from "../../lib/levels";
import type { Mode } from "../../lib/peer";
import type { Quality } from "../../lib/quality";
import { IDLE, type CallState, type Phase } from "../../lib/state";

export const LOOK: CallLook = {
  labels: {},
  timeLimitSeconds: null,
  icon: null,
  iconColour: null,
  pulseColour: null,
  iconRadius: 50,
  fullScreen: false,
  height: null,
  mirrorWebcam: true,
};

export const GOOD: Quality = {
  roundTripMs: 38.4,
  lossPercent: 0.42,
  jitterMs: 6,
  framesPerSecond: null,
  bitRateIn: null,
  bitRateOut: null,
  rating: "good",
};

export class FakeCall extends EventTarget {
  state: CallState = IDLE;
  webrtcId = "a-call";
  muted = false;
  cameraMuted = false;
  speakerMuted = false;
  sharing = false;
  microphoneId: string | null = "built-in";
  cameraId: string | null = "front";
  transport: "webrtc" | "websocket" = "webrtc";
  kinds: readonly ("audio" | "video")[] = ["audio"];
  captions: readonly Caption[] = [];
  localStream: MediaStream | null = new MediaStream();
  remoteStream: MediaStream | null = new MediaStream();
  peerConnection = null;
  voices = { user: silence(), bot: silence() };

  become(phase: Phase, changes: Partial<CallState> = {}): void {
    this.state = { ...this.state, ...changes, phase };
    this.dispatchEvent(new CustomEvent("state", { detail: this.state }));
  }

  say(...captions: Caption[]): void {
    this.captions = captions;
    this.dispatchEvent(new CustomEvent("caption", { detail: captions }));
  }

  connect = vi.fn(() => {
    this.become("listening");
    return Promise.resolve();
  });
  close = vi.fn(() => this.become("ended"));
  mute = vi.fn((muted: boolean) => void (this.muted = muted));
  muteCamera = vi.fn((muted: boolean) => void (this.cameraMuted = muted));
  muteSpeaker = vi.fn((muted: boolean) => void (this.speakerMuted = muted));
  setMicrophone = vi.fn((id: string) => this.#chosen({ microphoneId: id }));
  setCamera = vi.fn((id: string) => this.#chosen({ cameraId: id }));
  flipCamera = vi.fn(() => Promise.resolve());
  shareScreen = vi.fn(() => this.#chosen({ sharing: true }));
  stopSharing = vi.fn(() => this.#chosen({ sharing: false }));
  quality = vi.fn((): Promise<Quality | null> => Promise.resolve(GOOD));

  #chosen(changes: object): Promise<void> {
    Object.assign(this, changes);
    this.dispatchEvent(new CustomEvent("devices"));
    return Promise.resolve();
  }

  get asClient(): FastRTCClient {
    return this as unknown as FastRTCClient;
  }
}

export interface Shown {
  modality?: Modality;
  mode?: Mode;
  look?: Partial<CallLook>;
  phase?: Phase;
  textbox?: boolean;
}

/** The whole page of a call, around a fake client. */
export function showCall(shown: Shown = {}) {
  const { modality = "audio", mode = "send-receive", look = {} } = shown;
  const call = new FakeCall();
  const client = call.asClient;
  const deliver = vi.fn(() => Promise.resolve());
  const setTextOnly = vi.fn((only: boolean) => {
    call.kinds = only ? [] : ["audio"];
  });
  const onproblem = vi.fn();
  if (shown.phase !== undefined) call.become(shown.phase);
  render(Call, {
    client,
    layout: layoutOf(modality, mode),
    look: { ...LOOK, ...look },
    typing: shown.textbox ? new Typing(client, { setTextOnly, deliver }) : null,
    onproblem,
  });
  return { call, deliver, setTextOnly, onproblem };
}

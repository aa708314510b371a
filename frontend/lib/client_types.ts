/** What a page gives to a call and hears from it. */

import type { Caption } from "./captions";
import type { MediaKind, TrackConstraints } from "./devices";
import type { CallError } from "./errors";
import type { Voices } from "./levels";
import type { ServerMessage } from "./messages";
import type { ConfigurationSource, Signalling } from "./signalling";
import type { CallState } from "./state";
import type { Mode } from "./transport";

export interface FastRTCClientOptions {
  /** Where the Stream is mounted; "" (the default) is this page's own origin. */
  url?: string;
  mode?: Mode;
  /** What the call carries; [] is a call of texts and events alone. */
  kinds?: readonly MediaKind[];
  /**
   * Wishes for the devices: of the one kind, or `{audio, video}`. Null or left out:
   * what suits voices and faces.
   */
  constraints?: TrackConstraints | null;
  /** ICE servers, or a function that gives them anew for each call. */
  rtcConfiguration?: ConfigurationSource;
  /** Another way to the server than `POST {url}/webrtc/offer`. */
  signalling?: Signalling;
  /**
   * Plays the sound; null when the page plays `remoteStream` itself. A page that shows
   * the picture does so in a muted `<video>` of its own.
   */
  audioElement?: HTMLAudioElement | null;
  rtpParameters?: Partial<RTCRtpSendParameters> | null;
  /** Go on with the same session after the network was lost; true by default. */
  resumable?: boolean;
  /**
   * The address of a WebSocket that carries the sound where WebRTC cannot connect;
   * null when there is none.
   */
  fallbackUrl?: () => Promise<string | null>;
  /** How long a call may last; for the page, which counts it down. */
  timeLimitSeconds?: number | null;
}

export interface DeviceChange {
  microphoneId: string | null;
  cameraId: string | null;
  /** The kinds whose device is gone, so that nothing of them is sent. */
  lost: readonly MediaKind[];
}

export interface FastRTCClientEvents {
  /** The call does something else now. */
  state: CallState;
  /** The server said something. */
  message: ServerMessage;
  /** What was said, in words: the whole list, whenever it changed. */
  caption: readonly Caption[];
  /** Both voices, once a frame of the screen while connected. */
  level: Voices;
  /** A camera, a microphone or the screen was changed or lost. */
  devices: DeviceChange;
  /** Something failed; `message` is a sentence to show. */
  error: CallError;
}

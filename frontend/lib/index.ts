/**
 * The stand-alone client of fastrtc, for pages of one's own:
 *
 *     import { FastRTCClient } from "/webrtc/client.js";
 *     const client = new FastRTCClient({ url: "" });
 *     client.addEventListener("state", ({ detail }) => show(detail.phase));
 *     button.onclick = () => client.connect();
 */

export { MAX_CAPTIONS, type Caption } from "./captions";
export {
  FastRTCClient,
  type DeviceChange,
  type FastRTCClientEvents,
  type FastRTCClientOptions,
} from "./client";
export { formatClock, remainingSeconds } from "./clock";
export {
  CAMERA_CONSTRAINTS,
  listCameras,
  listMicrophones,
  onDeviceChange,
  VOICE_CONSTRAINTS,
} from "./devices";
export type { Camera, MediaKind, Microphone, TrackConstraints } from "./devices";
export { CallError, type CallErrorKind } from "./errors";
export { BAND_COUNT, type Voice, type Voices } from "./levels";
export { parseMessage, type ServerMessage } from "./messages";
export { type Quality, type Rating } from "./quality";
export {
  HttpSignalling,
  type Answer,
  type OfferWish,
  type Signalling,
} from "./signalling";
export { isActive, isLive, type CallState, type Phase } from "./state";
export { strings, translate } from "./strings";
export type { Mode, TransportName } from "./transport";

/**
 * The stand-alone client of fastrtc, for pages of one's own:
 *
 *     import { FastRTCClient } from "/webrtc/client.js";
 *     const client = new FastRTCClient({ url: "" });
 *     client.addEventListener("state", ({ detail }) => show(detail.phase));
 *     button.onclick = () => client.connect();
 */

export {
  FastRTCClient,
  type FastRTCClientEvents,
  type FastRTCClientOptions,
} from "./client";
export { formatClock, remainingSeconds } from "./clock";
export { listMicrophones, onDeviceChange, VOICE_CONSTRAINTS } from "./devices";
export type { Microphone } from "./devices";
export { CallError, type CallErrorKind } from "./errors";
export { BAND_COUNT, type Voice, type Voices } from "./levels";
export { parseMessage, type ServerMessage } from "./messages";
export type { Mode } from "./peer";
export { HttpSignalling, type Signalling } from "./signalling";
export { isActive, isLive, type CallState, type Phase } from "./state";
export { strings, translate } from "./strings";

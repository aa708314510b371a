/** What a call is doing, in words. */

import type { Mode } from "../lib/peer";
import type { CallState } from "../lib/state";
import { strings } from "../lib/strings";

export function statusText(state: CallState, mode: Mode, muted: boolean): string {
  const { phase, error, notice } = state;
  if (phase === "failed") return error?.message ?? strings.status.failed;
  if (phase === "ended") return notice ?? strings.status.ended;
  if (mode === "receive" && phase === "listening") return strings.connected;
  if (mode === "receive" && phase === "speaking") return strings.playing;
  // "Listening" would be a lie; what the bot does is true all the same.
  if (muted && mode !== "receive" && (phase === "listening" || phase === "hearing"))
    return strings.muted;
  return strings.status[phase];
}

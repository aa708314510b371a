/** What a call is doing, in words. */

import type { CallState, Phase } from "../lib/state";
import { strings } from "../lib/strings";
import { sends, type Layout } from "./layouts";

/** Phases in which a microphone's being muted matters. */
const USERS_TURN: readonly Phase[] = ["listening", "hearing"];

export function statusText(
  state: CallState,
  layout: Layout,
  muted: boolean,
): string {
  const { phase, error, notice } = state;
  switch (phase) {
    case "failed":
      return error?.message ?? strings.status.failed;
    case "ended":
      return notice ?? strings.status.ended;
    case "asking":
      return askingText(layout);
    case "speaking":
      return sends(layout) ? strings.status.speaking : strings.playing;
  }
  if (USERS_TURN.includes(phase)) {
    // Nobody listens where nothing is said.
    if (!layout.microphone) return strings.connected;
    // "Listening" would be a lie; what the bot does is true all the same.
    if (muted) return strings.muted;
  }
  return strings.status[phase];
}

function askingText({ microphone, camera }: Layout): string {
  if (microphone && camera) return strings.askingBoth;
  if (camera) return strings.askingCamera;
  return microphone ? strings.status.asking : strings.status.connecting;
}

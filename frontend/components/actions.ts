/** Which buttons a call has at the moment, and which of them fit beside each other. */

import type { Layout } from "./layouts";

export type Action =
  | "microphone"
  | "devices"
  | "camera"
  | "flip"
  | "share"
  | "speaker"
  | "captions"
  | "quality"
  | "picture-in-picture"
  | "full-screen";

export interface Facts {
  live: boolean;
  microphones: number;
  cameras: number;
  /** Hands hold the device, so it has likely a camera on each side. */
  touch: boolean;
  canShare: boolean;
  canPictureInPicture: boolean;
  canFullScreen: boolean;
  hasCaptions: boolean;
}

export interface Bar {
  /** Before the main button. */
  before: Action[];
  after: Action[];
  /** In the "more" menu. */
  more: Action[];
}

/** From what must stay beside the main button to what goes into the menu first. */
const RANKS: readonly Action[] = [
  "microphone",
  "camera",
  "speaker",
  "devices",
  "share",
  "captions",
  "full-screen",
  "flip",
  "quality",
  "picture-in-picture",
];
const BEFORE: readonly Action[] = [
  "microphone",
  "camera",
  "devices",
  "flip",
  "share",
];
const AFTER: readonly Action[] = [
  "speaker",
  "captions",
  "quality",
  "picture-in-picture",
  "full-screen",
];
/** A page of sound alone keeps its bar short, whatever the width. */
const QUIET: readonly Action[] = ["captions", "quality"];

const ROUND_PX = 48;
/** The stop button with its word, the pill's own edges and a little air. */
const MAIN_PX = 124;

/** The actions that make sense now, in no particular order. */
export function available(layout: Layout, facts: Facts): Action[] {
  const sending = layout.microphone || layout.camera;
  const choices =
    (layout.microphone ? facts.microphones : 0) +
    (layout.camera ? facts.cameras : 0);
  const makesSense: Record<Action, boolean> = {
    microphone: layout.microphone,
    devices: sending && choices > 0,
    camera: layout.camera,
    // A desk's cameras are chosen from the menu, each by its name.
    flip: layout.camera && facts.touch,
    share: layout.camera && facts.canShare,
    speaker: layout.speaker,
    captions: facts.hasCaptions,
    quality: true,
    // One's own picture is nothing to watch beside one's work.
    "picture-in-picture": layout.picture === "remote" && facts.canPictureInPicture,
    "full-screen": layout.picture !== null && facts.canFullScreen,
  };
  return facts.live ? RANKS.filter((action) => makesSense[action]) : [];
}

/** Divide the actions over a bar of that width; 0 stands for a width not yet known. */
export function arrange(
  actions: readonly Action[],
  layout: Layout,
  widthPx: number,
): Bar {
  const ranked = RANKS.filter((action) => actions.includes(action));
  const hidden = layout.picture === null ? QUIET : [];
  const wanted = ranked.filter((action) => !hidden.includes(action));
  const room =
    widthPx === 0 ? Infinity : Math.floor((widthPx - MAIN_PX) / ROUND_PX);
  const whole = wanted.length === ranked.length && wanted.length <= room;
  const shown = whole ? wanted : wanted.slice(0, Math.max(0, room - 1));
  return {
    before: BEFORE.filter((action) => shown.includes(action)),
    after: AFTER.filter((action) => shown.includes(action)),
    more: [...BEFORE, ...AFTER].filter(
      (action) => ranked.includes(action) && !shown.includes(action),
    ),
  };
}

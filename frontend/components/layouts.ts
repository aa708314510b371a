/** What a page shows, as one table of modality and mode. */

import type { Voices } from "../lib/levels";
import type { Mode } from "../lib/peer";
import { strings } from "../lib/strings";
import type { IconName } from "./icons";

export type Modality = "audio" | "video" | "audio-video";
export type Kind = "audio" | "video";
export type Picture = "remote" | "self";

export interface Layout {
  /** What the stage holds: a picture, or without one the wave. */
  picture: Picture | null;
  /** One's own picture, small, in a corner of the other's. */
  corner: boolean;
  /** Whose voices move the wave, or over a picture the small wave at its foot. */
  voices: readonly (keyof Voices)[];
  microphone: boolean;
  camera: boolean;
  speaker: boolean;
  startIcon: IconName;
  /** A key of `strings.buttons`. */
  startText:
    "start" | "startReceiving" | "startVideo" | "startCall" | "startWatching";
}

const BOTH = ["bot", "user"] as const;
const USER = ["user"] as const;
const BOT = ["bot"] as const;

const NOTHING = {
  picture: null,
  corner: false,
  voices: [],
  microphone: false,
  camera: false,
  speaker: false,
} as const;
const TALK = { startIcon: "microphone", startText: "start" } as const;
const LISTEN = { startIcon: "speaker", startText: "startReceiving" } as const;
const FILM = { startIcon: "camera", startText: "startVideo" } as const;
const WATCH = { startIcon: "play", startText: "startWatching" } as const;
const CALL = { startIcon: "camera", startText: "startCall" } as const;

const HEARD = { speaker: true };
const SPOKEN = { microphone: true };
const FILMED = { camera: true, picture: "self" } as const;
const SEEN = { picture: "remote" } as const;
const FACE_TO_FACE = { camera: true, picture: "remote", corner: true } as const;

const LAYOUTS: Record<Modality, Record<Mode, Layout>> = {
  audio: {
    "send-receive": { ...NOTHING, ...SPOKEN, ...HEARD, voices: BOTH, ...TALK },
    send: { ...NOTHING, ...SPOKEN, voices: USER, ...TALK },
    receive: { ...NOTHING, ...HEARD, voices: BOT, ...LISTEN },
  },
  video: {
    "send-receive": { ...NOTHING, ...FACE_TO_FACE, ...FILM },
    send: { ...NOTHING, ...FILMED, ...FILM },
    receive: { ...NOTHING, ...SEEN, ...WATCH },
  },
  "audio-video": {
    "send-receive": {
      ...NOTHING,
      ...FACE_TO_FACE,
      ...SPOKEN,
      ...HEARD,
      voices: BOTH,
      ...CALL,
    },
    send: { ...NOTHING, ...FILMED, ...SPOKEN, voices: USER, ...CALL },
    receive: { ...NOTHING, ...SEEN, ...HEARD, voices: BOT, ...WATCH },
  },
};

const KINDS: Record<Modality, readonly Kind[]> = {
  audio: ["audio"],
  video: ["video"],
  "audio-video": ["audio", "video"],
};

export function layoutOf(modality: Modality, mode: Mode): Layout {
  return LAYOUTS[modality][mode];
}

/** The kinds of media that a call of this modality carries. */
export function kindsOf(modality: Modality): Kind[] {
  return [...KINDS[modality]];
}

/** The client sends something. */
export function sends({ microphone, camera }: Layout): boolean {
  return microphone || camera;
}

export function startTextOf(layout: Layout): string {
  return strings.buttons[layout.startText];
}

/** What the whole is called for screen readers. */
export function regionOf({ picture }: Layout): string {
  return picture === null ? strings.region : strings.videoRegion;
}

/** The same page while its call carries texts alone. */
export function withoutMedia(layout: Layout): Layout {
  return { ...layout, ...NOTHING };
}

/** The drawings of the buttons: strokes on a 24 by 24 grid. */

const MICROPHONE =
  "M9 6a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3";
const SPEAKER = "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z";
const CAMERA =
  "M5.5 6.5h7a2.5 2.5 0 0 1 2.5 2.5v6a2.5 2.5 0 0 1-2.5 2.5h-7A2.5 2.5 0 0 1 3 15V9a2.5 2.5 0 0 1 2.5-2.5zM15 11l4.4-3a1 1 0 0 1 1.6.8v6.4a1 1 0 0 1-1.6.8L15 13";
const SCREEN =
  "M5 4.5h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-9a2 2 0 0 1 2-2zM9 20.5h6";
const STRUCK_OUT = "M4 4l16 16";

export const ICONS = {
  microphone: MICROPHONE,
  "microphone-off": MICROPHONE + STRUCK_OUT,
  speaker: `${SPEAKER}M15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11`,
  "speaker-off": `${SPEAKER}M16 9.5l5 5m0-5-5 5`,
  stop: "M9 6.5h6A2.5 2.5 0 0 1 17.5 9v6a2.5 2.5 0 0 1-2.5 2.5H9A2.5 2.5 0 0 1 6.5 15V9A2.5 2.5 0 0 1 9 6.5z",
  chevron: "m7 14.5 5-5 5 5",
  check: "m5 12.5 4.5 4.5L19 7.5",
  alert: "M21 12a9 9 0 1 1-18 0a9 9 0 0 1 18 0zM12 7.5v5.5m0 3.2v.1",
  retry: "M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4.5 4.5v4h4",
  camera: CAMERA,
  "camera-off": CAMERA + STRUCK_OUT,
  flip: "M4 10.5a8 8 0 0 1 13.7-4.2L20 8.5M20 4v4.5h-4.5M20 13.5a8 8 0 0 1-13.7 4.2L4 15.5M4 20v-4.5h4.5",
  screen: `${SCREEN}M12 14V8M9.2 10.6 12 7.8l2.8 2.8`,
  "screen-off": `${SCREEN}M9.8 8.8l4.4 4.4m0-4.4-4.4 4.4`,
  captions:
    "M5 5h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM10.5 10.4a2.2 2.2 0 1 0 0 3.2M17.5 10.4a2.2 2.2 0 1 0 0 3.2",
  quality: "M5 19v-4M10 19v-7M15 19V9M20 19V5",
  "picture-in-picture":
    "M5 4.5h14a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2zM12.5 12h5v4h-5z",
  "full-screen":
    "M4 9V5.5A1.5 1.5 0 0 1 5.5 4H9M15 4h3.5A1.5 1.5 0 0 1 20 5.5V9M20 15v3.5a1.5 1.5 0 0 1-1.5 1.5H15M9 20H5.5A1.5 1.5 0 0 1 4 18.5V15",
  "full-screen-off":
    "M9 4v3.5A1.5 1.5 0 0 1 7.5 9H4M20 9h-3.5A1.5 1.5 0 0 1 15 7.5V4M15 20v-3.5a1.5 1.5 0 0 1 1.5-1.5H20M4 15h3.5A1.5 1.5 0 0 1 9 16.5V20",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  play: "M8 6.2v11.6a1 1 0 0 0 1.5.86l9.6-5.8a1 1 0 0 0 0-1.72L9.5 5.34A1 1 0 0 0 8 6.2z",
  close: "m6.5 6.5 11 11m0-11-11 11",
  send: "M12 19.5V5M5.5 11.2 12 4.7l6.5 6.5",
  wave: "M4 10v4M8 7v10M12 4v16M16 8v8M20 10.5v3",
} as const;

export type IconName = keyof typeof ICONS;

/** Drawn as areas. */
export const FILLED: readonly IconName[] = ["stop", "play"];
/** Drawn as dots: thicker strokes. */
export const DOTTED: readonly IconName[] = ["more"];

/** The entries of the bar's menus. */

import { strings } from "../lib/strings";
import type { Action } from "./actions";
import type { IconName } from "./icons";

export interface Device {
  deviceId: string;
  label: string;
}

export interface MenuItem {
  id: string;
  label: string;
  icon: IconName | null;
  /** Null for what is done at once; else one of a set, or on and off. */
  checked: boolean | null;
  radio: boolean;
  testId: string;
}

export interface MenuSection {
  /** Null for a section without a heading. */
  heading: string | null;
  items: MenuItem[];
}

export interface Devices {
  microphones: readonly Device[];
  microphoneId: string | null;
  cameras: readonly Device[];
  cameraId: string | null;
}

/** The microphones and the cameras, as two sets of which one each is in use. */
export function deviceSections(devices: Devices): MenuSection[] {
  return [
    radioSection(
      strings.microphones,
      "microphone",
      "mic-option",
      devices.microphones,
      devices.microphoneId,
    ),
    radioSection(
      strings.cameras,
      "camera",
      "camera-option",
      devices.cameras,
      devices.cameraId,
    ),
  ].filter(({ items }) => items.length > 0);
}

function radioSection(
  heading: string,
  kind: "microphone" | "camera",
  testId: string,
  devices: readonly Device[],
  selectedId: string | null,
): MenuSection {
  const items = devices.map(({ deviceId, label }) => ({
    id: `${kind}:${deviceId}`,
    label,
    icon: null,
    checked: deviceId === selectedId,
    radio: true,
    testId,
  }));
  return { heading, items };
}

/** The kind and the id of a device's entry, or null if the entry is no device. */
export function deviceOfItem(
  id: string,
): { kind: "microphone" | "camera"; deviceId: string } | null {
  const [kind, ...rest] = id.split(":");
  if (kind !== "microphone" && kind !== "camera") return null;
  return rest.length === 0 ? null : { kind, deviceId: rest.join(":") };
}

/** How a button looks and what it says, given what is on. */
export interface Face {
  icon: IconName;
  /** What it is called, the same whether it is on or off. */
  label: string;
  /** What a press does now, and the key that does it too. */
  title: string;
  /** Null for what is done at once. */
  pressed: boolean | null;
  /** Pressed means that something is off that usually is on. */
  off: boolean;
  key: string | null;
}

export interface Switches {
  muted: boolean;
  cameraMuted: boolean;
  speakerMuted: boolean;
  sharing: boolean;
  captionsShown: boolean;
  fullScreen: boolean;
  qualityShown: boolean;
}

export function faceOf(action: Action, on: Switches): Face {
  const { buttons } = strings;
  switch (action) {
    case "microphone":
      return mute(
        "microphone",
        on.muted,
        buttons.mute,
        buttons.unmute,
        strings.muteKeyHint,
      );
    case "camera":
      return mute(
        "camera",
        on.cameraMuted,
        buttons.cameraOff,
        buttons.cameraOn,
        strings.cameraKeyHint,
      );
    case "speaker":
      return mute(
        "speaker",
        on.speakerMuted,
        buttons.silence,
        buttons.unsilence,
        null,
      );
    case "share":
      return toggle(
        on.sharing ? "screen-off" : "screen",
        buttons.share,
        on.sharing,
        on.sharing ? buttons.stopSharing : buttons.share,
      );
    case "captions":
      return toggle("captions", buttons.captions, on.captionsShown);
    case "full-screen":
      return toggle(
        on.fullScreen ? "full-screen-off" : "full-screen",
        buttons.fullScreen,
        on.fullScreen,
        on.fullScreen ? buttons.leaveFullScreen : buttons.fullScreen,
      );
    case "quality":
      return toggle("quality", buttons.quality, on.qualityShown);
    case "flip":
      return momentary("flip", buttons.flip);
    case "picture-in-picture":
      return momentary("picture-in-picture", buttons.pictureInPicture);
    case "devices":
      return momentary("chevron", buttons.chooseDevice);
  }
}

function mute(
  icon: "microphone" | "camera" | "speaker",
  muted: boolean,
  label: string,
  undo: string,
  key: string | null,
): Face {
  const does = muted ? undo : label;
  return {
    icon: muted ? `${icon}-off` : icon,
    label,
    title: key === null ? does : `${does} (${key})`,
    pressed: muted,
    off: muted,
    key,
  };
}

function toggle(
  icon: IconName,
  label: string,
  pressed: boolean,
  title = label,
): Face {
  return { icon, label, title, pressed, off: false, key: null };
}

function momentary(icon: IconName, label: string): Face {
  return { icon, label, title: label, pressed: null, off: false, key: null };
}

/** The "more" menu: what didn't fit, then the devices if their button didn't. */
export function moreSections(
  actions: readonly Action[],
  on: Switches,
  devices: Devices,
): MenuSection[] {
  const items = actions
    .filter((action) => action !== "devices")
    .map((action) => {
      const { icon, title, label, pressed } = faceOf(action, on);
      return {
        id: action,
        label: pressed === null ? title : label,
        icon,
        checked: pressed,
        radio: false,
        testId: `more-${action}`,
      };
    });
  const first = items.length > 0 ? [{ heading: null, items }] : [];
  return actions.includes("devices")
    ? [...first, ...deviceSections(devices)]
    : first;
}

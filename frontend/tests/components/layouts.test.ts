import { cleanup, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  kindsOf,
  layoutOf,
  regionOf,
  sends,
  startTextOf,
  withoutMedia,
  type Modality,
} from "../../components/layouts";
import type { Mode } from "../../lib/peer";
import { installDevices, settle } from "../lib/fakes";
import { showCall } from "./fake_call";

const MODES: Mode[] = ["send-receive", "send", "receive"];
const MODALITIES: Modality[] = ["audio", "video", "audio-video"];
const PAIRS = MODALITIES.flatMap((modality) =>
  MODES.map((mode) => [modality, mode] as const),
);

beforeEach(() => void installDevices());
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("the table of mode and modality", () => {
  it.each(PAIRS)("%s %s asks only for what is sent", (modality, mode) => {
    // Otherwise a viewer is asked for a camera, or a caller can't mute it.
    const layout = layoutOf(modality, mode);
    const outgoing = mode !== "receive";
    const incoming = mode !== "send";
    expect(layout.microphone).toBe(outgoing && modality !== "video");
    expect(layout.camera).toBe(outgoing && modality !== "audio");
    expect(layout.speaker).toBe(incoming && modality !== "video");
    expect(sends(layout)).toBe(outgoing);
  });

  it.each(PAIRS)("%s %s shows what there is to see and hear", (modality, mode) => {
    // Otherwise the picture or the wave of a mode is missing, or empty for good.
    const layout = layoutOf(modality, mode);
    const picture = { "send-receive": "remote", send: "self", receive: "remote" }[
      mode
    ];
    const voices = {
      "send-receive": ["bot", "user"],
      send: ["user"],
      receive: ["bot"],
    };
    expect(layout.picture).toBe(modality === "audio" ? null : picture);
    expect(layout.corner).toBe(modality !== "audio" && mode === "send-receive");
    expect(layout.voices).toEqual(modality === "video" ? [] : voices[mode]);
  });

  it.each(PAIRS)("%s %s has a page with a button to start", (modality, mode) => {
    // Otherwise that pair has no page at all.
    showCall({ modality, mode });
    expect(screen.getByTestId("start").textContent).toContain(
      startTextOf(layoutOf(modality, mode)),
    );
    expect(screen.queryByTestId("video-stage") !== null).toBe(modality !== "audio");
    expect(screen.queryByTestId("self-view")).toBeNull();
  });

  it.each(PAIRS)("%s %s has the buttons of a live call", async (modality, mode) => {
    // Otherwise something that is sent or heard can't be turned off.
    showCall({ modality, mode, phase: "listening" });
    await settle();
    const layout = layoutOf(modality, mode);
    expect(screen.queryByTestId("mute") !== null).toBe(layout.microphone);
    expect(screen.queryByTestId("camera") !== null).toBe(layout.camera);
    expect(screen.queryByTestId("speaker") !== null).toBe(layout.speaker);
    expect(screen.queryByTestId("self-view") !== null).toBe(layout.corner);
  });

  it("knows which media each modality carries", () => {
    // Otherwise a video call opens no camera.
    expect(MODALITIES.map(kindsOf)).toEqual([
      ["audio"],
      ["video"],
      ["audio", "video"],
    ]);
  });

  it("names the page by what it is", () => {
    // Otherwise a screen reader announces a video call as a voice call.
    expect(regionOf(layoutOf("audio", "send"))).toBe("Voice call");
    expect(regionOf(layoutOf("video", "send"))).toBe("Video call");
  });

  it("has nothing to mute while only texts are carried", () => {
    // Otherwise a typed conversation claims to be listening.
    expect(sends(withoutMedia(layoutOf("audio", "send-receive")))).toBe(false);
  });
});

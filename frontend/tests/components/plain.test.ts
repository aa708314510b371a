import { describe, expect, it } from "vitest";
import { barsOf } from "../../components/bars";
import {
  cornerByKey,
  nearestCorner,
  nextCorner,
  type Corner,
} from "../../components/corners";
import { figuresOf } from "../../components/figures";
import { moveByKey, roomFor } from "../../components/floating";
import { ICONS } from "../../components/icons";
import { layoutOf, withoutMedia } from "../../components/layouts";
import { deviceOfItem, deviceSections, moreSections } from "../../components/menus";
import { StartRequests, textValue } from "../../components/protocol";
import { headHeight } from "../../components/placing";
import { shortcutOf } from "../../components/shortcuts";
import { statusText } from "../../components/status_text";
import { isAtEnd, lineKey, shownLines } from "../../components/transcript";
import { isSendKey } from "../../components/typing";
import { warningAt } from "../../components/warnings";
import { CallError } from "../../lib/errors";
import { silence } from "../../lib/levels";
import { IDLE, type Phase } from "../../lib/state";
import { GOOD } from "./fake_call";

describe("one's own picture", () => {
  const stage = { left: 100, top: 50, width: 800, height: 450 };
  const at = (left: number, top: number) => ({
    left,
    top,
    width: 200,
    height: 150,
  });

  it("drops into the corner it is nearest to", () => {
    // Otherwise it lies across the other's face.
    expect(nearestCorner(at(110, 60), stage)).toBe("top-left");
    expect(nearestCorner(at(650, 70), stage)).toBe("top-right");
    expect(nearestCorner(at(120, 320), stage)).toBe("bottom-left");
    expect(nearestCorner(at(690, 330), stage)).toBe("bottom-right");
  });

  it("moves by arrow keys, and by presses round the stage", () => {
    // Otherwise it can't be moved without a pointer.
    expect(cornerByKey("top-right", "ArrowDown")).toBe("bottom-right");
    expect(cornerByKey("bottom-right", "ArrowLeft")).toBe("bottom-left");
    expect(cornerByKey("bottom-left", "ArrowUp")).toBe("top-left");
    expect(cornerByKey("top-left", "ArrowRight")).toBe("top-right");
    expect(cornerByKey("top-left", "Enter")).toBeNull();
    const seen: Corner[] = ["top-right"];
    for (let press = 0; press < 3; press++)
      seen.push(nextCorner(seen.at(-1) ?? "top-right"));
    expect(new Set(seen).size).toBe(4);
  });
});

describe("the head above a call", () => {
  it("is shown with the call, unless it is half a page", () => {
    // Otherwise the buttons lie below the window's edge, or the picture is a slit.
    expect(headHeight(168.4, 720)).toBe(168);
    expect(headHeight(500, 720)).toBe(0);
    expect(headHeight(-3, 720)).toBe(0);
  });
});

describe("the warning before the end", () => {
  it("comes at 30 and at 10 seconds and goes again", () => {
    // Otherwise the limit ends the call in the middle of a word.
    const given = [31, 30, 25, 22, 11, 10, 5, 0].map((left) =>
      warningAt(left, 120),
    );
    expect(given).toEqual([null, 30, 30, null, null, 10, 10, null]);
  });

  it("never names more than the whole call", () => {
    // Otherwise a call of 20 s starts with "30 seconds left".
    expect(warningAt(25, 25)).toBeNull();
    expect(warningAt(9, 20)).toBe(10);
    expect(warningAt(null, null)).toBeNull();
  });
});

describe("the transcript", () => {
  const line = (id: string, text = id, final = true) => ({
    role: "user" as const,
    id,
    text,
    final,
  });

  it("folds to the last two lines with words in them", () => {
    // Otherwise captions cover the picture, or are empty boxes.
    const lines = [line("a"), line("b"), line("c"), line("d", "  ")];
    expect(shownLines(lines, false).map(({ id }) => id)).toEqual(["b", "c"]);
    expect(shownLines(lines, true)).toHaveLength(3);
  });

  it("makes a new line of one that became final", () => {
    // Otherwise a screen reader reads every word of a sentence again and again.
    expect(lineKey(line("a", "Hel", false))).toBe(
      lineKey(line("a", "Hello", false)),
    );
    expect(lineKey(line("a", "Hello"))).not.toBe(
      lineKey(line("a", "Hello", false)),
    );
  });

  it("follows only a reader at the end", () => {
    // Otherwise who scrolls back is thrown forward by the next word.
    const pane = { scrollHeight: 500, clientHeight: 100 };
    expect(isAtEnd({ ...pane, scrollTop: 400 })).toBe(true);
    expect(isAtEnd({ ...pane, scrollTop: 390 })).toBe(true);
    expect(isAtEnd({ ...pane, scrollTop: 200 })).toBe(false);
  });
});

describe("the figures of a connection", () => {
  it("are short, and only those that are known", () => {
    // Otherwise people read "NaN ms".
    expect(figuresOf(GOOD).map(({ value }) => value)).toEqual([
      "38 ms",
      "0.4 %",
      "6 ms",
    ]);
    const nothing = {
      ...GOOD,
      roundTripMs: null,
      lossPercent: NaN,
      jitterMs: null,
    };
    expect(figuresOf(nothing)).toEqual([]);
    expect(figuresOf({ ...GOOD, lossPercent: 0 })[1]?.value).toBe("0 %");
  });
});

describe("menus", () => {
  it("open where there is room", () => {
    // Otherwise half of the menu is beyond the window.
    const above = roomFor({ top: 500, bottom: 560 }, 300, 800);
    expect(above).toEqual({ side: "above", maxHeightPx: 420 });
    const below = roomFor({ top: 60, bottom: 120 }, 300, 800);
    expect(below.side).toBe("below");
    const tight = roomFor({ top: 300, bottom: 360 }, 400, 600);
    expect(tight).toEqual({ side: "above", maxHeightPx: 282 });
  });

  it("are walked by arrow keys, round and round", () => {
    // Otherwise a device can't be chosen without a mouse.
    expect(moveByKey("ArrowDown", 2, 3)).toBe(0);
    expect(moveByKey("ArrowUp", 0, 3)).toBe(2);
    expect(moveByKey("ArrowUp", -1, 3)).toBe(2);
    expect(moveByKey("End", 0, 3)).toBe(2);
    expect(moveByKey("Home", 2, 3)).toBe(0);
    expect(moveByKey("x", 0, 3)).toBeNull();
    expect(moveByKey("End", 0, 0)).toBeNull();
  });

  const devices = {
    microphones: [{ deviceId: "a:1", label: "Headset" }],
    microphoneId: "a:1",
    cameras: [{ deviceId: "c", label: "Webcam" }],
    cameraId: null,
  };

  it("hold microphones and cameras as two sets", () => {
    // Otherwise choosing a camera takes the choice of the microphone away.
    const sections = deviceSections(devices);
    expect(sections.map(({ heading }) => heading)).toEqual([
      "Microphones",
      "Cameras",
    ]);
    expect(sections.map(({ items }) => items[0]?.checked)).toEqual([true, false]);
    expect(deviceSections({ ...devices, cameras: [] })).toHaveLength(1);
    const id = sections[0]?.items[0]?.id ?? "";
    expect(deviceOfItem(id)).toEqual({ kind: "microphone", deviceId: "a:1" });
    expect(deviceOfItem("quality")).toBeNull();
    expect(deviceOfItem("microphone")).toBeNull();
  });

  it("hold what found no room in the bar, devices included", () => {
    // Otherwise phones lack half of the buttons.
    const on = {
      muted: false,
      cameraMuted: true,
      speakerMuted: false,
      sharing: false,
      captionsShown: true,
      fullScreen: false,
      qualityShown: false,
    };
    const sections = moreSections(["flip", "captions", "devices"], on, devices);
    expect(sections.map(({ items }) => items.map(({ label }) => label))).toEqual([
      ["Switch to the other camera", "Captions"],
      ["Headset"],
      ["Webcam"],
    ]);
    expect(sections[0]?.items.map(({ checked }) => checked)).toEqual([null, true]);
    expect(moreSections(["devices"], on, devices)).toHaveLength(2);
  });
});

describe("what the program and the page tell each other", () => {
  it("calls once for each request", () => {
    // Otherwise a trigger starts nothing, or the same call again and again.
    const requests = new StartRequests();
    const values = [
      "__webrtc_start__1",
      "__webrtc_start__1",
      "an-id",
      null,
      undefined,
    ];
    const asked = values.map((value) => requests.isNew(value));
    expect(asked).toEqual([true, false, false, false, false]);
    expect(requests.isNew("__webrtc_start__2")).toBe(true);
    expect(requests.isNew(textValue("id", "__webrtc_start__3"))).toBe(false);
  });

  it("sends what was typed with the call it belongs to", () => {
    // Otherwise the server can't tell who typed.
    const value = { webrtc_id: "id", textbox: "hello", audio: null };
    expect(textValue("id", "hello")).toEqual(value);
  });
});

describe("keys", () => {
  const press = (key: string, more: KeyboardEventInit = {}) =>
    new KeyboardEvent("keydown", { key, ...more });

  it("mute both by a letter, but not while one types", () => {
    // Otherwise writing "message" turns the microphone off and on.
    expect(shortcutOf(press("M"))).toBe("microphone");
    expect(shortcutOf(press("v"))).toBe("camera");
    expect(shortcutOf(press("x"))).toBeNull();
    for (const more of [{ ctrlKey: true }, { metaKey: true }, { repeat: true }])
      expect(shortcutOf(press("m", more))).toBeNull();
    const field = document.createElement("textarea");
    let seen: unknown = "nothing";
    field.onkeydown = (event) => (seen = shortcutOf(event));
    field.dispatchEvent(press("m"));
    expect(seen).toBeNull();
  });

  it("send by Enter alone", () => {
    // Otherwise a new line, or choosing a word in Japanese, sends half a text.
    const enter = { key: "Enter", shiftKey: false, isComposing: false };
    expect(isSendKey(enter)).toBe(true);
    expect(isSendKey({ ...enter, shiftKey: true })).toBe(false);
    expect(isSendKey({ ...enter, isComposing: true })).toBe(false);
    expect(isSendKey({ ...enter, key: "a" })).toBe(false);
  });
});

describe("the status line", () => {
  const text = (
    phase: Phase,
    layout = layoutOf("audio", "send-receive"),
    muted = false,
  ) => statusText({ ...IDLE, phase }, layout, muted);

  it("says what is asked for", () => {
    // Otherwise people look for the wrong permission.
    expect(text("asking")).toContain("microphone");
    expect(text("asking", layoutOf("video", "send"))).toContain("camera");
    expect(text("asking", layoutOf("audio-video", "send"))).toMatch(
      /microphone.*camera/,
    );
    expect(text("asking", layoutOf("video", "receive"))).toBe("Connecting…");
  });

  it("claims to listen only where something is said", () => {
    // Otherwise it says "Listening" to a picture, a text or a muted microphone.
    expect(text("listening")).toBe("Listening");
    expect(text("listening", layoutOf("video", "send-receive"))).toBe("Connected");
    const typed = withoutMedia(layoutOf("audio", "send-receive"));
    expect(text("listening", typed)).toBe("Connected");
    expect(text("hearing", undefined, true)).toContain("muted");
    expect(text("speaking", layoutOf("audio", "receive"))).toBe("Playing");
    expect(text("speaking", undefined, true)).toBe("Speaking");
  });

  it("says why a call failed or ended", () => {
    // Otherwise it just stops.
    const layout = layoutOf("audio", "send");
    const error = new CallError("limit", "All is taken.");
    expect(statusText({ ...IDLE, phase: "failed", error }, layout, false)).toBe(
      "All is taken.",
    );
    const ended = { ...IDLE, phase: "ended", notice: "Good night." } as const;
    expect(statusText(ended, layout, false)).toBe("Good night.");
  });
});

describe("small things", () => {
  it("shows the louder voice in a few bars that never vanish", () => {
    // Otherwise nobody sees who is heard while typing.
    const loud = { level: 0.8, bands: new Float32Array(24).fill(0.5) };
    const voices = { user: silence(), bot: loud };
    expect(barsOf(voices, ["user", "bot"], 7).who).toBe("bot");
    expect(barsOf(voices, ["user"], 7)).toMatchObject({ who: "user" });
    const { heights } = barsOf(voices, ["bot"], 7);
    expect(heights).toHaveLength(7);
    expect(Math.max(...heights)).toBe(heights[3]);
    expect(Math.min(...barsOf(voices, ["user"], 7).heights)).toBeGreaterThan(0);
  });

  it("starts every stroke of an icon where it belongs", () => {
    // Otherwise the line through a muted microphone is drawn outside of it.
    for (const path of Object.values(ICONS)) expect(path).toMatch(/^[Mm]/);
    expect(ICONS["microphone-off"]).toContain("M4 4l16 16");
  });
});

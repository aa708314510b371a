import { describe, expect, it } from "vitest";
import {
  arrange,
  available,
  type Action,
  type Facts,
} from "../../components/actions";
import { layoutOf } from "../../components/layouts";

const ALL: Facts = {
  live: true,
  microphones: 1,
  cameras: 2,
  touch: true,
  canShare: true,
  canPictureInPicture: true,
  canFullScreen: true,
  hasCaptions: true,
};
const AUDIO = layoutOf("audio", "send-receive");
const CALL = layoutOf("audio-video", "send-receive");
const everything = available(CALL, ALL);

function widthOf(bar: {
  before: Action[];
  after: Action[];
  more: Action[];
}): number {
  const MAIN_PX = 110;
  const rounds =
    bar.before.length + bar.after.length + (bar.more.length > 0 ? 1 : 0);
  return MAIN_PX + rounds * 48;
}

describe("the buttons of a call", () => {
  it("has none before and after the call", () => {
    // Otherwise people mute what isn't on.
    expect(available(CALL, { ...ALL, live: false })).toEqual([]);
  });

  it("offers only what the browser and the devices can do", () => {
    // Otherwise buttons do nothing, on phones above all.
    const poor = {
      ...ALL,
      touch: false,
      canShare: false,
      canPictureInPicture: false,
      canFullScreen: false,
      hasCaptions: false,
    };
    const missing = [
      "flip",
      "share",
      "picture-in-picture",
      "full-screen",
      "captions",
    ];
    for (const action of missing) {
      expect(everything).toContain(action);
      expect(available(CALL, poor)).not.toContain(action);
    }
  });

  it("has no window on top for one's own picture", () => {
    // Otherwise a button is in the way that nobody needs.
    const own = layoutOf("video", "send");
    expect(available(own, ALL)).not.toContain("picture-in-picture");
    expect(available(layoutOf("video", "receive"), ALL)).toContain(
      "picture-in-picture",
    );
  });

  it("offers no choice of devices where there is none", () => {
    // Otherwise an empty menu opens.
    expect(available(AUDIO, { ...ALL, microphones: 0 })).not.toContain("devices");
    const receives = layoutOf("audio", "receive");
    expect(available(receives, ALL)).toEqual(["speaker", "captions", "quality"]);
  });

  it("keeps the bar of a voice call short", () => {
    // Otherwise the page that people like is crowded.
    const bar = arrange(available(AUDIO, ALL), AUDIO, 1200);
    expect(bar.before).toEqual(["microphone", "devices"]);
    expect(bar.after).toEqual(["speaker"]);
    expect(bar.more).toEqual(["captions", "quality"]);
  });

  it("shows all of a video call where there is room", () => {
    // Otherwise everything takes two clicks on a large screen.
    expect(arrange(everything, CALL, 900).more).toEqual([]);
    expect(arrange(everything, CALL, 0).more).toEqual([]);
  });

  it.each([248, 280, 320, 358, 480, 600])("fits into %i pixels", (widthPx) => {
    // Otherwise the bar wraps on a phone.
    for (const layout of [AUDIO, CALL]) {
      const actions = available(layout, ALL);
      const bar = arrange(actions, layout, widthPx);
      const shown = [...bar.before, ...bar.after, ...bar.more];
      expect(widthOf(bar)).toBeLessThanOrEqual(widthPx);
      expect(shown.toSorted()).toEqual(actions.toSorted());
    }
  });

  it("keeps the microphone at hand when there is little room", () => {
    // Otherwise coughing takes two clicks.
    expect(arrange(everything, CALL, 248).before).toEqual(["microphone"]);
  });
});

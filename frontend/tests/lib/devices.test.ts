import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  audioConstraints,
  CAMERA_CONSTRAINTS,
  forDevice,
  listCameras,
  listMicrophones,
  onDeviceChange,
  openMedia,
  openMicrophone,
  relaxations,
  VOICE_CONSTRAINTS,
  wishesOf,
} from "../../lib/devices";
import { FakeStream, FakeTrack, installDevices, installFakes } from "./fakes";

beforeEach(installFakes);
afterEach(() => {
  vi.unstubAllGlobals();
});

const overconstrained = () =>
  Promise.reject(new DOMException("sampleRate", "OverconstrainedError"));

describe("microphones", () => {
  it("asks for wishes only, so that any device connects", () => {
    // Otherwise a headset without 24 kHz cannot call.
    expect(JSON.stringify(VOICE_CONSTRAINTS)).not.toMatch(/exact|min|max/);
  });

  it("relaxes what a device lacks, step by step", async () => {
    // Otherwise one `exact` in a program locks phones out.
    const open = installDevices(({ audio }) =>
      audio === true ? Promise.resolve(new FakeStream()) : overconstrained(),
    );
    await openMicrophone({ sampleRate: { exact: 24000 }, channelCount: 1 });
    expect(open.mock.calls.map(([{ audio }]) => audio)).toEqual([
      { sampleRate: { exact: 24000 }, channelCount: 1 },
      { sampleRate: { ideal: 24000 }, channelCount: 1 },
      true,
    ]);
  });

  it("doesn't ask twice for the same", () => {
    // Otherwise some browsers show the prompt twice.
    expect(relaxations(VOICE_CONSTRAINTS)).toEqual([VOICE_CONSTRAINTS, true]);
  });

  it("stops at a refusal instead of asking again", async () => {
    // Otherwise a user who said no is asked three times.
    const open = installDevices(() =>
      Promise.reject(new DOMException("", "NotAllowedError")),
    );
    const opening = openMicrophone({ sampleRate: { exact: 1 } });
    await expect(opening).rejects.toMatchObject({ kind: "denied" });
    expect(open).toHaveBeenCalledOnce();
  });

  it("falls back to any microphone when the chosen one is gone", async () => {
    // Otherwise unplugging the chosen headset locks the user out.
    const open = installDevices(({ audio }) =>
      JSON.stringify(audio).includes("exact")
        ? overconstrained()
        : Promise.resolve(new FakeStream([new FakeTrack()])),
    );
    await openMicrophone(forDevice(VOICE_CONSTRAINTS, "gone"));
    expect(open.mock.lastCall?.[0].audio).toMatchObject({
      deviceId: { ideal: "gone" },
    });
  });

  it("says that insecure pages have none", async () => {
    // Otherwise people on http:// see an empty error.
    vi.stubGlobal("navigator", {});
    await expect(openMicrophone({})).rejects.toMatchObject({ kind: "insecure" });
  });

  it("lists microphones only, each with a name", async () => {
    // Otherwise the menu offers loudspeakers or blank lines.
    installDevices(undefined, [
      { kind: "audioinput", deviceId: "a", label: "Headset" },
      { kind: "audiooutput", deviceId: "b", label: "Speaker" },
      { kind: "audioinput", deviceId: "c", label: "" },
      { kind: "audioinput", deviceId: "", label: "" },
    ]);
    expect(await listMicrophones()).toEqual([
      { deviceId: "a", label: "Headset" },
      { deviceId: "c", label: "Microphone 2" },
    ]);
  });

  it("tells when devices come or go, until told to stop", () => {
    // Otherwise a plugged-in headset doesn't appear.
    installDevices();
    const changed = vi.fn();
    const stop = onDeviceChange(changed);
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    stop();
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    expect(changed).toHaveBeenCalledOnce();
  });

  it("takes constraints for the audio alone or by kind of media", () => {
    // Otherwise track_constraints of existing programs are passed over.
    const audio = { echoCancellation: false };
    expect(audioConstraints(audio)).toEqual(audio);
    expect(audioConstraints({ audio, video: true })).toEqual(audio);
    expect(audioConstraints({ video: true })).toBeNull();
    expect(audioConstraints(null)).toBeNull();
  });
});

const WISHES = wishesOf(["audio", "video"], null);
const BOTH = ["audio", "video"] as const;
const refusing = (name: string) => () => Promise.reject(new DOMException("", name));

/** A browser that has some kinds of devices only; asked for both, it gives neither. */
function having(kinds: readonly string[], otherwise = "NotFoundError", more = {}) {
  return installDevices(
    (constraints) => {
      const asked = Object.keys(constraints);
      if (asked.some((kind) => !kinds.includes(kind)))
        return Promise.reject(new DOMException("", otherwise));
      return Promise.resolve(
        new FakeStream(
          asked.map((kind) => new FakeTrack(kind as "audio" | "video")),
        ),
      );
    },
    [],
    more,
  );
}

const kindsOf = (stream: MediaStream) => stream.getTracks().map(({ kind }) => kind);

describe("microphone and camera together", () => {
  it("are asked for at once, by wishes only", async () => {
    // Otherwise the browser prompts twice, or a phone without HD can't call.
    const open = having(BOTH);
    const { stream, problems } = await openMedia(BOTH, WISHES);
    expect(open.mock.calls).toEqual([
      [{ audio: VOICE_CONSTRAINTS, video: CAMERA_CONSTRAINTS }],
    ]);
    expect(kindsOf(stream)).toEqual(["audio", "video"]);
    expect(problems).toEqual([]);
    expect(JSON.stringify(CAMERA_CONSTRAINTS)).not.toMatch(/exact|min|max/);
  });

  it("are relaxed together, step by step", async () => {
    // Otherwise one `exact` for the camera locks out the microphone as well.
    const open = installDevices(({ video }) =>
      video === true ? Promise.resolve(new FakeStream()) : overconstrained(),
    );
    await openMedia(BOTH, { audio: {}, video: { width: { exact: 9999 } } });
    expect(open.mock.calls.map(([constraints]) => constraints)).toEqual([
      { audio: {}, video: { width: { exact: 9999 } } },
      { audio: true, video: { width: { ideal: 9999 } } },
      { audio: true, video: true },
    ]);
  });

  it.each([
    ["audio", "NotFoundError", "no-camera"],
    ["video", "NotFoundError", "no-microphone"],
    ["audio", "NotReadableError", "busy-camera"],
  ] as const)("call with %s alone on %s", async (kind, name, problem) => {
    // Otherwise a computer without a camera can't even talk.
    having([kind], name);
    const { stream, problems } = await openMedia(BOTH, WISHES);
    expect(kindsOf(stream)).toEqual([kind]);
    expect(problems).toMatchObject([
      {
        kind: problem,
        message: expect.stringContaining("The call goes on") as string,
      },
    ]);
  });

  it("aren't asked for again after the user said no", async () => {
    // Otherwise one "no" is followed by two more questions.
    const open = installDevices(refusing("NotAllowedError"));
    await expect(openMedia(BOTH, WISHES)).rejects.toMatchObject({
      kind: "denied",
      message: expect.stringContaining("microphone and the camera") as string,
    });
    expect(open).toHaveBeenCalledOnce();
  });

  it("call with what a site setting leaves open", async () => {
    // Otherwise a site that blocks cameras blocks voices too.
    const query = ({ name }: { name: string }) =>
      Promise.resolve({ state: name === "camera" ? "denied" : "granted" });
    having(["audio"], "NotAllowedError", { permissions: { query } });
    const { stream, problems } = await openMedia(BOTH, WISHES);
    expect(kindsOf(stream)).toEqual(["audio"]);
    expect(problems).toMatchObject([{ kind: "denied" }]);
  });

  it("call with what the system leaves open", async () => {
    // Otherwise a Mac whose settings block the camera blocks voices too.
    installDevices((constraints) =>
      constraints.video
        ? Promise.reject(
            new DOMException("Permission denied by system", "NotAllowedError"),
          )
        : Promise.resolve(new FakeStream([new FakeTrack()])),
    );
    const { stream, problems } = await openMedia(BOTH, WISHES);
    expect(kindsOf(stream)).toEqual(["audio"]);
    expect(problems[0]?.message).toContain("Your system blocks the camera");
  });

  it("say so when there is neither", async () => {
    // Otherwise a page on a bare server names one device of two.
    having([]);
    await expect(openMedia(BOTH, WISHES)).rejects.toMatchObject({
      message: expect.stringContaining("no camera") as string,
    });
  });

  it("take wishes for the one kind, or by kind", () => {
    // Otherwise track_constraints of existing programs are passed over.
    const given = { width: { ideal: 500 } };
    expect(wishesOf(["video"], given).video).toEqual(given);
    expect(wishesOf(["video"], { video: given }).video).toEqual(given);
    expect(wishesOf(BOTH, { video: given, audio: true })).toEqual({
      video: given,
      audio: VOICE_CONSTRAINTS,
    });
  });

  it("list cameras apart from microphones", async () => {
    // Otherwise the menu of cameras offers headsets.
    installDevices(undefined, [
      { kind: "audioinput", deviceId: "a", label: "Headset" },
      { kind: "videoinput", deviceId: "b", label: "" },
    ]);
    expect(await listCameras()).toEqual([{ deviceId: "b", label: "Camera 1" }]);
  });

  it("let a chosen camera look any way", () => {
    // Otherwise choosing the back camera opens the front one.
    expect(forDevice(CAMERA_CONSTRAINTS, "back")).not.toHaveProperty("facingMode");
  });
});

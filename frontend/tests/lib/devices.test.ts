import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  audioConstraints,
  forDevice,
  listMicrophones,
  onDeviceChange,
  openMicrophone,
  relaxations,
  VOICE_CONSTRAINTS,
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

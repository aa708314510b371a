import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import Call from "../../components/Call.svelte";
import { layoutOf } from "../../components/layouts";
import type { CallLook } from "../../components/look";
import { FastRTCClient } from "../../lib/client";
import { CallError } from "../../lib/errors";
import type { Mode } from "../../lib/peer";
import {
  FakePeerConnection,
  fakeSignalling,
  FakeStream,
  FakeTrack,
  installDevices,
  installFakes,
  settle,
} from "../lib/fakes";
import { LOOK } from "./fake_call";

beforeEach(() => {
  installFakes();
  installDevices(
    ({ audio }) => {
      const { exact } = ((audio as MediaTrackConstraints).deviceId ?? {}) as {
        exact?: string;
      };
      return Promise.resolve(new FakeStream([new FakeTrack("audio", exact)]));
    },
    [
      { kind: "audioinput", deviceId: "default", label: "Built-in" },
      { kind: "audioinput", deviceId: "usb", label: "Headset" },
    ],
  );
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function show(mode: Mode = "send-receive", look: Partial<CallLook> = {}) {
  const signalling = fakeSignalling();
  const audioElement = {
    play: () => Promise.resolve(),
    pause: () => undefined,
    srcObject: null,
    muted: false,
  } as unknown as HTMLAudioElement;
  const client = new FastRTCClient({ mode, signalling, audioElement });
  const onproblem = vi.fn();
  const layout = layoutOf("audio", mode);
  render(Call, { client, layout, look: { ...LOOK, ...look }, onproblem });
  return { client, signalling, audioElement };
}

async function call(mode: Mode = "send-receive", look: Partial<CallLook> = {}) {
  const made = show(mode, look);
  await fireEvent.click(screen.getByTestId("start"));
  await settle();
  FakePeerConnection.last.become("connected");
  await settle();
  await tick();
  return made;
}

const status = () => screen.getByTestId("status");

describe("the call view", () => {
  it("leads from the start button to the stop button and back", async () => {
    // Otherwise there is no way to call or to hang up.
    await call();
    expect(status().dataset.state).toBe("listening");
    expect(status().textContent).toContain("Listening");
    await fireEvent.click(screen.getByTestId("stop"));
    expect(status().dataset.state).toBe("ended");
    expect(screen.getByTestId("start")).toBeTruthy();
  });

  it("can be cancelled while connecting", async () => {
    // Otherwise a slow server holds the user.
    show();
    await fireEvent.click(screen.getByTestId("start"));
    await settle();
    expect(status().dataset.state).toBe("connecting");
    await fireEvent.click(screen.getByTestId("stop"));
    expect(status().dataset.state).toBe("ended");
  });

  it("doesn't take the second half of a double click for stop", async () => {
    // Otherwise people who double-click everything never get connected.
    show();
    await fireEvent.click(screen.getByTestId("start"), { detail: 1 });
    await fireEvent.click(screen.getByTestId("stop"), { detail: 2 });
    expect(status().dataset.state).toBe("connecting");
  });

  it("mutes by button and by the M key", async () => {
    // Otherwise there is no quick way to cough.
    const { client } = await call();
    await fireEvent.click(screen.getByTestId("mute"));
    expect(screen.getByTestId("mute").getAttribute("aria-pressed")).toBe("true");
    expect(client.localStream?.getAudioTracks()[0]?.enabled).toBe(false);
    expect(status().textContent).toContain("muted");
    await fireEvent.keyDown(screen.getByTestId("mute"), { key: "m" });
    expect(client.muted).toBe(false);
    await fireEvent.keyDown(screen.getByTestId("mute"), {
      key: "m",
      ctrlKey: true,
    });
    expect(client.muted).toBe(false);
  });

  it("mutes the speaker", async () => {
    // Otherwise the reply cannot be silenced without hanging up.
    const { audioElement } = await call();
    await fireEvent.click(screen.getByTestId("speaker"));
    expect(audioElement.muted).toBe(true);
  });

  it("switches the microphone from its menu", async () => {
    // Otherwise the wrong microphone means hanging up.
    const { client, signalling } = await call();
    await fireEvent.click(screen.getByTestId("mic-menu"));
    const options = screen.getAllByTestId("mic-option");
    expect(options.map((one) => one.getAttribute("aria-checked"))).toEqual([
      "true",
      "false",
    ]);
    await fireEvent.click(screen.getByText("Headset"));
    await settle();
    expect(client.microphoneId).toBe("usb");
    expect(signalling.offer).toHaveBeenCalledOnce();
    expect(screen.queryByTestId("mic-option")).toBeNull();
  });

  it("says why it failed and offers another try", async () => {
    // Otherwise a failed call is a dead end.
    const { signalling } = show();
    signalling.offer.mockRejectedValueOnce(new CallError("limit", "All is taken."));
    await fireEvent.click(screen.getByTestId("start"));
    await settle();
    await tick();
    expect(status().dataset.state).toBe("failed");
    expect(status().textContent).toContain("All is taken.");
    expect(screen.getByTestId("start").textContent).toContain("Try again");
  });

  it("counts the time, and down to the limit, outside the live region", async () => {
    // Otherwise a time limit surprises, or a screen reader counts aloud.
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    await call("send-receive", { timeLimitSeconds: 60 });
    vi.advanceTimersByTime(5000);
    await tick();
    expect(screen.getByTestId("elapsed").textContent).toBe("0:05");
    expect(screen.getByTestId("remaining").textContent).toContain("0:55 left");
    expect(status().contains(screen.getByTestId("elapsed"))).toBe(false);
  });

  it("shows only what a mode has", async () => {
    // Otherwise a radio asks for a microphone that it doesn't use.
    await call("receive");
    expect(screen.queryByTestId("mute")).toBeNull();
    expect(screen.getByTestId("speaker")).toBeTruthy();
    expect(status().textContent).toContain("Connected");
    cleanup();
    await call("send");
    expect(screen.getByTestId("mute")).toBeTruthy();
    expect(screen.queryByTestId("speaker")).toBeNull();
  });

  it("uses the labels and the icon that it was given", async () => {
    // Otherwise button_labels and icon do nothing.
    await call("send-receive", { labels: { stop: "Auflegen" }, icon: "/icon.png" });
    expect(screen.getByTestId("stop").textContent).toContain("Auflegen");
    expect(document.querySelector("img")?.getAttribute("src")).toBe("/icon.png");
  });

  it("lets browser tests read the call from the root element", async () => {
    // Otherwise nobody can look at a call's statistics.
    const { client } = await call();
    const root = document.querySelector(".fastrtc") as Element & {
      fastrtcCall?: { pc: unknown };
    };
    expect(root.fastrtcCall?.pc).toBe(client.peerConnection);
  });
});

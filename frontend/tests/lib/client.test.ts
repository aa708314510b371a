import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FastRTCClient, type FastRTCClientOptions } from "../../lib/client";
import type { CallError } from "../../lib/errors";
import {
  FakePeerConnection,
  fakeSignalling,
  FakeStream,
  FakeTrack,
  installDevices,
  installFakes,
  settle,
} from "./fakes";

let opened: FakeTrack[] = [];

beforeEach(() => {
  installFakes();
  opened = [];
  installDevices(({ audio }) => {
    const wished = audio as MediaTrackConstraints | undefined;
    const { exact } = (wished?.deviceId ?? {}) as { exact?: string };
    if (exact === "broken")
      return Promise.reject(new DOMException("", "NotFoundError"));
    const track = new FakeTrack("audio", exact ?? "default");
    opened.push(track);
    return Promise.resolve(new FakeStream([track]));
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function make(options: FastRTCClientOptions = {}) {
  const signalling = fakeSignalling();
  const client = new FastRTCClient({ signalling, audioElement: null, ...options });
  const phases: string[] = [];
  const errors: CallError[] = [];
  client.addEventListener("state", ({ detail }) => phases.push(detail.phase));
  client.addEventListener("error", ({ detail }) => errors.push(detail));
  return { client, signalling, phases, errors };
}

async function connected(options: FastRTCClientOptions = {}) {
  const made = make(options);
  const connecting = made.client.connect();
  await settle();
  FakePeerConnection.last.become("connected");
  await connecting;
  return { ...made, connection: FakePeerConnection.last };
}

describe("the client", () => {
  it("tells every step from the click to the hang-up", async () => {
    // Otherwise a page cannot say what is happening.
    const { client, phases, signalling } = await connected();
    client.close();
    client.close();
    expect(phases).toEqual(["asking", "connecting", "listening", "ended"]);
    expect(signalling.hangUp.mock.calls).toEqual([[client.webrtcId]]);
    expect(opened.map(({ readyState }) => readyState)).toEqual(["ended"]);
    expect(client.localStream).toBeNull();
  });

  it("makes one call at a time, each under a new name", async () => {
    // Otherwise a second click opens a second call, or the server refuses the next.
    const { client } = await connected();
    const first = client.webrtcId;
    await client.connect();
    expect(FakePeerConnection.made).toHaveLength(1);
    client.close();
    void client.connect();
    expect(client.webrtcId).not.toBe(first);
    client.close();
  });

  it("fails with a sentence and can be tried again", async () => {
    // Otherwise "Try again" does nothing after a failure.
    const { client, phases, errors } = make({ signalling: fakeSignalling() });
    installDevices(() => Promise.reject(new DOMException("", "NotAllowedError")));
    await expect(client.connect()).rejects.toMatchObject({ kind: "denied" });
    expect(phases).toEqual(["asking", "failed"]);
    expect(errors.map(({ kind }) => kind)).toEqual(["denied"]);
    void client.connect().catch(() => undefined);
    expect(phases.at(-1)).toBe("asking");
    client.close();
  });

  it("doesn't hang up calls that the server never heard of", async () => {
    // Otherwise every refused permission is a request and an error in its log.
    installDevices(() => Promise.reject(new DOMException("", "NotAllowedError")));
    const { client, signalling } = make();
    await client.connect().catch(() => undefined);
    expect(signalling.hangUp).not.toHaveBeenCalled();
  });

  it("cancels without an error", async () => {
    // Otherwise a user who changed their mind is shown a failure.
    const { client, phases, errors } = make();
    const connecting = client.connect();
    await settle();
    client.close();
    await connecting;
    expect(phases).toEqual(["asking", "connecting", "ended"]);
    expect(errors).toEqual([]);
  });

  it("hangs up when the page goes away", async () => {
    // Otherwise a closed tab keeps its place until the server notices.
    const { client } = await connected();
    globalThis.dispatchEvent(new Event("pagehide"));
    expect(client.state.phase).toBe("ended");
  });

  it("follows the server's messages", async () => {
    // Otherwise time limits and errors in user code go unseen.
    const { client, connection, errors } = await connected();
    const messages: string[] = [];
    client.addEventListener("message", ({ detail }) => messages.push(detail.type));
    connection.say({ type: "log", data: "pause_detected" });
    expect(client.state.phase).toBe("thinking");
    connection.say({ type: "error", data: "The reply failed." });
    expect(errors.map(({ message }) => message)).toEqual(["The reply failed."]);
    expect(client.state.phase).toBe("thinking");
    connection.say({ type: "end_stream", data: "Time is over." });
    expect(client.state).toMatchObject({ phase: "ended", notice: "Time is over." });
    expect(messages).toEqual(["log", "error", "end_stream"]);
  });

  it("hangs up when told that the connection closed", async () => {
    // Otherwise the microphone stays open after the server's end.
    const { client, connection } = await connected();
    connection.say({ type: "update_connection", data: "closed" });
    expect(client.state.phase).toBe("ended");
  });

  it("stays muted through a change of microphone and the next call", async () => {
    // Otherwise choosing a microphone makes a muted user audible.
    const { client } = await connected();
    client.mute(true);
    await client.setMicrophone("headset");
    expect(opened.map(({ enabled }) => enabled)).toEqual([false, false]);
    expect(client.microphoneId).toBe("headset");
    client.close();
    void client.connect();
    await settle();
    expect(opened.at(-1)).toMatchObject({ enabled: false, deviceId: "headset" });
    client.close();
  });

  it("goes on with the microphone before when the new one fails", async () => {
    // Otherwise one wrong choice ends the call.
    const { client } = await connected();
    await expect(client.setMicrophone("broken")).rejects.toMatchObject({
      kind: "microphone",
    });
    expect(client.localStream?.getTracks()).toEqual([opened[0]]);
    expect(client.state.phase).toBe("listening");
  });

  it("takes another microphone when the one in use is unplugged", async () => {
    // Otherwise pulling out a headset leaves a call in which nobody hears the user.
    const { client } = await connected();
    opened[0]?.dispatchEvent(new Event("ended"));
    await settle();
    expect(client.localStream?.getTracks()).toEqual([opened[1]]);
  });

  it("never reopens a microphone after the hang-up", async () => {
    // Otherwise the page listens when nobody expects it.
    const { client } = await connected();
    const switching = client.setMicrophone("headset");
    client.close();
    await switching;
    opened[0]?.dispatchEvent(new Event("ended"));
    await settle();
    expect(opened.filter(({ readyState }) => readyState === "live")).toEqual([]);
  });

  it("plays the reply from the click on, and says when it may not", async () => {
    // Otherwise receive-only streams stay silent without a word.
    const play = vi.fn(() =>
      Promise.reject(new DOMException("", "NotAllowedError")),
    );
    const audioElement = { play, pause: vi.fn(), srcObject: null, muted: false };
    const { client, errors } = make({
      mode: "receive",
      audioElement: audioElement as unknown as HTMLAudioElement,
    });
    const connecting = client.connect();
    expect(play).toHaveBeenCalledOnce();
    expect(audioElement.srcObject).toBe(client.remoteStream);
    client.close();
    await connecting;
    expect(errors.map(({ kind }) => kind)).toEqual(["playback"]);
    expect(audioElement.srcObject).toBeNull();
  });

  it("mutes the speaker for this call and the next", () => {
    // Otherwise a silenced bot talks again after a reconnect.
    const audioElement = { muted: false } as HTMLAudioElement;
    const { client } = make({ audioElement });
    client.muteSpeaker(true);
    expect(audioElement.muted).toBe(true);
    expect(client.speakerMuted).toBe(true);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FastRTCClient, type FastRTCClientOptions } from "../../lib/client";
import { CallError } from "../../lib/errors";
import { MAX_TEXT_LENGTH, MAX_WAITING } from "../../lib/outbox";
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
let clients: FastRTCClient[] = [];

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
  for (const client of clients) client.close();
  clients = [];
  vi.unstubAllGlobals();
});

function make(options: FastRTCClientOptions = {}) {
  const signalling = fakeSignalling();
  const client = new FastRTCClient({ signalling, audioElement: null, ...options });
  clients.push(client);
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
    opened[0]?.end();
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

  it("stops a microphone that is granted after the user gave up", async () => {
    // Otherwise a cancelled call listens on.
    let allow: (stream: FakeStream) => void = () => undefined;
    installDevices(() => new Promise((resolve) => (allow = resolve)));
    const { client } = make();
    const connecting = client.connect();
    client.close();
    await connecting;
    const late = new FakeTrack();
    allow(new FakeStream([late]));
    await settle();
    expect(late.readyState).toBe("ended");
    expect(FakePeerConnection.made).toEqual([]);
  });

  it.each(["refusal", "loss"])(
    "releases the microphone after a %s",
    async (way) => {
      // Otherwise the recording light stays on after "all places are taken".
      const refused = () => Promise.reject(new CallError("limit", "Full."));
      const signalling =
        way === "refusal" ? fakeSignalling({ offer: refused }) : fakeSignalling();
      const { client } = make({ signalling });
      const connecting = client.connect().catch(() => undefined);
      await settle();
      FakePeerConnection.last.become("connected");
      FakePeerConnection.last.become("failed");
      await connecting;
      expect(client.state.phase).toBe("failed");
      expect(opened.map(({ readyState }) => readyState)).toEqual(["ended"]);
    },
  );

  it("sends texts, those typed early as soon as it can", async () => {
    // Otherwise what is typed while the call connects is lost without a word.
    const { client } = make();
    expect(() => {
      client.sendText("nobody");
    }).toThrow(CallError);
    const connecting = client.connect();
    client.sendText("early");
    await settle();
    client.sendText("later");
    const { last } = FakePeerConnection;
    last.become("connected");
    await connecting;
    client.sendText("now");
    expect(
      last.channels[0]?.sent.map((frame) => JSON.parse(frame) as object),
    ).toEqual(["early", "later", "now"].map((data) => ({ type: "text", data })));
  });

  it("refuses texts that would pile up, and those that are too long", () => {
    // Otherwise a page that pastes a book fills its memory and the server's.
    const { client } = make();
    void client.connect().catch(() => undefined);
    const send = (text: string) => () => {
      client.sendText(text);
    };
    for (let at = 0; at < MAX_WAITING; at++) client.sendText("x");
    expect(send("one more")).toThrow(/Too many/);
    expect(send("x".repeat(MAX_TEXT_LENGTH + 1))).toThrow(/too long/);
    client.close();
  });

  it("keeps the captions of a call until the next one", async () => {
    // Otherwise the transcript is gone when the call ends, or mixes two calls.
    const { client, connection } = await connected();
    const seen: string[][] = [];
    client.addEventListener("caption", ({ detail }) =>
      seen.push(detail.map(({ text }) => text)),
    );
    const say = (text: string, id: string) => {
      const data = { role: "assistant", text, id, final: false };
      connection.say({ type: "caption", data });
    };
    say("Hel", "1");
    say("Hello", "1");
    client.close();
    expect(client.captions).toMatchObject([{ text: "Hello", role: "assistant" }]);
    void client.connect();
    expect(seen).toEqual([["Hel"], ["Hello"], []]);
    client.close();
  });

  it("tells the quality of the connection, and nothing without one", async () => {
    // Otherwise "poor connection" is guessed, or asking breaks the page.
    const { client, connection } = await connected();
    connection.stats.set("1", {
      type: "remote-inbound-rtp",
      timestamp: 1000,
      roundTripTime: 0.5,
    });
    expect(await client.quality()).toMatchObject({
      roundTripMs: 500,
      rating: "fair",
    });
    client.close();
    expect(await client.quality()).toBeNull();
  });

  it("keeps the screen on and the system informed while it is live", async () => {
    // Otherwise the phone locks in the middle of the call and cuts the microphone.
    const release = vi.fn(() => Promise.resolve());
    const request = vi.fn(() => Promise.resolve({ release }));
    const setActionHandler = vi.fn();
    const audioSession = { type: "auto" };
    Object.assign(navigator, {
      wakeLock: { request },
      mediaSession: { setActionHandler, metadata: null, playbackState: "none" },
      audioSession,
    });
    const { client } = await connected();
    expect(request.mock.calls).toEqual([["screen"]]);
    expect(audioSession.type).toBe("play-and-record");
    document.dispatchEvent(new Event("visibilitychange"));
    await settle();
    expect(request).toHaveBeenCalledTimes(2);
    const hangUp = setActionHandler.mock.calls.find(([name]) => name === "hangup");
    (hangUp?.[1] as () => void)();
    expect(client.state.phase).toBe("ended");
    expect(release).toHaveBeenCalledTimes(2);
    expect(audioSession.type).toBe("auto");
    document.dispatchEvent(new Event("visibilitychange"));
    expect(request).toHaveBeenCalledTimes(2);
  });

  it("plays at the next click when the browser refused before", async () => {
    // Otherwise a stream that a page starts by itself stays silent for good.
    let allowed = false;
    const play = vi.fn(() =>
      allowed
        ? Promise.resolve()
        : Promise.reject(new DOMException("", "NotAllowedError")),
    );
    const audioElement = { play, pause: vi.fn(), srcObject: null, muted: false };
    const { client, errors } = await connected({
      mode: "receive",
      audioElement: audioElement as unknown as HTMLAudioElement,
    });
    await settle();
    expect(opened).toEqual([]);
    expect(errors.map(({ kind }) => kind)).toEqual(["playback"]);
    const before = play.mock.calls.length;
    allowed = true;
    document.dispatchEvent(new Event("click"));
    document.dispatchEvent(new Event("click"));
    expect(play).toHaveBeenCalledTimes(before + 1);
    client.close();
  });
});

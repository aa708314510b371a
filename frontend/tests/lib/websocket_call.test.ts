import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FastRTCClient, type FastRTCClientOptions } from "../../lib/client";
import { CallError } from "../../lib/errors";
import { CONNECT_TIMEOUT_MS } from "../../lib/transport";
import { KEEP_ALIVE_MS, MAX_UNSENT_BYTES } from "../../lib/websocket_call";
import { CAPTURE, PLAYBACK } from "../../lib/worklets";
import {
  FakePeerConnection,
  fakeSignalling,
  FakeStream,
  FakeTrack,
  installDevices,
  installFakes,
  settle,
} from "./fakes";
import {
  FakeNode,
  FakeSocket,
  FakeSourceNode,
  FakeWorkletNode,
  installAudio,
  worklet,
} from "./fakes_audio";

let opened: FakeTrack[] = [];
let clients: FastRTCClient[] = [];

beforeEach(() => {
  installFakes();
  installAudio();
  opened = [];
  installDevices(({ audio }) => {
    const wish = audio as { deviceId?: { exact?: string } };
    const track = new FakeTrack("audio", wish.deviceId?.exact ?? "default");
    opened.push(track);
    return Promise.resolve(new FakeStream([track]));
  });
});
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function make(options: FastRTCClientOptions = {}) {
  const signalling = fakeSignalling();
  const fallbackUrl = vi.fn(() => Promise.resolve<string | null>("/ws/offer"));
  const client = new FastRTCClient({
    signalling,
    audioElement: null,
    fallbackUrl,
    ...options,
  });
  clients.push(client);
  const errors: CallError[] = [];
  client.addEventListener("error", ({ detail }) => errors.push(detail));
  return { client, signalling, fallbackUrl, errors };
}

/** WebRTC finds no way; the call is at the WebSocket's door. */
async function atTheDoor(options: FastRTCClientOptions = {}) {
  const made = make(options);
  const connecting = made.client.connect();
  connecting.catch(() => undefined);
  await settle();
  FakePeerConnection.last.become("failed");
  await settle();
  return { ...made, connecting };
}

const FORMAT = { encoding: "pcm16", sample_rate: 24_000 };

async function connected(options: FastRTCClientOptions = {}) {
  const made = await atTheDoor(options);
  const socket = FakeSocket.last;
  socket.open();
  socket.say({ event: "started", input: FORMAT, output: FORMAT });
  await made.connecting;
  return { ...made, socket };
}

describe("a call that WebRTC cannot carry", () => {
  it("goes through the page's own port, with the same microphone", async () => {
    // Otherwise people behind strict firewalls can't call at all.
    const { client, socket, errors, signalling } = await connected();
    expect(socket.url).toBe(
      new URL("/ws/offer", location.href).href.replace("http", "ws"),
    );
    expect(socket.binaryType).toBe("arraybuffer");
    expect(socket.events).toEqual([
      {
        event: "start",
        websocket_id: client.webrtcId,
        format: FORMAT,
        output: FORMAT,
      },
    ]);
    expect(client.state).toMatchObject({
      phase: "listening",
      transport: "websocket",
    });
    expect(client.transport).toBe("websocket");
    expect(client.peerConnection).toBeNull();
    expect(opened).toHaveLength(1);
    expect(errors).toEqual([]);
    // The place that the failed connection held is free again.
    expect(signalling.hangUp.mock.calls).toEqual([[client.webrtcId]]);
  });

  it("carries both voices as they come", async () => {
    // Otherwise the call is connected and silent.
    const { client, socket } = await connected();
    const frame = new Int16Array(480).buffer;
    worklet(CAPTURE).port.onmessage?.({ data: frame });
    expect(socket.sent.at(-1)).toBe(frame);
    socket.play(frame);
    expect(worklet(PLAYBACK).posted).toEqual([frame]);
    socket.play(new ArrayBuffer(3));
    expect(worklet(PLAYBACK).posted).toHaveLength(1);
    expect(client.remoteStream?.getAudioTracks()).toMatchObject([
      { deviceId: "bot" },
    ]);
  });

  it("drops what is queued when the bot is interrupted", async () => {
    // Otherwise the bot talks on into the user's words.
    const { socket } = await connected();
    socket.say({ event: "clear" });
    expect(worklet(PLAYBACK).posted).toEqual(["clear"]);
  });

  it("drops newer sound while the network is too slow", async () => {
    // Otherwise the bot hears the user minutes late.
    const { socket } = await connected();
    const before = socket.sent.length;
    socket.bufferedAmount = MAX_UNSENT_BYTES + 1;
    worklet(CAPTURE).port.onmessage?.({ data: new ArrayBuffer(960) });
    expect(socket.sent).toHaveLength(before);
  });

  it("tells messages, captions and texts like any other call", async () => {
    // Otherwise the page behaves otherwise where it is needed most.
    const { client, socket, errors } = await connected();
    socket.say({ type: "log", data: "pause_detected" });
    expect(client.state.phase).toBe("thinking");
    const data = { role: "user", text: "Hi", id: "1", final: true };
    socket.say({ type: "caption", data });
    expect(client.captions).toEqual([data]);
    client.sendText("hello");
    expect(socket.events.at(-1)).toEqual({ type: "text", data: "hello" });
    socket.say({ type: "error", data: "Too long.", status: "failed", meta: {} });
    expect(errors.map(({ message }) => message)).toEqual(["Too long."]);
    socket.onmessage?.({ data: "nonsense" });
    socket.onmessage?.({ data: "null" });
    expect(client.state.phase).toBe("thinking");
  });

  it("changes the microphone without connecting again", async () => {
    // Otherwise choosing a headset mutes the call.
    const { client } = await connected();
    await client.setMicrophone("headset");
    const source = FakeNode.made.findLast(
      (node): node is FakeSourceNode =>
        node instanceof FakeSourceNode &&
        node.connectedTo.some((other) => other instanceof FakeWorkletNode),
    );
    expect(source?.options.mediaStream.getTracks()).toMatchObject([
      { deviceId: "headset" },
    ]);
    expect(FakeSocket.made).toHaveLength(1);
  });

  it("measures its round trip", async () => {
    // Otherwise nobody sees why this call answers slowly.
    const { client, socket } = await connected();
    const measuring = client.quality();
    expect(socket.events.at(-1)).toEqual({ event: "ping" });
    socket.say({ event: "pong" });
    expect(await measuring).toMatchObject({ lossPercent: null, rating: "good" });
    vi.useFakeTimers();
    const slow = client.quality();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await slow).toMatchObject({ roundTripMs: null, rating: "poor" });
  });

  it("says goodbye and releases everything", async () => {
    // Otherwise the server keeps the place and the page the microphone.
    const { client, socket } = await connected();
    client.close();
    expect(socket.events.at(-1)).toEqual({ event: "stop" });
    expect(socket.closedWith).toBe(1000);
    expect(opened[0]?.readyState).toBe("ended");
    expect(FakeNode.made.every(({ disconnected }) => disconnected)).toBe(true);
  });

  it.each([
    [1000, "ended"],
    [1006, "failed"],
  ])("ends on code %d as %s", async (code, phase) => {
    // Otherwise a lost connection looks like a goodbye, or the other way round.
    const { client, socket } = await connected();
    socket.drop(code);
    expect(client.state.phase).toBe(phase);
  });

  it("uses another name when the server still holds the first", async () => {
    // Otherwise the dead connection keeps its own rescue out.
    const { client, connecting, fallbackUrl } = await atTheDoor();
    const { webrtcId } = client;
    FakeSocket.last.open();
    const meta = { error: "connection_already_exists" };
    FakeSocket.last.say({ status: "failed", meta });
    await settle();
    expect(FakeSocket.made).toHaveLength(2);
    // An address may hold a ticket for one call.
    expect(fallbackUrl).toHaveBeenCalledTimes(2);
    FakeSocket.last.open();
    FakeSocket.last.say({ event: "started" });
    await connecting;
    expect(client.webrtcId).not.toBe(webrtcId);
    expect(FakeSocket.last.events[0]?.websocket_id).toBe(client.webrtcId);
    expect(client.remoteStream?.getTracks()).toHaveLength(1);
  });

  it.each<[string, () => void]>([
    ["can't be reached", () => FakeSocket.last.drop(1006)],
    [
      "is full",
      () =>
        FakeSocket.last.say({
          status: "failed",
          meta: { error: "concurrency_limit_reached", limit: 1 },
        }),
    ],
  ])("shows its first error when the port %s", async (_, fail) => {
    // Otherwise the user reads of WebSockets instead of what to do.
    const { client, connecting, errors } = await atTheDoor();
    fail();
    await expect(connecting).rejects.toMatchObject({ kind: "no-route" });
    expect(client.state).toMatchObject({ phase: "failed", error: errors[0] });
    expect(opened[0]?.readyState).toBe("ended");
  });

  it("gives up on a port that says nothing", async () => {
    // Otherwise "Connecting…" stands for ever.
    vi.useFakeTimers();
    const { connecting } = await atTheDoor();
    const outcome = expect(connecting).rejects.toMatchObject({ kind: "no-route" });
    FakeSocket.last.open();
    await vi.advanceTimersByTimeAsync(CONNECT_TIMEOUT_MS);
    await outcome;
    expect(FakeSocket.last.closedWith).toBe(1000);
  });

  it("is given up when the user hangs up meanwhile", async () => {
    // Otherwise a cancelled call connects a moment later.
    const { client, connecting } = await atTheDoor();
    client.close();
    await connecting;
    expect(FakeSocket.last.closedWith).toBe(1000);
    expect(client.state.phase).toBe("ended");
  });

  it("fails as before without another way, or with a picture", async () => {
    // Otherwise video calls become silent films, and pages without a port hang.
    const none = await atTheDoor({ fallbackUrl: () => Promise.resolve(null) });
    await expect(none.connecting).rejects.toMatchObject({ kind: "no-route" });
    const broken = await atTheDoor({
      fallbackUrl: () => Promise.reject(new Error()),
    });
    await expect(broken.connecting).rejects.toMatchObject({ kind: "no-route" });
    const video = await atTheDoor({ kinds: ["audio", "video"] });
    await expect(video.connecting).rejects.toMatchObject({ kind: "no-route" });
    expect(video.fallbackUrl).not.toHaveBeenCalled();
    expect(FakeSocket.made).toEqual([]);
  });

  it("isn't helped where the server refused", async () => {
    // Otherwise a full server is asked twice, and again.
    const refused = () => Promise.reject(new CallError("limit", "Full."));
    const { client, fallbackUrl } = make({
      signalling: fakeSignalling({ offer: refused }),
    });
    await expect(client.connect()).rejects.toMatchObject({ kind: "limit" });
    expect(fallbackUrl).not.toHaveBeenCalled();
  });

  it("listens without a microphone in receive mode", async () => {
    // Otherwise listening asks for permission.
    await connected({ mode: "receive" });
    expect(opened).toEqual([]);
    expect(() => worklet(CAPTURE)).toThrow();
    expect(worklet(PLAYBACK).processor).toBe(PLAYBACK);
  });

  it("is kept alive, though nobody speaks, until it ends", async () => {
    // Otherwise servers and proxies close a listener's call after a minute.
    vi.useFakeTimers();
    const { client, socket } = await connected({ mode: "receive" });
    await vi.advanceTimersByTimeAsync(KEEP_ALIVE_MS);
    expect(socket.events.at(-1)).toEqual({ event: "ping" });
    client.close();
    const sent = socket.sent.length;
    await vi.advanceTimersByTimeAsync(KEEP_ALIVE_MS);
    expect(socket.sent).toHaveLength(sent);
  });

  it("works in browsers without WebRTC", async () => {
    // Otherwise hardened browsers are told to go away though they could talk.
    vi.stubGlobal("RTCPeerConnection", undefined);
    const { client, signalling } = make();
    const connecting = client.connect();
    await settle();
    FakeSocket.last.open();
    FakeSocket.last.say({ event: "started" });
    await connecting;
    expect(client.transport).toBe("websocket");
    expect(signalling.hangUp).not.toHaveBeenCalled();
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallError } from "../../lib/errors";
import { Peer, RECONNECT_TIMEOUT_MS, type PeerOptions } from "../../lib/peer";
import { CONNECT_TIMEOUT_MS } from "../../lib/transport";
import {
  FakePeerConnection,
  fakeSignalling,
  FakeStream,
  FakeTrack,
  installFakes,
  settle,
} from "./fakes";

beforeEach(() => {
  installFakes();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function make(changes: Partial<PeerOptions> = {}) {
  const microphone = new FakeTrack();
  const signalling = fakeSignalling();
  const remoteStream = new MediaStream();
  const events = {
    negotiating: vi.fn(),
    interrupted: vi.fn(),
    attempt: vi.fn(),
    resumed: vi.fn(),
    opened: vi.fn(),
    message: vi.fn(),
    ended: vi.fn(),
  };
  const peer = new Peer(
    {
      webrtcId: "id",
      mode: "send-receive",
      kinds: ["audio"],
      capture: () =>
        Promise.resolve(new FakeStream([microphone]) as unknown as MediaStream),
      signalling,
      remoteStream,
      ...changes,
    },
    events,
  );
  return { peer, events, microphone, signalling, remoteStream };
}

async function connected(changes: Partial<PeerOptions> = {}) {
  const made = make(changes);
  const connecting = made.peer.connect();
  await settle();
  FakePeerConnection.last.become("connected");
  await connecting;
  return { ...made, connection: FakePeerConnection.last };
}

describe("a peer", () => {
  it("offers the data channel and the microphone at once", async () => {
    // Otherwise the server never gets a channel, since it doesn't renegotiate.
    const { connection, signalling } = await connected();
    expect(signalling.offer).toHaveBeenCalledWith(
      "id",
      "v=0 text",
      expect.anything(),
      { resumable: true, resumeToken: null },
    );
    expect(connection.transceivers).toEqual([
      { kind: "audio", direction: "sendrecv" },
    ]);
    expect(connection.remoteDescription).toEqual({
      sdp: "v=0 answer",
      type: "answer",
    });
  });

  it("opens no device when it only receives", async () => {
    // Otherwise listening to a stream asks for the microphone.
    const capture = vi.fn();
    const { connection } = await connected({ mode: "receive", capture });
    expect(capture).not.toHaveBeenCalled();
    expect(connection.transceivers).toEqual([
      { kind: "audio", direction: "recvonly" },
    ]);
  });

  it("trickles candidates while the offer is on its way", async () => {
    // Otherwise connecting waits for the slowest STUN server.
    const signalling = fakeSignalling({
      offer: () => new Promise(() => undefined),
    });
    const { peer } = make({ signalling });
    void peer.connect().catch(() => undefined);
    await settle();
    const candidate = { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 };
    FakePeerConnection.last.onicecandidate?.({ candidate });
    FakePeerConnection.last.onicecandidate?.({ candidate: null });
    expect(signalling.candidate.mock.calls).toEqual([["id", candidate]]);
    peer.close();
  });

  it("passes the server's ICE configuration on, and says when it is wrong", async () => {
    // Otherwise a typo in a TURN address looks like a network problem.
    const iceServers = [{ urls: "nonsense" }];
    const signalling = fakeSignalling({
      configuration: () => Promise.resolve({ iceServers }),
    });
    const { peer } = make({ signalling });
    await expect(peer.connect()).rejects.toMatchObject({
      kind: "turn",
      message: expect.stringContaining("nonsense") as string,
    });
  });

  it("closes its connection when the server refuses", async () => {
    // Otherwise every refused call leaves sockets open in the browser.
    const refusal = new CallError("limit", "Full.");
    const signalling = fakeSignalling({ offer: () => Promise.reject(refusal) });
    const { peer } = make({ signalling });
    await expect(peer.connect()).rejects.toBe(refusal);
    expect(FakePeerConnection.last.connectionState).toBe("closed");
  });

  it("gives up when no way to the server is found in time", async () => {
    // Otherwise the page waits for ever, the predecessor's commonest complaint.
    const { peer } = make();
    const outcome = expect(peer.connect()).rejects.toMatchObject({
      kind: "no-route",
    });
    await settle();
    vi.advanceTimersByTime(CONNECT_TIMEOUT_MS);
    await outcome;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tells a silent server from a missing way to it", async () => {
    // Otherwise the site's owner sets up TURN in vain.
    const signalling = fakeSignalling({
      offer: () => new Promise(() => undefined),
    });
    const { peer } = make({ signalling });
    const outcome = expect(peer.connect()).rejects.toMatchObject({
      kind: "no-answer",
    });
    await settle();
    vi.advanceTimersByTime(CONNECT_TIMEOUT_MS);
    await outcome;
  });

  it("fails at once when ICE does", async () => {
    // Otherwise the user waits out a timeout whose end is known.
    const { peer } = make();
    const outcome = expect(peer.connect()).rejects.toMatchObject({
      kind: "no-route",
    });
    await settle();
    FakePeerConnection.last.become("failed");
    await outcome;
  });

  it("gives the time of the permission prompt no limit", async () => {
    // Otherwise reading the prompt for 16 seconds fails the call.
    let allow: (stream: MediaStream) => void = () => undefined;
    const capture = () => new Promise<MediaStream>((resolve) => (allow = resolve));
    const { peer, events } = make({ capture });
    const connecting = peer.connect();
    await settle();
    vi.advanceTimersByTime(10 * CONNECT_TIMEOUT_MS);
    allow(new FakeStream([new FakeTrack()]) as unknown as MediaStream);
    await settle();
    expect(events.negotiating).toHaveBeenCalledOnce();
    FakePeerConnection.last.become("connected");
    await connecting;
  });

  it.each(["configuration", "offer"] as const)(
    "cancels while it waits for the %s",
    async (step) => {
      // Otherwise a click on cancel leaves a call that connects a moment later.
      const { peer, events } = make({
        signalling: fakeSignalling({ [step]: () => new Promise(() => undefined) }),
      });
      const outcome = expect(peer.connect()).rejects.toMatchObject({
        name: "AbortError",
      });
      await settle();
      peer.close();
      await outcome;
      expect(events.ended).not.toHaveBeenCalled();
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it("survives a short loss of the network", async () => {
    // Otherwise a phone that changes cells loses its call.
    const { connection, events } = await connected();
    connection.become("disconnected");
    vi.advanceTimersByTime(RECONNECT_TIMEOUT_MS - 1);
    connection.become("connected");
    vi.advanceTimersByTime(RECONNECT_TIMEOUT_MS);
    expect(events.interrupted).toHaveBeenCalledOnce();
    expect(events.resumed).toHaveBeenCalledOnce();
    expect(events.ended).not.toHaveBeenCalled();
  });

  it("ends when the network doesn't come back", async () => {
    // Otherwise "Reconnecting…" stands for ever and the microphone stays open.
    const { connection, events } = await connected();
    connection.become("disconnected");
    vi.advanceTimersByTime(RECONNECT_TIMEOUT_MS);
    expect(events.ended.mock.calls).toMatchObject([[{ kind: "lost" }]]);
    expect(connection.connectionState).toBe("closed");
  });

  it("ends quietly when the server hangs up", async () => {
    // Otherwise a normal end is shown as an error, or never.
    const { connection, events } = await connected();
    connection.channels[0]?.close();
    connection.channels[0]?.close();
    expect(events.ended.mock.calls).toEqual([[null]]);
  });

  it("hands messages and tracks on until it is closed", async () => {
    // Otherwise a closed call still changes the page.
    const { connection, events, peer, remoteStream } = await connected();
    connection.ontrack?.({ track: new FakeTrack() });
    expect(remoteStream.getTracks()).toHaveLength(1);
    connection.say({ type: "log" });
    peer.close();
    connection.say({ type: "log" });
    expect(events.message).toHaveBeenCalledOnce();
  });

  it("replaces a track without a new offer, by its kind", async () => {
    // Otherwise switching devices drops the call, or the camera goes where sound is.
    const { connection, peer, signalling } = await connected({
      kinds: ["audio", "video"],
    });
    const camera = new FakeTrack("video", "other");
    await peer.replaceTrack("video", camera as unknown as MediaStreamTrack);
    await peer.replaceTrack("video", null);
    expect(connection.senders.map(({ replaced }) => replaced)).toEqual([
      [],
      [camera, null],
    ]);
    expect(signalling.offer).toHaveBeenCalledOnce();
  });

  it("carries texts and events alone, without a device", async () => {
    // Otherwise a data-only session asks for a microphone that nobody needs.
    const capture = vi.fn();
    const { connection, peer } = await connected({ kinds: [], capture });
    expect(capture).not.toHaveBeenCalled();
    expect(connection.transceivers).toEqual([]);
    expect(peer.send("hello")).toBe(true);
    expect(connection.channels[0]?.sent).toEqual(["hello"]);
  });

  it("applies rtp_params to what it sends", async () => {
    // Otherwise the setting is accepted in Python and does nothing.
    const { connection } = await connected({
      rtpParameters: { degradationPreference: "maintain-framerate" },
    });
    expect(connection.senders[0]?.parameters).toEqual({
      encodings: [],
      degradationPreference: "maintain-framerate",
    });
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallError } from "../../lib/errors";
import { Peer, type PeerOptions } from "../../lib/peer";
import { ATTEMPT_TIMEOUT_MS, GRACE_MS, HEAL_MS, pauseMs } from "../../lib/resume";
import type { Answer, OfferWish, Signalling } from "../../lib/signalling";
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

const ANSWER: Answer = { sdp: "v=0 answer", type: "answer", resumeToken: "secret" };
const never = () => new Promise<Answer>(() => undefined);

type Offer = Signalling["offer"];

/** A connected call on a server that lets it go on. */
async function resumable(changes: Partial<PeerOptions> = {}) {
  const replies: Offer[] = [];
  const signalling = fakeSignalling({
    offer: (...args) =>
      (replies.shift() ?? (() => Promise.resolve(ANSWER)))(...args),
  });
  const microphone = new FakeTrack();
  const remoteStream = new MediaStream();
  const local = new FakeStream([microphone]) as unknown as MediaStream;
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
      capture: () => Promise.resolve(local),
      remoteStream,
      signalling,
      ...changes,
    },
    events,
  );
  const connecting = peer.connect();
  await settle();
  const first = FakePeerConnection.last;
  first.ontrack?.({ track: new FakeTrack("audio", "first") });
  first.become("connected");
  await connecting;
  const wishes = () =>
    signalling.offer.mock.calls.map((call) => call[3] as OfferWish | undefined);
  return {
    peer,
    events,
    signalling,
    replies,
    first,
    remoteStream,
    microphone,
    wishes,
  };
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Ids of what is played. */
function played(stream: MediaStream): string[] {
  return (stream as unknown as FakeStream).tracks.map(({ deviceId }) => deviceId);
}

describe("a lost connection", () => {
  it("heals by itself without a new one when packets come again soon", async () => {
    // Otherwise every hiccup of a phone's network costs a new connection.
    const { first, events, signalling } = await resumable();
    first.become("disconnected");
    expect(events.interrupted).toHaveBeenCalledOnce();
    await pass(HEAL_MS - 1);
    first.become("connected");
    await pass(GRACE_MS);
    expect(events.resumed).toHaveBeenCalledOnce();
    expect(signalling.offer).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is replaced by a new one for the same session, with the same stream", async () => {
    // Otherwise a change of network ends the call and the handler forgets everything.
    const { first, events, peer, remoteStream, microphone, wishes } =
      await resumable();
    first.become("disconnected");
    await pass(HEAL_MS);
    const second = FakePeerConnection.last;
    expect(second).not.toBe(first);
    expect(second.senders.map(({ track }) => track)).toEqual([microphone]);
    second.ontrack?.({ track: new FakeTrack("audio", "second") });
    expect(played(remoteStream)).toEqual(["first"]);
    second.become("connected");
    await settle();
    expect(wishes().at(-1)).toEqual({ resumable: true, resumeToken: "secret" });
    expect(events.attempt.mock.calls).toEqual([[1]]);
    expect(events.resumed).toHaveBeenCalledOnce();
    expect(played(remoteStream)).toEqual(["second"]);
    expect(peer.connection).toBe(second);
    expect(first.connectionState).toBe("closed");
    expect(vi.getTimerCount()).toBe(0);
    // And it can be lost again.
    second.become("failed");
    await settle();
    expect(FakePeerConnection.made).toHaveLength(3);
  });

  it.each<[string, (connection: FakePeerConnection) => void]>([
    ["ICE fails", (connection) => connection.become("failed")],
    [
      "the channel closes without a goodbye",
      ({ channels }) => channels[0]?.close(),
    ],
    ["the connection closes", (connection) => connection.become("closed")],
  ])("is replaced at once when %s", async (_, lose) => {
    // Otherwise the user waits for something that won't come.
    const { first, events } = await resumable();
    lose(first);
    await settle();
    expect(FakePeerConnection.made).toHaveLength(2);
    expect(events.ended).not.toHaveBeenCalled();
    expect(events.interrupted).toHaveBeenCalledOnce();
  });

  it("is replaced at once when a wait for healing turns out vain", async () => {
    // Otherwise "failed" waits out the seconds of "disconnected".
    const { first } = await resumable();
    first.become("disconnected");
    await pass(100);
    first.become("failed");
    await settle();
    expect(FakePeerConnection.made).toHaveLength(2);
  });

  it("drops the new one when the old one heals first", async () => {
    // Otherwise two connections fight for one session.
    const { first, events, replies, remoteStream } = await resumable();
    replies.push(never);
    first.become("disconnected");
    await pass(HEAL_MS);
    const second = FakePeerConnection.last;
    first.become("connected");
    await settle();
    expect(second.connectionState).toBe("closed");
    expect(events.resumed).toHaveBeenCalledOnce();
    expect(played(remoteStream)).toEqual(["first"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("isn't taken back once the server has moved to the new one", async () => {
    // Otherwise the page goes on with a connection that the server has closed.
    const { first, events, peer } = await resumable();
    first.become("disconnected");
    await pass(HEAL_MS);
    first.become("connected");
    expect(events.resumed).not.toHaveBeenCalled();
    const second = FakePeerConnection.last;
    second.become("connected");
    await settle();
    expect(events.resumed).toHaveBeenCalledOnce();
    expect(peer.connection).toBe(second);
    second.become("disconnected");
    second.become("connected");
    expect(events.resumed).toHaveBeenCalledTimes(2);
  });

  it.each(["heal", "replace"])("keeps texts back until they %s it", async (way) => {
    // Otherwise what is typed without a network goes into the lost connection.
    const { first, events, peer } = await resumable();
    events.opened.mockClear();
    first.become("disconnected");
    expect(peer.send("hello")).toBe(false);
    await pass(way === "heal" ? 0 : HEAL_MS);
    expect(events.opened).not.toHaveBeenCalled();
    FakePeerConnection.last.become("connected");
    await settle();
    expect(events.opened).toHaveBeenCalled();
    expect(peer.send("hello")).toBe(true);
    expect(FakePeerConnection.last.channels[0]?.sent).toEqual(["hello"]);
  });

  it("is tried again with growing pauses", async () => {
    // Otherwise the first try on a network that comes back a second later is the last.
    const { first, events, replies } = await resumable();
    const unreachable = () =>
      Promise.reject(new CallError("no-answer", "Nobody there."));
    replies.push(unreachable, unreachable, unreachable, unreachable);
    first.become("failed");
    await settle();
    expect(events.attempt).toHaveBeenCalledTimes(1);
    for (const [waits, pause] of [500, 1000, 2000, 4000].entries()) {
      await pass(pause - 1);
      expect(events.attempt).toHaveBeenCalledTimes(waits + 1);
      await pass(1);
      expect(events.attempt).toHaveBeenCalledTimes(waits + 2);
    }
    FakePeerConnection.last.become("connected");
    await settle();
    expect(events.resumed).toHaveBeenCalledOnce();
    expect([1, 2, 3, 4, 9].map(pauseMs)).toEqual([500, 1000, 2000, 4000, 4000]);
  });

  it("doesn't wait for ever for one attempt", async () => {
    // Otherwise a request on a dead network uses up the whole grace time.
    const { first, events, replies } = await resumable();
    replies.push(never);
    first.become("failed");
    await settle();
    await pass(ATTEMPT_TIMEOUT_MS);
    expect(FakePeerConnection.last.connectionState).toBe("closed");
    await pass(500);
    expect(events.attempt).toHaveBeenCalledTimes(2);
  });

  it.each(["online", "change"])("tries at once on %s", async (event) => {
    // Otherwise a phone that changed to another network waits out its pauses.
    const connection = new EventTarget();
    vi.stubGlobal("navigator", { connection });
    const { first, events, replies } = await resumable();
    replies.push(never);
    first.become("failed");
    await settle();
    (event === "online" ? globalThis : connection).dispatchEvent(new Event(event));
    await settle();
    expect(events.attempt.mock.calls).toEqual([[1], [2]]);
    FakePeerConnection.last.become("connected");
    await settle();
    globalThis.dispatchEvent(new Event("online"));
    await settle();
    expect(events.attempt).toHaveBeenCalledTimes(2);
  });

  it("is given up when the server's grace time is over", async () => {
    // Otherwise "Reconnecting…" stands for ever and the microphone stays open.
    const { first, events, replies } = await resumable();
    replies.push(...Array.from({ length: 50 }, () => never));
    first.become("disconnected");
    await pass(GRACE_MS - 1);
    expect(events.ended).not.toHaveBeenCalled();
    await pass(1);
    expect(events.ended.mock.calls).toMatchObject([[{ kind: "lost" }]]);
    expect(vi.getTimerCount()).toBe(0);
    expect(
      FakePeerConnection.made.map(({ connectionState }) => connectionState),
    ).not.toContain("new");
  });

  it("is given up at once when the server ended the session", async () => {
    // Otherwise the user watches half a minute of hopeless tries.
    const { first, events, replies } = await resumable();
    const gone = new CallError("lost", "The server ended the call.");
    replies.push(() => Promise.reject(gone));
    first.become("failed");
    await settle();
    expect(events.ended.mock.calls).toEqual([[gone]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("keeps candidates back until the server knows the new connection", async () => {
    // Otherwise it adds them to the old one, and the new one finds no way.
    const { first, replies, signalling } = await resumable();
    let answer: (answer: Answer) => void = () => undefined;
    replies.push(() => new Promise((resolve) => (answer = resolve)));
    first.become("failed");
    await settle();
    const candidate = { candidate: "candidate:1", sdpMid: "0", sdpMLineIndex: 0 };
    FakePeerConnection.last.onicecandidate?.({ candidate });
    expect(signalling.candidate).not.toHaveBeenCalled();
    answer(ANSWER);
    await settle();
    expect(signalling.candidate.mock.calls).toEqual([["id", candidate]]);
  });

  it("is left alone after a hang-up", async () => {
    // Otherwise a call that the user ended comes back.
    const { first, events, peer, replies } = await resumable();
    replies.push(never);
    first.become("failed");
    await settle();
    peer.close();
    await pass(GRACE_MS);
    expect(events.attempt).toHaveBeenCalledOnce();
    expect(events.ended).not.toHaveBeenCalled();
    expect(FakePeerConnection.last.connectionState).toBe("closed");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("asks for no token when the page doesn't want that", async () => {
    // Otherwise `resumable: false` is an option without effect.
    const { wishes } = await resumable({ resumable: false });
    expect(wishes()).toEqual([{ resumable: false, resumeToken: null }]);
  });
});

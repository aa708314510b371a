import { describe, expect, it } from "vitest";
import { CallError } from "../../lib/errors";
import { IDLE, isActive, isLive, reduce, type CallEvent } from "../../lib/state";

const CONNECT: CallEvent[] = [
  { type: "start" },
  { type: "negotiate" },
  { type: "connected" },
];
const log = (data: string): CallEvent => ({ type: "log", data });
const voice = (who: "user" | "bot", active: boolean): CallEvent => ({
  type: "voice",
  who,
  active,
});

/** The phases that these events lead through, without repetition. */
function phases(...events: CallEvent[]): string[] {
  let state = IDLE;
  const seen: string[] = [];
  for (const event of events) {
    state = reduce(state, event);
    if (seen.at(-1) !== state.phase) seen.push(state.phase);
  }
  return seen;
}

describe("a call's state", () => {
  it("follows a conversation by the server's log messages", () => {
    // Otherwise the words on the page contradict what the bot does.
    const events = [
      log("started_talking"),
      log("pause_detected"),
      log("response_starting"),
      log("response_ended"),
    ];
    expect(phases(...CONNECT, ...events)).toEqual([
      "asking",
      "connecting",
      "listening",
      "hearing",
      "thinking",
      "speaking",
      "listening",
    ]);
  });

  it("derives turns from both voices when the server tells none", () => {
    // Otherwise plain handlers show "Listening" from beginning to end.
    const events = [
      voice("user", true),
      voice("user", false),
      voice("bot", true),
      voice("bot", false),
    ];
    expect(phases(...CONNECT, ...events).slice(2)).toEqual([
      "listening",
      "hearing",
      "listening",
      "speaking",
      "listening",
    ]);
  });

  it("leaves thinking when the bot is heard, though no message said so", () => {
    // Otherwise handlers that log pauses only seem to think for ever.
    const events = [log("pause_detected"), voice("bot", true), voice("bot", false)];
    expect(phases(...CONNECT, ...events).slice(3)).toEqual([
      "thinking",
      "speaking",
      "listening",
    ]);
  });

  it("keeps speaking through the pauses of a response that was announced", () => {
    // Otherwise the status flickers between the bot's sentences.
    const events = [
      log("response_starting"),
      voice("bot", true),
      voice("bot", false),
    ];
    expect(phases(...CONNECT, ...events).at(-1)).toBe("speaking");
  });

  it("doesn't take an interrupting user's turn away by the bot's last words", () => {
    // Otherwise interrupting shows "Speaking" while the bot already listens.
    const events = [
      log("response_starting"),
      log("started_talking"),
      voice("bot", true),
    ];
    expect(phases(...CONNECT, ...events).at(-1)).toBe("hearing");
  });

  it("returns from a short loss of connection to the turn it was in", () => {
    // Otherwise a moment without network ends the call.
    const events: CallEvent[] = [
      log("pause_detected"),
      { type: "interrupted" },
      log("response_starting"),
      { type: "resumed" },
    ];
    expect(phases(...CONNECT, ...events).slice(3)).toEqual([
      "thinking",
      "reconnecting",
      "speaking",
    ]);
  });

  it("counts the tries of a lost call and says what carries it", () => {
    // Otherwise the page can't say that it tries, or that the sound goes another way.
    let state = CONNECT.reduce(reduce, IDLE);
    expect(reduce(state, { type: "attempt", number: 1 })).toBe(state);
    state = reduce(state, { type: "interrupted" });
    state = reduce(state, { type: "attempt", number: 2 });
    expect(state).toMatchObject({ phase: "reconnecting", attempt: 2 });
    expect(reduce(state, { type: "resumed" }).attempt).toBe(0);
    state = reduce(state, { type: "transport", transport: "websocket" });
    expect(state.transport).toBe("websocket");
    expect(reduce(state, { type: "end" }).transport).toBe("webrtc");
  });

  it("keeps why a call failed, and forgets it at the next start", () => {
    // Otherwise an old error stands beside a new call.
    const error = new CallError("limit", "Full.");
    const failed = reduce(reduce(IDLE, { type: "start" }), { type: "fail", error });
    expect(failed).toMatchObject({ phase: "failed", error });
    expect(reduce(failed, { type: "start" })).toMatchObject({
      phase: "asking",
      error: null,
    });
  });

  it("ignores what comes too late or too early", () => {
    // Otherwise a straggler's event revives a call that is over.
    const ended = phases(...CONNECT, { type: "end" }, log("started_talking"), {
      type: "connected",
    });
    expect(ended.at(-1)).toBe("ended");
    expect(phases(log("started_talking"), { type: "end" })).toEqual(["idle"]);
    expect(reduce(IDLE, log("x"))).toBe(IDLE);
  });

  it("knows when a call is active and when sound flows", () => {
    // Otherwise the stop button is missing where it is needed.
    expect(isActive("asking")).toBe(true);
    expect(isLive("asking")).toBe(false);
    expect(isLive("reconnecting")).toBe(true);
    expect(isActive("failed")).toBe(false);
  });
});

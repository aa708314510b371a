/** What a call is doing, as a pure function of what happened to it. */

import type { CallError } from "./errors";
import type { TransportName } from "./transport";

export type Phase =
  | "idle"
  | "asking"
  | "connecting"
  | "listening"
  | "hearing"
  | "thinking"
  | "speaking"
  | "reconnecting"
  | "ended"
  | "failed";

type Turn = "listening" | "hearing" | "thinking" | "speaking";

export interface CallState {
  readonly phase: Phase;
  /** Whose turn it is; what reconnecting goes back to. */
  readonly turn: Turn;
  /** The server tells turns by log messages, so the user's level isn't asked. */
  readonly told: boolean;
  /** The server said that a response started, so silence in it doesn't end it. */
  readonly responding: boolean;
  readonly error: CallError | null;
  /** Why the call ended, in the server's words. */
  readonly notice: string | null;
  /** What carries the call. */
  readonly transport: TransportName;
  /** While reconnecting: how many new connections were tried; else 0. */
  readonly attempt: number;
}

export type CallEvent =
  | { type: "start" }
  | { type: "negotiate" }
  | { type: "connected" }
  | { type: "interrupted" }
  | { type: "attempt"; number: number }
  | { type: "resumed" }
  | { type: "transport"; transport: TransportName }
  | { type: "log"; data: string }
  | { type: "voice"; who: "user" | "bot"; active: boolean }
  | { type: "end"; notice?: string }
  | { type: "fail"; error: CallError };

export const IDLE: CallState = Object.freeze({
  phase: "idle",
  turn: "listening",
  told: false,
  responding: false,
  error: null,
  notice: null,
  transport: "webrtc",
  attempt: 0,
});

const CONNECTED: readonly Phase[] = [
  "listening",
  "hearing",
  "thinking",
  "speaking",
];
const LIVE: readonly Phase[] = [...CONNECTED, "reconnecting"];
const ACTIVE: readonly Phase[] = [...LIVE, "asking", "connecting"];

/** Sound flows, or will again in a moment. */
export function isLive(phase: Phase): boolean {
  return LIVE.includes(phase);
}

/** From the click on start to the hang-up. */
export function isActive(phase: Phase): boolean {
  return ACTIVE.includes(phase);
}

/** The next state; an event that makes no sense in a state changes nothing. */
export function reduce(state: CallState, event: CallEvent): CallState {
  const { phase } = state;
  switch (event.type) {
    case "start":
      return isActive(phase) ? state : { ...IDLE, phase: "asking" };
    case "negotiate":
      return phase === "asking" ? { ...state, phase: "connecting" } : state;
    case "connected":
      return phase === "connecting" ? inTurn(state, "listening") : state;
    case "interrupted":
      return CONNECTED.includes(phase)
        ? { ...state, phase: "reconnecting" }
        : state;
    case "resumed":
      return phase === "reconnecting"
        ? { ...state, phase: state.turn, attempt: 0 }
        : state;
    case "attempt":
      return phase === "reconnecting" ? { ...state, attempt: event.number } : state;
    case "transport":
      return isActive(phase) ? { ...state, transport: event.transport } : state;
    case "log":
      return isLive(phase) ? onLog(state, event.data) : state;
    case "voice":
      return isLive(phase) ? onVoice(state, event.who, event.active) : state;
    case "end":
      return isActive(phase)
        ? { ...IDLE, phase: "ended", notice: event.notice ?? null }
        : state;
    case "fail":
      return isActive(phase)
        ? { ...IDLE, phase: "failed", error: event.error }
        : state;
  }
}

function onLog(state: CallState, data: string): CallState {
  const told = { ...state, told: true, responding: false };
  switch (data) {
    case "started_talking":
      return inTurn(told, "hearing");
    case "pause_detected":
      return inTurn(told, "thinking");
    case "response_starting":
      return inTurn({ ...told, responding: true }, "speaking");
    case "response_ended":
      return inTurn(told, "listening");
    default:
      return state;
  }
}

function onVoice(
  state: CallState,
  who: "user" | "bot",
  active: boolean,
): CallState {
  const { turn, told, responding } = state;
  if (who === "bot") {
    // What is heard is true, whatever the server says or forgets to say; only the
    // user's own turn, of which the server told, isn't taken away by an echo.
    if (active)
      return told && turn === "hearing" ? state : inTurn(state, "speaking");
    return turn === "speaking" && !responding ? inTurn(state, "listening") : state;
  }
  if (told) return state;
  if (active) return turn === "listening" ? inTurn(state, "hearing") : state;
  return turn === "hearing" ? inTurn(state, "listening") : state;
}

function inTurn(state: CallState, turn: Turn): CallState {
  const phase = state.phase === "reconnecting" ? state.phase : turn;
  return { ...state, turn, phase };
}

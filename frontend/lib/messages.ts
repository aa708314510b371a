/** What a server says, by data channel or WebSocket: JSON objects `{"type", "data"}`. */

import { parseCaption, type Caption } from "./captions";

export type ServerMessage =
  | { type: "send_input"; data: unknown }
  | { type: "fetch_output"; data: unknown }
  | { type: "end_stream"; data: string }
  | { type: "stopword"; data: unknown }
  | { type: "error"; data: string }
  | { type: "warning"; data: string }
  | { type: "log"; data: string }
  | { type: "update_connection"; data: string }
  | { type: "caption"; data: Caption };

export type ServerMessageType = ServerMessage["type"];

const WITH_TEXT: readonly string[] = [
  "end_stream",
  "error",
  "warning",
  "log",
  "update_connection",
];
const WITH_ANYTHING: readonly string[] = ["send_input", "fetch_output", "stopword"];

/**
 * The message in a frame of the data channel, or null for anything unknown: user
 * code may send messages of its own, and newer servers may know more than this page.
 */
export function parseMessage(frame: unknown): ServerMessage | null {
  const value = typeof frame === "string" ? parseJson(frame) : frame;
  if (typeof value !== "object" || value === null) return null;
  const { type, data, message } = value as Record<string, unknown>;
  if (typeof type !== "string") return null;
  if (type === "caption") {
    const caption = parseCaption(data);
    return caption && { type, data: caption };
  }
  if (WITH_ANYTHING.includes(type)) return { type, data } as ServerMessage;
  if (!WITH_TEXT.includes(type)) return null;
  return { type, data: toText(data ?? message) } as ServerMessage;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function toText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

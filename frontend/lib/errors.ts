/** Whatever goes wrong becomes one sentence that says what to do. */

import { strings } from "./strings";

export type CallErrorKind =
  | "denied"
  | "no-microphone"
  | "busy-microphone"
  | "no-camera"
  | "busy-camera"
  | "insecure"
  | "unsupported"
  | "no-route"
  | "no-answer"
  | "lost"
  | "limit"
  | "exists"
  | "closed"
  | "refused"
  | "server"
  | "turn"
  | "playback"
  | "microphone"
  | "camera"
  | "screen"
  | "no-call"
  | "text"
  | "handler";

/** An error for people: `message` is a sentence that may be shown as it is. */
export class CallError extends Error {
  override readonly name = "CallError";

  constructor(
    readonly kind: CallErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What a server says when it refuses: `{"status": "failed", "meta": {…}}`. */
export interface RefusalMeta {
  error?: unknown;
  limit?: unknown;
  message?: unknown;
}

export function fromRefusal(meta: RefusalMeta): CallError {
  const known = refusalByCode(meta);
  if (known !== null) return known;
  const message = text(meta.message) ?? text(meta.error);
  return message === null
    ? new CallError("refused", strings.errors.refused)
    : new CallError("refused", message);
}

function refusalByCode(meta: RefusalMeta): CallError | null {
  switch (meta.error) {
    case "concurrency_limit_reached": {
      const limit = typeof meta.limit === "number" ? meta.limit : null;
      return new CallError("limit", strings.errors.limit(limit));
    }
    case "connection_already_exists":
      return new CallError("exists", strings.errors.exists);
    case "unknown_session":
      return new CallError("lost", strings.errors.gone);
    case "connection_closed":
    case "unknown_connection":
      return new CallError("closed", strings.errors.closed);
    case "server_error":
      return new CallError("server", text(meta.message) ?? strings.errors.server);
    case "invalid_offer":
    case "invalid_webrtc_id":
    case "invalid_candidate_format":
      return new CallError("refused", text(meta.message) ?? strings.errors.refused);
    default:
      return null;
  }
}

/** What was asked of `getUserMedia`. */
export type Asked = "audio" | "video" | "both";

/** What went wrong with a device, whichever way the browser says it. */
type Trouble = "denied" | "by-system" | "busy" | "none";

/** The error of a failed `getUserMedia`, by the names that browsers use. */
export function fromDevice(error: unknown, asked: Asked): CallError {
  if (error instanceof CallError) return error;
  const cause = { cause: error };
  if (error instanceof TypeError)
    return new CallError("insecure", strings.errors.insecure, cause);
  const [kind, message] = troubles(asked)[troubleOf(error)];
  return new CallError(kind, message, cause);
}

function troubles(asked: Asked): Record<Trouble, [CallErrorKind, string]> {
  const { errors } = strings;
  switch (asked) {
    case "audio":
      return {
        denied: ["denied", errors.denied],
        "by-system": ["denied", errors.deniedBySystem],
        busy: ["busy-microphone", errors.busyMicrophone],
        none: ["no-microphone", errors.noMicrophone],
      };
    case "video":
      return {
        denied: ["denied", errors.deniedCamera],
        "by-system": ["denied", errors.deniedCameraBySystem],
        busy: ["busy-camera", errors.busyCamera],
        none: ["no-camera", errors.noCamera],
      };
    case "both":
      return {
        denied: ["denied", errors.deniedBoth],
        "by-system": ["denied", errors.deniedBySystem],
        busy: ["busy-microphone", errors.busyMicrophone],
        none: ["no-microphone", errors.noDevices],
      };
  }
}

function troubleOf(error: unknown): Trouble {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "PermissionDeniedError":
    case "SecurityError":
      return bySystem(error) ? "by-system" : "denied";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    default:
      return "none";
  }
}

/** A device that stopped working in a call that goes on. */
export function deviceLost(
  kind: Exclude<Asked, "both">,
  cause: unknown,
): CallError {
  const { microphoneLost, cameraLost } = strings.errors;
  const text = kind === "audio" ? microphoneLost : cameraLost;
  // Permission is what the user can give back; the error's own words say how.
  const denied = cause instanceof CallError && cause.kind === "denied";
  return new CallError(
    kind === "audio" ? "microphone" : "camera",
    denied ? cause.message : text,
    { cause },
  );
}

/** Any error as a CallError; what isn't one yet is taken for the server's. */
export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  return new CallError("server", strings.errors.server, { cause: error });
}

/** Chrome tells the system's refusal apart from the page's only in its message. */
export function bySystem(error: unknown): boolean {
  return error instanceof Error && /system/i.test(error.message);
}

function text(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

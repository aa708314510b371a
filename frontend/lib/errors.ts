/** Whatever goes wrong becomes one sentence that says what to do. */

import { strings } from "./strings";

export type CallErrorKind =
  | "denied"
  | "no-microphone"
  | "busy-microphone"
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

/** The error of a failed `getUserMedia`, by the names that browsers use. */
export function fromMicrophone(error: unknown): CallError {
  const name = error instanceof Error ? error.name : "";
  const cause = { cause: error };
  const { errors } = strings;
  switch (name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
    case "SecurityError":
      return new CallError(
        "denied",
        bySystem(error) ? errors.deniedBySystem : errors.denied,
        cause,
      );
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return new CallError("busy-microphone", errors.busyMicrophone, cause);
    case "TypeError":
      return new CallError("insecure", errors.insecure, cause);
    default:
      return new CallError("no-microphone", errors.noMicrophone, cause);
  }
}

/** Any error as a CallError; what isn't one yet is taken for the server's. */
export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  return new CallError("server", strings.errors.server, { cause: error });
}

/** Chrome tells the system's refusal apart from the page's only in its message. */
function bySystem(error: unknown): boolean {
  return error instanceof Error && /system/i.test(error.message);
}

function text(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

import { afterEach, describe, expect, it, vi } from "vitest";
import { formatClock, remainingSeconds } from "../../lib/clock";
import { CallError, fromDevice, fromRefusal, toCallError } from "../../lib/errors";
import { newCallId } from "../../lib/identity";
import { parseMessage } from "../../lib/messages";
import { strings, translate } from "../../lib/strings";
import { abortable, within } from "../../lib/waiting";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("clock", () => {
  it("reads like a telephone's", () => {
    // Otherwise the time of a call is wrong or jumps in width.
    expect([0, 9.9, 60, 754, 3661, -3].map(formatClock)).toEqual([
      "0:00",
      "0:09",
      "1:00",
      "12:34",
      "1:01:01",
      "0:00",
    ]);
  });

  it("adds elapsed and remaining up to the limit", () => {
    // Otherwise the user is cut off while the page still promises a second.
    expect(remainingSeconds(29.9, 90)).toBe(61);
    expect(remainingSeconds(95, 90)).toBe(0);
    expect(remainingSeconds(5, null)).toBeNull();
  });
});

describe("errors", () => {
  it.each([
    ["NotAllowedError", "audio", "denied"],
    ["NotFoundError", "audio", "no-microphone"],
    ["NotReadableError", "audio", "busy-microphone"],
    ["OverconstrainedError", "audio", "no-microphone"],
    ["NotAllowedError", "video", "denied"],
    ["NotFoundError", "video", "no-camera"],
    ["NotReadableError", "video", "busy-camera"],
  ] as const)("says what to do about %s of %s", (name, asked, kind) => {
    // Otherwise a user who may not speak isn't told how to change that.
    const error = fromDevice(new DOMException("", name), asked);
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(/try again\.$/);
    expect(error.message).toContain(asked === "audio" ? "microphone" : "camera");
  });

  it("tells the system's refusal apart from the page's", () => {
    // Otherwise people search the browser for a switch that is in the system.
    const error = new DOMException(
      "Permission denied by system",
      "NotAllowedError",
    );
    expect(fromDevice(error, "audio").message).toBe(strings.errors.deniedBySystem);
    expect(fromDevice(error, "video").message).toBe(
      strings.errors.deniedCameraBySystem,
    );
  });

  it("names the limit that was reached", () => {
    // Otherwise a full server looks like a broken one.
    const error = fromRefusal({ error: "concurrency_limit_reached", limit: 7 });
    expect(error.kind).toBe("limit");
    expect(error.message).toContain("7");
    expect(
      fromRefusal({ error: "concurrency_limit_reached", limit: 1 }).message,
    ).toMatch(/one call at a time/);
  });

  it("prefers a server's own words, even of unknown refusals", () => {
    // Otherwise newer servers cannot explain themselves.
    expect(
      fromRefusal({ error: "server_error", message: "Out of GPUs." }).message,
    ).toBe("Out of GPUs.");
    expect(
      fromRefusal({ error: "x_new", message: "Come back at 9." }).message,
    ).toBe("Come back at 9.");
    expect(fromRefusal({}).message).toBe(strings.errors.refused);
  });

  it("keeps call errors and wraps all others", () => {
    // Otherwise a page shows "undefined is not a function".
    const known = new CallError("limit", "Full.");
    expect(toCallError(known)).toBe(known);
    expect(toCallError(new Error("x")).message).toBe(strings.errors.server);
  });
});

describe("messages", () => {
  it("understands every message of the wire", () => {
    // Otherwise inputs, outputs or the status stop following the server.
    const text = JSON.stringify({ type: "log", data: "pause_detected" });
    expect(parseMessage(text)).toEqual({ type: "log", data: "pause_detected" });
    expect(parseMessage('{"type":"send_input"}')?.type).toBe("send_input");
  });

  it("knows captions, and only whole ones", () => {
    // Otherwise the transcript shows holes, or one mistake ends it.
    const data = { role: "user", text: "Hi", id: "1", final: false };
    expect(parseMessage({ type: "caption", data })).toEqual({
      type: "caption",
      data,
    });
    for (const broken of [{ role: "cat" }, { text: 7 }, { id: undefined }])
      expect(parseMessage({ type: "caption", data: { ...data, ...broken } })).toBe(
        null,
      );
  });

  it("reads the text of errors from either field", () => {
    // Otherwise errors of older servers are shown empty.
    expect(parseMessage('{"type":"error","message":"No."}')).toEqual({
      type: "error",
      data: "No.",
    });
  });

  it.each([
    "",
    "nonsense",
    "[]",
    "null",
    "7",
    '{"type":7}',
    '{"type":"new_thing"}',
  ])("ignores %j", (frame) => {
    // Otherwise user code that sends messages of its own breaks the page.
    expect(parseMessage(frame)).toBeNull();
  });

  it("makes text of whatever else stands where text belongs", () => {
    // Otherwise an object in an error is shown as [object Object].
    expect(parseMessage('{"type":"warning","data":{"a":1}}')?.data).toBe('{"a":1}');
  });
});

describe("call ids", () => {
  it("are random UUIDs, on insecure pages as well", () => {
    // Otherwise receive-only calls fail on http:// pages.
    vi.stubGlobal("crypto", {
      getRandomValues: (bytes: Uint8Array) => bytes.fill(0xff),
    });
    expect(newCallId()).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
  });
});

describe("strings", () => {
  it("are translated in part and keep the rest", () => {
    // Otherwise a page in another language shows holes.
    const { stop, start } = strings.buttons;
    translate({ buttons: { stop: "Auflegen" } });
    expect(strings.buttons.stop).toBe("Auflegen");
    expect(strings.buttons.start).toBe(start);
    translate({ buttons: { stop } });
  });
});

describe("waiting", () => {
  it("ends at once when aborted", async () => {
    // Otherwise a click on cancel does nothing until the network answers.
    const controller = new AbortController();
    const waiting = abortable(new Promise(() => undefined), controller.signal);
    controller.abort(new Error("cancelled"));
    await expect(waiting).rejects.toThrow("cancelled");
  });

  it("ends with the given error when time is up, else with the result", async () => {
    // Otherwise a dead network leaves the page at "connecting" for good.
    vi.useFakeTimers();
    const late = within(new Promise(() => undefined), 50, () => new Error("late"));
    const outcome = expect(late).rejects.toThrow("late");
    vi.advanceTimersByTime(50);
    await outcome;
    await expect(within(Promise.resolve(1), 50, () => new Error())).resolves.toBe(
      1,
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});

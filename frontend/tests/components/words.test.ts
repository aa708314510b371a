import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import QualityPopover from "../../components/QualityPopover.svelte";
import type { Caption } from "../../lib/captions";
import { installDevices, settle } from "../lib/fakes";
import { GOOD, showCall } from "./fake_call";

beforeEach(() => void installDevices());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function caption(
  id: string,
  text: string,
  changes: Partial<Caption> = {},
): Caption {
  return { id, text, role: "user", final: true, ...changes };
}

const lines = () => screen.queryAllByTestId("caption");
const words = () => lines().map((line) => line.textContent?.trim());

describe("captions", () => {
  const SAID = [
    caption("1", "Hello."),
    caption("2", "Good morning.", { role: "assistant" }),
    caption("3", "What is", { final: false }),
  ];

  it("show the last lines, with who said them", async () => {
    // Otherwise people who can't hear have no conversation.
    const { call } = showCall({ phase: "listening" });
    expect(screen.queryByTestId("captions-pane")).toBeNull();
    call.say(...SAID);
    await tick();
    expect(words()).toEqual(["Reply Good morning.", "You What is"]);
    const log = screen.getByRole("log");
    expect(log.getAttribute("aria-live")).toBe("polite");
  });

  it("tell screen readers whole sentences only", async () => {
    // Otherwise every word of a sentence starts it again.
    const { call } = showCall({ phase: "listening" });
    call.say(...SAID);
    await tick();
    expect(lines().map((line) => line.getAttribute("aria-hidden"))).toEqual([
      null,
      "true",
    ]);
    expect(lines()[1]?.className).toContain("partial");
    call.say(...SAID.slice(0, 2), caption("3", "What is the time?"));
    await tick();
    expect(lines()[1]?.getAttribute("aria-hidden")).toBeNull();
  });

  it("unfold to the whole transcript, which follows the talk", async () => {
    // Otherwise what was said a minute ago is lost.
    const { call } = showCall({ phase: "listening" });
    call.say(...SAID);
    await tick();
    await fireEvent.click(screen.getByTestId("transcript"));
    expect(lines()).toHaveLength(3);
    const log = screen.getByRole("log");
    Object.defineProperty(log, "scrollHeight", { value: 900 });
    Object.defineProperty(log, "clientHeight", { value: 100 });
    call.say(...SAID, caption("4", "Yes."));
    await settle();
    expect(log.scrollTop).toBe(900);
    log.scrollTop = 100;
    await fireEvent.scroll(log);
    call.say(...SAID, caption("4", "Yes."), caption("5", "No."));
    await settle();
    expect(log.scrollTop).toBe(100);
  });

  it("lie over a picture and go away by their button", async () => {
    // Otherwise they cover what somebody shows.
    const { call } = showCall({ modality: "audio-video", phase: "listening" });
    call.say(...SAID);
    await tick();
    expect(screen.getByTestId("video-stage").contains(lines()[0] ?? null)).toBe(
      true,
    );
    await fireEvent.click(screen.getByTestId("captions"));
    expect(lines()).toEqual([]);
    expect(screen.getByTestId("captions").getAttribute("aria-pressed")).toBe(
      "false",
    );
  });

  it("stay to be read after the call", async () => {
    // Otherwise the last sentence vanishes with the call.
    const { call } = showCall({ phase: "listening" });
    call.say(...SAID);
    call.close();
    await tick();
    expect(lines()).toHaveLength(2);
  });
});

describe("the quality of the connection", () => {
  it("is told in words and figures when asked for", async () => {
    // Otherwise nobody knows whether the network or the program is slow.
    const { call } = showCall({ phase: "listening" });
    await fireEvent.click(screen.getByTestId("more"));
    await fireEvent.click(screen.getByTestId("more-quality"));
    await settle();
    const popover = screen.getByTestId("quality-popover");
    expect(popover.textContent).toContain("Good connection");
    expect(popover.textContent).toContain("38 ms");
    expect(document.activeElement).toBe(popover);
    await fireEvent.keyDown(popover, { key: "Escape" });
    expect(screen.queryByTestId("quality-popover")).toBeNull();
    expect(document.activeElement).toBe(screen.getByTestId("more"));
    expect(call.quality).toHaveBeenCalledOnce();
  });

  it("closes with the call", async () => {
    // Otherwise figures of a call that is over stay on the page.
    const { call } = showCall({ phase: "listening" });
    await fireEvent.click(screen.getByTestId("more"));
    await fireEvent.click(screen.getByTestId("more-quality"));
    call.close();
    await tick();
    expect(screen.queryByTestId("quality-popover")).toBeNull();
  });

  it("is measured each second, only while it is shown", async () => {
    // Otherwise statistics cost every call, or the figures stand still.
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const poor = { ...GOOD, rating: "poor", roundTripMs: 900 } as const;
    const measure = vi.fn(() => Promise.resolve(poor));
    const bar = document.body.appendChild(document.createElement("div"));
    const onclose = vi.fn();
    const { unmount } = render(QualityPopover, { measure, bar, onclose });
    expect(screen.getByTestId("quality-popover").textContent).toContain(
      "Measuring",
    );
    await settle();
    vi.advanceTimersByTime(1000);
    await settle();
    vi.advanceTimersByTime(1000);
    await settle();
    expect(measure).toHaveBeenCalledTimes(3);
    expect(screen.getByTestId("quality-popover").textContent).toContain("Poor");
    await fireEvent.pointerDown(bar);
    expect(onclose).not.toHaveBeenCalled();
    await fireEvent.pointerDown(document.body);
    expect(onclose).toHaveBeenCalledOnce();
    unmount();
    vi.advanceTimersByTime(5000);
    expect(measure).toHaveBeenCalledTimes(3);
    bar.remove();
  });
});

describe("the end of the time", () => {
  it("is told before, in sight and for screen readers", async () => {
    // Otherwise the call breaks off in the middle of a sentence.
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    showCall({ phase: "listening", look: { timeLimitSeconds: 60 } });
    const warning = screen.getByTestId("time-warning");
    expect(warning.getAttribute("role")).toBe("status");
    await tick();
    for (const [seconds, text] of [
      [29, ""],
      [2, "The call ends in 30 seconds"],
      [10, ""],
      [9, "The call ends in 10 seconds"],
    ] as const) {
      vi.advanceTimersByTime(seconds * 1000);
      await tick();
      expect(warning.textContent?.trim()).toBe(text);
    }
  });
});

describe("menus", () => {
  it("open, are walked and close by keys", async () => {
    // Otherwise the keyboard is trapped, or the menu out of its reach.
    showCall({ phase: "listening" });
    const opener = screen.getByTestId("more");
    await fireEvent.click(opener);
    await settle();
    expect(opener.getAttribute("aria-expanded")).toBe("true");
    const menu = screen.getByRole("menu");
    const items = Array.from(menu.querySelectorAll("button"));
    expect(document.activeElement).toBe(items[0]);
    await fireEvent.keyDown(menu, { key: "End" });
    expect(document.activeElement).toBe(items.at(-1));
    await fireEvent.keyDown(menu, { key: "Escape" });
    expect(screen.queryByRole("menu")).toBeNull();
    expect(document.activeElement).toBe(opener);
    await fireEvent.click(opener);
    await fireEvent.pointerDown(document.body);
    expect(screen.queryByRole("menu")).toBeNull();
  });
});

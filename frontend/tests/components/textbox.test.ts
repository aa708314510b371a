import { cleanup, fireEvent, screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallError } from "../../lib/errors";
import { installDevices, settle } from "../lib/fakes";
import { showCall, type Shown } from "./fake_call";

beforeEach(() => void installDevices());
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const field = () => screen.getByTestId("text") as HTMLTextAreaElement;
const enter = (more: KeyboardEventInit = {}) =>
  fireEvent.keyDown(field(), { key: "Enter", ...more });

async function type(text: string) {
  await fireEvent.input(field(), { target: { value: text } });
}

function show(shown: Shown = {}) {
  return showCall({ textbox: true, ...shown });
}

describe("the row to type in", () => {
  it("sends by Enter, after a call of texts alone was made", async () => {
    // Otherwise typing works only after a click on the microphone.
    const { call, deliver, setTextOnly } = show();
    await type("  Hello there ");
    await enter();
    await settle();
    expect(setTextOnly).toHaveBeenCalledWith(true);
    expect(call.connect).toHaveBeenCalledOnce();
    expect(deliver).toHaveBeenCalledWith("Hello there");
    expect(field().value).toBe("");
    expect(document.activeElement).toBe(field());
  });

  it("goes on in the call that there is, spoken or typed", async () => {
    // Otherwise a text during a voice call begins another session.
    const { call, deliver } = show({ phase: "speaking" });
    await type("Wait");
    await fireEvent.click(screen.getByTestId("send"));
    await settle();
    expect(call.connect).not.toHaveBeenCalled();
    expect(deliver).toHaveBeenCalledWith("Wait");
  });

  it("waits for a call that is being made", async () => {
    // Otherwise what was typed a moment too early is lost.
    const { call, deliver } = show({ phase: "connecting" });
    await type("Hello");
    await enter();
    await settle();
    expect(deliver).not.toHaveBeenCalled();
    expect((screen.getByTestId("send") as HTMLButtonElement).disabled).toBe(true);
    call.become("listening");
    await settle();
    expect(deliver).toHaveBeenCalledOnce();
  });

  it("keeps the text when there is no call to be had", async () => {
    // Otherwise people type it all again.
    const { call, deliver } = show();
    const error = new CallError("no-answer", "The server did not answer.");
    call.connect.mockImplementationOnce(() => {
      call.become("failed", { error });
      return Promise.reject(error);
    });
    await type("Hello");
    await enter();
    await settle();
    expect(deliver).not.toHaveBeenCalled();
    expect(field().value).toBe("Hello");
    expect(screen.getByTestId("status").textContent).toContain("did not answer");
  });

  it("takes Shift and Enter for a new line, and nothing for nothing", async () => {
    // Otherwise no text has two lines, and empty ones are answered.
    const { deliver } = show({ phase: "listening" });
    await type("   ");
    await enter();
    await type("one");
    await enter({ shiftKey: true });
    await settle();
    expect(deliver).not.toHaveBeenCalled();
  });

  it("doesn't mute at the letter M", async () => {
    // Otherwise writing turns the microphone off and on.
    const { call } = show({ phase: "listening" });
    await fireEvent.keyDown(field(), { key: "m" });
    expect(call.mute).not.toHaveBeenCalled();
  });
});

describe("talking from the row", () => {
  it("starts and stops by the microphone's button", async () => {
    // Otherwise the row is a text field and no call.
    const { call, setTextOnly } = show();
    await fireEvent.click(screen.getByTestId("start"));
    await settle();
    expect(setTextOnly).toHaveBeenCalledWith(false);
    expect(call.connect).toHaveBeenCalledOnce();
    expect(screen.getByTestId("mini-meter")).toBeTruthy();
    expect(screen.getByTestId("status").textContent).toContain("Listening");
    await fireEvent.click(screen.getByTestId("stop"));
    expect(call.state.phase).toBe("ended");
    expect(screen.queryByTestId("mini-meter")).toBeNull();
  });

  it("makes a voice call of one that carried texts", async () => {
    // Otherwise who typed first can't talk any more.
    const { call } = show();
    await type("Hello");
    await enter();
    await settle();
    expect(call.kinds).toEqual([]);
    expect(screen.queryByTestId("mini-meter")).toBeNull();
    expect(screen.getByTestId("status").textContent).not.toContain("Listening");
    await fireEvent.click(screen.getByTestId("start"));
    await settle();
    expect(call.close).toHaveBeenCalledOnce();
    expect(call.kinds).toEqual(["audio"]);
    expect(screen.getByTestId("stop")).toBeTruthy();
  });

  it("has the switches of a call in its menu", async () => {
    // Otherwise the microphone can't be muted while somebody types.
    const { call } = show({ phase: "listening" });
    await fireEvent.click(screen.getByTestId("more"));
    await fireEvent.click(screen.getByTestId("more-microphone"));
    expect(call.muted).toBe(true);
    await tick();
    expect(screen.getByTestId("status").textContent).toContain("muted");
  });
});

import { cleanup, fireEvent, screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installDevices, settle } from "../lib/fakes";
import { showCall, type Shown } from "./fake_call";

beforeEach(() => {
  installDevices(undefined, [
    { kind: "audioinput", deviceId: "built-in", label: "Built-in" },
    { kind: "videoinput", deviceId: "front", label: "Front" },
    { kind: "videoinput", deviceId: "back", label: "Back" },
  ]);
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

async function watch(shown: Shown = {}) {
  const made = showCall({ modality: "video", phase: "listening", ...shown });
  await settle();
  await tick();
  return made;
}

const stage = () => screen.getByTestId("video-stage");
const large = () => stage().querySelector(".picture video") as HTMLVideoElement;
const own = () => screen.getByTestId("self-view").querySelector("video");

/** As a browser tells that the first picture is there. */
async function picture(video: HTMLVideoElement, width: number, height: number) {
  Object.defineProperty(video, "videoWidth", { value: width, configurable: true });
  Object.defineProperty(video, "videoHeight", {
    value: height,
    configurable: true,
  });
  await fireEvent.loadedData(video);
}

describe("the picture of a call", () => {
  it("is the other's, with one's own in a corner, mirrored", async () => {
    // Otherwise a video call shows the wrong picture, or none.
    const { call } = await watch();
    expect(large().srcObject).toBe(call.remoteStream);
    expect(large().className).not.toContain("mirrored");
    expect(own()?.srcObject).toBe(call.localStream);
    expect(own()?.className).toContain("mirrored");
  });

  it("is one's own, mirrored, when nothing comes back", async () => {
    // Otherwise people who only send see themselves the wrong way round, or not.
    const { call } = await watch({ mode: "send" });
    expect(large().srcObject).toBe(call.localStream);
    expect(large().className).toContain("mirrored");
    expect(screen.queryByTestId("self-view")).toBeNull();
  });

  it("isn't mirrored when the page says so, nor a shared screen", async () => {
    // Otherwise a text held into the camera, or on the screen, can't be read.
    await watch({ mode: "send", look: { mirrorWebcam: false } });
    expect(large().className).not.toContain("mirrored");
    cleanup();
    const { call } = await watch();
    await call.shareScreen();
    await tick();
    expect(own()?.className).not.toContain("mirrored");
    expect(stage().textContent).toContain("You are sharing your screen");
  });

  it("plays inline and without sound", async () => {
    // Otherwise iPhones play it full-screen, or it is heard twice.
    await watch();
    for (const video of document.querySelectorAll("video")) {
      expect(video.hasAttribute("playsinline")).toBe(true);
      expect(video.muted).toBe(true);
      expect(video.autoplay).toBe(true);
    }
  });

  it("takes the place of the placeholder once there is one", async () => {
    // Otherwise an icon lies over the picture, or a black box waits for it.
    await watch();
    expect(screen.queryByTestId("placeholder")).toBeTruthy();
    await picture(large(), 640, 480);
    expect(screen.queryByTestId("placeholder")).toBeNull();
  });

  it("keeps the last picture, dimmed, while reconnecting", async () => {
    // Otherwise a short loss of the network turns the page black.
    const { call } = await watch();
    const before = call.remoteStream;
    await picture(large(), 1280, 720);
    call.remoteStream = new MediaStream();
    call.become("reconnecting");
    await tick();
    expect(large().srcObject).toBe(before);
    expect(stage().className).toContain("reconnecting");
    expect(screen.getByTestId("status").textContent).toContain("Reconnecting");
    call.become("listening");
    await tick();
    expect(large().srcObject).toBe(call.remoteStream);
    expect(stage().className).not.toContain("reconnecting");
  });

  it("is still there until the next connection's first one", async () => {
    // Otherwise every reconnect ends with a dark moment.
    const drawImage = vi.fn();
    const fake = { drawImage } as unknown as CanvasRenderingContext2D;
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(
      fake as never,
    );
    const { call } = await watch();
    await picture(large(), 1280, 720);
    const element = large();
    const still = () => stage().querySelector("canvas.held");
    let present: (() => void) | undefined;
    Object.assign(element, {
      requestVideoFrameCallback: (callback: () => void) => {
        present = callback;
        return 1;
      },
      cancelVideoFrameCallback: () => (present = undefined),
    });
    call.become("reconnecting");
    await tick();
    expect(drawImage).toHaveBeenCalledWith(element, 0, 0);
    await fireEvent(element, new Event("emptied"));
    expect(screen.queryByTestId("placeholder")).toBeNull();
    call.become("listening");
    await tick();
    expect(still()).toBeTruthy();
    present?.();
    await tick();
    expect(still()).toBeNull();
    call.become("reconnecting");
    await tick();
    call.close();
    await tick();
    // The next call doesn't begin with the last one's picture.
    call.become("connecting");
    await tick();
    expect(screen.queryByTestId("placeholder")).toBeTruthy();
    expect(still()).toBeNull();
  });

  it("lets go of the camera's picture when the call has ended", async () => {
    // Otherwise one's frozen face stays on the page.
    const { call } = await watch({ mode: "send" });
    call.close();
    await tick();
    expect(large().srcObject).toBeNull();
    expect(screen.queryByTestId("placeholder")).toBeTruthy();
  });

  it("says so when the camera is off", async () => {
    // Otherwise people believe they are seen, or not seen.
    const { call } = await watch({ mode: "send" });
    await picture(large(), 640, 480);
    await fireEvent.click(screen.getByTestId("camera"));
    expect(call.muteCamera).toHaveBeenCalledWith(true);
    expect(screen.getByTestId("placeholder").textContent).toContain(
      "camera is off",
    );
    expect(screen.getByTestId("camera").getAttribute("aria-pressed")).toBe("true");
    await fireEvent.keyDown(screen.getByTestId("camera"), { key: "v" });
    expect(call.cameraMuted).toBe(false);
  });

  it("says so when only sound can be carried", async () => {
    // Otherwise people wait for a picture that can't come.
    const { call } = await watch();
    call.transport = "websocket";
    call.become("listening");
    await tick();
    expect(screen.getByTestId("route").textContent).toContain("through the server");
    expect(screen.getByTestId("placeholder").textContent).toContain("Sound only");
    expect(screen.queryByTestId("self-view")).toBeNull();
  });
});

describe("one's own picture in its corner", () => {
  it("moves by keys and by presses", async () => {
    // Otherwise it covers what one wants to see.
    await watch();
    const corner = () => screen.getByTestId("self-view").dataset.corner;
    const grip = screen.getByTestId("move-self");
    expect(corner()).toBe("top-right");
    await fireEvent.keyDown(grip, { key: "ArrowLeft" });
    expect(corner()).toBe("top-left");
    await fireEvent.keyDown(grip, { key: "ArrowDown" });
    expect(corner()).toBe("bottom-left");
    await fireEvent.click(grip);
    expect(corner()).toBe("top-left");
  });

  it("is dragged, and a drag is no press", async () => {
    // Otherwise it jumps to the next corner at the end of every drag.
    await watch();
    const view = screen.getByTestId("self-view");
    const grip = screen.getByTestId("move-self");
    grip.setPointerCapture = () => undefined;
    const box = (left: number, top: number, width: number, height: number) =>
      ({ left, top, width, height }) as DOMRect;
    stage().getBoundingClientRect = () => box(0, 0, 800, 450);
    view.getBoundingClientRect = () => box(20, 300, 160, 120);
    await fireEvent.pointerDown(grip, { button: 0, clientX: 700, clientY: 60 });
    await fireEvent.pointerMove(grip, { clientX: 100, clientY: 380 });
    expect(view.style.translate).toBe("-600px 320px");
    await fireEvent.pointerUp(grip, { clientX: 100, clientY: 380 });
    await fireEvent.click(grip);
    expect(view.dataset.corner).toBe("bottom-left");
    expect(view.style.translate).toBe("0px 0px");
  });

  it("waits for the camera", async () => {
    // Otherwise an empty box asks for permission beside the browser.
    const { call } = await watch({ phase: "asking" });
    expect(screen.queryByTestId("self-view")).toBeTruthy();
    call.localStream = null;
    call.become("asking");
    await tick();
    expect(screen.queryByTestId("self-view")).toBeNull();
  });

  it("can be hidden and shown again", async () => {
    // Otherwise who can't bear to see themselves has to.
    await watch();
    await fireEvent.click(screen.getByTestId("hide-self"));
    expect(screen.queryByTestId("self-view")).toBeNull();
    await fireEvent.click(screen.getByTestId("show-self"));
    expect(own()?.srcObject).toBeTruthy();
  });
});

describe("the buttons of a video call", () => {
  it("flips the camera and chooses one by name", async () => {
    // Otherwise phones show what is before them only.
    vi.spyOn(window, "matchMedia").mockImplementation(
      (query) =>
        Object.assign(new EventTarget(), {
          media: query,
          matches: query.includes("coarse"),
        }) as MediaQueryList,
    );
    const { call } = await watch();
    await fireEvent.click(screen.getByTestId("flip"));
    expect(call.flipCamera).toHaveBeenCalledOnce();
    await fireEvent.click(screen.getByTestId("mic-menu"));
    expect(screen.queryByTestId("mic-option")).toBeNull();
    await fireEvent.click(screen.getByText("Back"));
    expect(call.setCamera).toHaveBeenCalledWith("back");
  });

  it("shares the screen and stops, where the browser can", async () => {
    // Otherwise a program that explains what it sees sees a face only.
    await watch();
    expect(screen.queryByTestId("share")).toBeNull();
    cleanup();
    Object.assign(navigator.mediaDevices, { getDisplayMedia: vi.fn() });
    const { call } = await watch();
    await fireEvent.click(screen.getByTestId("share"));
    await settle();
    expect(screen.getByTestId("share").getAttribute("aria-pressed")).toBe("true");
    await fireEvent.click(screen.getByTestId("share"));
    expect(call.stopSharing).toHaveBeenCalledOnce();
  });

  it("starts with the screen, unless nothing was chosen to show", async () => {
    // Otherwise a camera is opened that nobody wants to be seen by.
    Object.assign(navigator.mediaDevices, { getDisplayMedia: vi.fn() });
    const { call } = showCall({ modality: "video" });
    await tick();
    call.shareScreen.mockResolvedValueOnce(undefined);
    await fireEvent.click(screen.getByTestId("start-screen"));
    await settle();
    expect(call.connect).not.toHaveBeenCalled();
    await fireEvent.click(screen.getByTestId("start-screen"));
    await settle();
    expect(call.connect).toHaveBeenCalledOnce();
    expect(screen.queryByTestId("start-screen")).toBeNull();
  });

  it("tells of a change that failed", async () => {
    // Otherwise a button does nothing and nobody knows why.
    const { call, onproblem } = await watch();
    call.setCamera.mockRejectedValueOnce(new Error("gone"));
    await fireEvent.click(screen.getByTestId("mic-menu"));
    await fireEvent.click(screen.getByText("Back"));
    await settle();
    expect(onproblem).toHaveBeenCalledOnce();
  });

  it("plays on after a connection was replaced", async () => {
    // Otherwise the picture stands still after a loss of the network.
    const { call } = await watch();
    const play = vi.spyOn(large(), "play");
    call.become("reconnecting");
    await tick();
    expect(play).not.toHaveBeenCalled();
    call.become("listening");
    await tick();
    expect(play).toHaveBeenCalled();
  });

  it("fills the screen with the whole call", async () => {
    // Otherwise full screen has a picture without a button to hang up.
    const asked = vi.fn(() => Promise.resolve());
    Object.defineProperty(document, "fullscreenEnabled", {
      value: true,
      configurable: true,
    });
    Object.assign(Element.prototype, { requestFullscreen: asked });
    await watch();
    await fireEvent.click(screen.getByTestId("full-screen"));
    expect(asked.mock.contexts[0]).toBe(document.querySelector(".fastrtc"));
    Reflect.deleteProperty(document, "fullscreenEnabled");
    Reflect.deleteProperty(Element.prototype, "requestFullscreen");
  });

  it("uses an iPhone's own full screen, of the picture", async () => {
    // Otherwise iPhones have no full screen.
    const asked = vi.fn();
    Object.assign(HTMLVideoElement.prototype, { webkitEnterFullscreen: asked });
    await watch();
    await fireEvent.click(screen.getByTestId("full-screen"));
    expect(asked.mock.contexts[0]).toBe(large());
    Reflect.deleteProperty(HTMLVideoElement.prototype, "webkitEnterFullscreen");
  });

  it("puts the picture into a window of its own", async () => {
    // Otherwise one can't look at anything else during a call.
    const asked = vi.fn(() => Promise.resolve());
    Object.defineProperty(document, "pictureInPictureEnabled", {
      value: true,
      configurable: true,
    });
    Object.assign(HTMLVideoElement.prototype, { requestPictureInPicture: asked });
    await watch();
    await fireEvent.click(screen.getByTestId("picture-in-picture"));
    expect(asked.mock.contexts[0]).toBe(large());
    Reflect.deleteProperty(document, "pictureInPictureEnabled");
    Reflect.deleteProperty(HTMLVideoElement.prototype, "requestPictureInPicture");
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { flipOf } from "../../lib/cameras";
import { FastRTCClient, type FastRTCClientOptions } from "../../lib/client";
import type { CallError } from "../../lib/errors";
import {
  FakePeerConnection,
  fakeSignalling,
  FakeStream,
  FakeTrack,
  installDevices,
  installFakes,
  settle,
} from "./fakes";

let opened: FakeTrack[] = [];
let clients: FastRTCClient[] = [];
let listed: Partial<MediaDeviceInfo>[] = [];
/** What `getUserMedia` refuses, by the device or side of the phone that is wished. */
let refused: Record<string, string> = {};
/** A phone's: a second camera can't be open at the same time. */
let oneAtATime = false;

type Wish = MediaTrackConstraints & {
  deviceId?: { exact?: string };
  facingMode?: { ideal?: string };
};

function openOne(
  kind: "audio" | "video",
  wish: Wish | true | undefined,
): FakeTrack {
  const wishes = wish === true || wish === undefined ? {} : wish;
  const facing = kind === "video" ? wishes.facingMode?.ideal : undefined;
  const id = wishes.deviceId?.exact ?? facing ?? `any-${kind}`;
  const busy = opened.some(
    (one) => one.kind === kind && one.readyState === "live" && oneAtATime,
  );
  const reason = busy ? "NotReadableError" : (refused[id] ?? refused[kind]);
  if (reason !== undefined) throw new DOMException("", reason);
  const side = id === "user" || id === "environment" ? id : undefined;
  return new FakeTrack(kind, id, side);
}

let screens: FakeTrack[] = [];
let getDisplayMedia: (() => Promise<FakeStream>) | undefined;

beforeEach(() => {
  installFakes();
  opened = [];
  screens = [];
  refused = {};
  oneAtATime = false;
  listed = ["user", "environment"].map((deviceId) => ({
    kind: "videoinput",
    deviceId,
    label: deviceId,
  }));
  getDisplayMedia = () => {
    const screen = new FakeTrack("video", "screen");
    screens.push(screen);
    return Promise.resolve(new FakeStream([screen]));
  };
  installDevices(async ({ audio, video }) => {
    const tracks: FakeTrack[] = [];
    if (audio) tracks.push(openOne("audio", audio as Wish | true));
    if (video) tracks.push(openOne("video", video as Wish | true));
    opened.push(...tracks);
    return Promise.resolve(new FakeStream(tracks));
  }, listed);
  Object.assign(navigator.mediaDevices, {
    getDisplayMedia: () => getDisplayMedia?.(),
  });
});
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
  vi.unstubAllGlobals();
});

async function connected(
  options: FastRTCClientOptions = {},
  prepare: (client: FastRTCClient) => Promise<void> = () => Promise.resolve(),
) {
  const signalling = fakeSignalling();
  const client = new FastRTCClient({
    signalling,
    audioElement: null,
    kinds: ["audio", "video"],
    ...options,
  });
  clients.push(client);
  const errors: CallError[] = [];
  client.addEventListener("error", ({ detail }) => errors.push(detail));
  await prepare(client);
  const connecting = client.connect();
  await settle();
  FakePeerConnection.last.become("connected");
  await connecting;
  const sent = () => FakePeerConnection.last.senders.at(-1)?.track ?? null;
  return { client, errors, sent, connection: FakePeerConnection.last };
}

const live = () =>
  [...opened, ...screens]
    .filter(({ readyState }) => readyState === "live")
    .map(({ deviceId }) => deviceId);
const pictures = (client: FastRTCClient) =>
  client.localStream?.getVideoTracks() ?? [];

describe("a camera", () => {
  it("is turned off and on without the microphone, for later calls too", async () => {
    // Otherwise "camera off" silences the user, or comes on again in the next call.
    const { client } = await connected();
    client.muteCamera(true);
    expect(opened.map(({ enabled }) => enabled)).toEqual([true, false]);
    expect([client.cameraMuted, client.muted]).toEqual([true, false]);
    client.close();
    void client.connect();
    await settle();
    expect(opened.at(-1)).toMatchObject({ kind: "video", enabled: false });
    client.close();
  });

  it("is chosen in the middle of a call", async () => {
    // Otherwise changing the camera means calling again.
    const { client, sent } = await connected();
    const changes = vi.fn();
    client.addEventListener("devices", ({ detail }) => changes(detail));
    await client.setCamera("desk");
    expect(sent()?.deviceId).toBe("desk");
    expect(client.cameraId).toBe("desk");
    expect(live()).toEqual(["any-audio", "desk"]);
    expect(changes.mock.lastCall).toEqual([
      { microphoneId: "any-audio", cameraId: "desk", lost: [] },
    ]);
  });

  it("flips to the back of a phone and again to its front", async () => {
    // Otherwise showing something to the bot means turning the phone around.
    const { client, sent } = await connected();
    expect(sent()?.deviceId).toBe("user");
    await client.flipCamera();
    expect(sent()?.deviceId).toBe("environment");
    await client.flipCamera();
    expect(sent()?.deviceId).toBe("user");
    expect(live()).toEqual(["any-audio", "user"]);
  });

  it("makes way first on phones that open one at a time", async () => {
    // Otherwise flipping fails on Android with "in use".
    const { client, sent } = await connected();
    oneAtATime = true;
    await client.flipCamera();
    expect(sent()?.deviceId).toBe("environment");
    expect(live()).toEqual(["any-audio", "environment"]);
  });

  it("comes back when it made way and the other one can't be opened", async () => {
    // Otherwise a wrong choice leaves a black picture.
    const { client, sent } = await connected();
    oneAtATime = true;
    refused = { broken: "NotReadableError" };
    await expect(client.setCamera("broken")).rejects.toMatchObject({
      kind: "camera",
    });
    expect(sent()?.readyState).toBe("live");
    expect(client.cameraId).toBe("user");
  });

  it("flips to the next one where sides are unknown, and says when there is none", () => {
    // Otherwise the button does nothing on a computer with two cameras.
    const cameras = ["a", "b", "c"].map((deviceId) => ({ deviceId, label: "" }));
    expect(flipOf({ deviceId: "c" }, cameras)).toEqual({ deviceId: "a" });
    expect(flipOf({ deviceId: "a" }, cameras.slice(0, 1))).toBeNull();
    expect(flipOf(undefined, [])).toBeNull();
  });

  it("flips before the call for the call", async () => {
    // Otherwise the choice before the first call is lost.
    const { sent } = await connected({}, (client) => client.flipCamera());
    expect(sent()?.deviceId).toBe("environment");
  });

  it("that is missing leaves a call with sound, and that is told", async () => {
    // Otherwise a computer without a camera can't even talk.
    refused = { user: "NotFoundError", video: "NotFoundError" };
    const { client, errors, connection } = await connected();
    expect(client.state.phase).toBe("listening");
    expect(errors.map(({ kind }) => kind)).toEqual(["no-camera"]);
    expect(connection.transceivers.map(({ kind }) => kind)).toEqual([
      "audio",
      "video",
    ]);
  });

  it("that is unplugged is replaced, or told to be lost while the call goes on", async () => {
    // Otherwise a frozen picture is all that the user learns.
    const { client, errors, sent } = await connected();
    await client.setCamera("desk");
    opened.at(-1)?.end();
    await settle();
    expect(sent()?.deviceId).toBe("user");
    const lost = vi.fn();
    client.addEventListener("devices", ({ detail }) => lost(detail.lost));
    refused = { user: "NotFoundError", video: "NotFoundError" };
    opened.at(-1)?.end();
    await settle();
    expect(errors.map(({ kind }) => kind)).toEqual(["camera"]);
    expect(lost.mock.lastCall).toEqual([["video"]]);
    expect(client.state.phase).toBe("listening");
    // And it is used again when it is plugged in.
    refused = {};
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    await settle();
    expect(sent()).toMatchObject({ deviceId: "user", readyState: "live" });
    expect(lost.mock.lastCall).toEqual([[]]);
  });

  it("whose permission is revoked is told in words that help", async () => {
    // Otherwise the user looks for a broken camera instead of a setting.
    const status = Object.assign(new EventTarget(), { state: "granted" });
    const query = ({ name }: { name: string }) =>
      Promise.resolve(name === "camera" ? status : new EventTarget());
    Object.assign(navigator, { permissions: { query } });
    const { client, errors, sent } = await connected();
    status.state = "denied";
    refused = { user: "NotAllowedError", video: "NotAllowedError" };
    status.dispatchEvent(new Event("change"));
    opened.find(({ kind }) => kind === "video")?.end();
    await settle();
    expect(errors).toMatchObject([
      { kind: "camera", message: expect.stringContaining("blocked") as string },
    ]);
    expect(client.state.phase).toBe("listening");
    status.state = "granted";
    refused = {};
    status.dispatchEvent(new Event("change"));
    await settle();
    expect(sent()?.readyState).toBe("live");
  });
});

describe("the screen", () => {
  it("takes the camera's place and gives it back", async () => {
    // Otherwise sharing needs a new call, or the camera never comes back.
    const { client, sent } = await connected();
    await client.shareScreen();
    expect(client.sharing).toBe(true);
    expect(sent()).toMatchObject({ deviceId: "screen", contentHint: "detail" });
    expect(pictures(client)).toMatchObject([{ deviceId: "screen" }]);
    expect(client.cameraId).toBe("user");
    await client.stopSharing();
    expect(client.sharing).toBe(false);
    expect(sent()).toMatchObject({ deviceId: "user", readyState: "live" });
    expect(pictures(client)).toMatchObject([{ deviceId: "user" }]);
    expect(live()).toEqual(["any-audio", "user"]);
  });

  it("gives the camera back when it is ended in the browser's bar", async () => {
    // Otherwise the other side stares at the last picture of the screen.
    const { client, sent } = await connected();
    await client.shareScreen();
    screens[0]?.end();
    await settle();
    expect(client.sharing).toBe(false);
    expect(sent()?.deviceId).toBe("user");
  });

  it("lets the camera be changed behind it", async () => {
    // Otherwise choosing a camera ends the sharing.
    const { client, sent } = await connected();
    await client.shareScreen();
    await client.setCamera("desk");
    client.muteCamera(true);
    expect(sent()).toMatchObject({ deviceId: "screen", enabled: true });
    await client.stopSharing();
    expect(sent()).toMatchObject({ deviceId: "desk", enabled: false });
    expect(live()).toEqual(["any-audio", "desk"]);
  });

  it("is the picture from the beginning where there is no camera", async () => {
    // Otherwise a computer without a camera can't show its screen.
    refused = { user: "NotFoundError", video: "NotFoundError" };
    const { client, errors, sent } = await connected({}, (one) =>
      one.shareScreen(),
    );
    expect(errors).toEqual([]);
    expect(sent()?.deviceId).toBe("screen");
    expect(client.sharing).toBe(true);
    await client.stopSharing();
    expect(sent()).toBeNull();
    expect(pictures(client)).toEqual([]);
    client.close();
    expect(live()).toEqual([]);
  });

  it("leaves the camera where it is when the browser can't send it", async () => {
    // Otherwise a failed try to share ends the picture.
    const { client, connection, sent } = await connected();
    const sender = connection.senders.at(-1);
    const fail = () =>
      Promise.reject(new DOMException("", "InvalidModificationError"));
    if (sender !== undefined) sender.replaceTrack = fail;
    await expect(client.shareScreen()).rejects.toMatchObject({ kind: "screen" });
    await expect(client.setCamera("desk")).rejects.toMatchObject({
      kind: "camera",
    });
    expect(client.sharing).toBe(false);
    expect(client.cameraId).toBe("user");
    expect(sent()?.readyState).toBe("live");
    expect(live()).toEqual(["any-audio", "user"]);
  });

  it("joins a call that has no camera", async () => {
    // Otherwise "no camera" means no picture at all.
    refused = { user: "NotFoundError", video: "NotFoundError" };
    const { client, sent } = await connected();
    await client.shareScreen();
    expect(sent()?.deviceId).toBe("screen");
    await client.stopSharing();
    expect(sent()).toBeNull();
  });

  it("stays away without an error when the user changes their mind", async () => {
    // Otherwise closing the browser's dialog is shown as a failure.
    const { client } = await connected();
    const refuse = (message: string) => () =>
      Promise.reject(new DOMException(message, "NotAllowedError"));
    getDisplayMedia = refuse("Permission denied");
    await client.shareScreen();
    expect(client.sharing).toBe(false);
    getDisplayMedia = refuse("Permission denied by system");
    await expect(client.shareScreen()).rejects.toMatchObject({ kind: "screen" });
    getDisplayMedia = undefined;
    Object.assign(navigator.mediaDevices, { getDisplayMedia: undefined });
    await expect(client.shareScreen()).rejects.toMatchObject({ kind: "screen" });
  });

  it("is released when the call ended while the user chose", async () => {
    // Otherwise the screen is captured for nobody.
    const { client } = await connected();
    const sharing = client.shareScreen();
    client.close();
    await sharing;
    expect(live()).toEqual([]);
    expect(client.sharing).toBe(false);
  });

  it("isn't for calls without a picture", async () => {
    // Otherwise the user chooses a window and nobody sees it.
    for (const options of [{ kinds: ["audio"] }, { mode: "receive" }] as const) {
      const { client } = await connected(options);
      await expect(client.shareScreen()).rejects.toMatchObject({ kind: "screen" });
    }
  });

  it("may be chosen while the devices are still asked for", async () => {
    // Otherwise the choice is thrown away without a word.
    const { client, sent } = await connected({}, (one) => {
      one.addEventListener(
        "state",
        ({ detail }) => detail.phase === "asking" && void one.shareScreen(),
        { once: true },
      );
      return Promise.resolve();
    });
    expect(sent()?.deviceId).toBe("screen");
    expect(client.sharing).toBe(true);
  });

  it("goes on after the connection was replaced", async () => {
    // Otherwise a moment without network shows the camera that was hidden.
    vi.useFakeTimers();
    const offer = () =>
      Promise.resolve({
        sdp: "v=0",
        type: "answer" as const,
        resumeToken: "secret",
      });
    const { client, connection } = await connected({
      signalling: fakeSignalling({ offer }),
    });
    await client.shareScreen();
    const { remoteStream } = client;
    connection.become("failed");
    await settle();
    expect(client.state).toMatchObject({ phase: "reconnecting", attempt: 1 });
    const second = FakePeerConnection.last;
    expect(second.senders.map(({ track }) => track?.deviceId)).toEqual([
      "any-audio",
      "screen",
    ]);
    second.become("connected");
    await settle();
    expect(client.state).toMatchObject({ phase: "listening", attempt: 0 });
    expect(client.peerConnection).toBe(second);
    expect(client.remoteStream).toBe(remoteStream);
    client.close();
    vi.useRealTimers();
  });
});

/** Microphones and cameras: which there are, how to open them whatever they can do. */

import { bySystem, CallError, fromDevice } from "./errors";
import { strings } from "./strings";

export type MediaKind = "audio" | "video";

/**
 * What a voice call asks for. All of it is a wish (a bare value means `ideal`): a
 * device that lacks one must still connect.
 */
export const VOICE_CONSTRAINTS: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: { ideal: 1 },
  sampleRate: { ideal: 24000 },
};

/** What a call with a picture asks for: the camera on the user's side, HD at 30 fps. */
export const CAMERA_CONSTRAINTS: MediaTrackConstraints = {
  facingMode: { ideal: "user" },
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
};

interface ConstraintsByKind {
  audio?: MediaTrackConstraints | boolean;
  video?: MediaTrackConstraints | boolean;
}

/** Wishes as programs give them: for the call's one kind of media, or by kind. */
export type TrackConstraints = MediaTrackConstraints | ConstraintsByKind;

/** The wishes for each device. */
export type Wishes = Record<MediaKind, MediaTrackConstraints>;

/** The wishes among what a program gave, and for the rest what suits calls. */
export function wishesOf(
  kinds: readonly MediaKind[],
  given: TrackConstraints | null | undefined,
): Wishes {
  const wishes = { audio: VOICE_CONSTRAINTS, video: CAMERA_CONSTRAINTS };
  if (given === null || given === undefined) return wishes;
  if (isByKind(given)) {
    for (const kind of ["audio", "video"] as const) {
      const wish = given[kind];
      if (typeof wish === "object") wishes[kind] = wish;
    }
    return wishes;
  }
  for (const kind of kinds) wishes[kind] = given;
  return wishes;
}

/** The wishes for the microphone among them; null stands for VOICE_CONSTRAINTS. */
export function audioConstraints(
  given: TrackConstraints | null | undefined,
): MediaTrackConstraints | null {
  if (given === null || given === undefined) return null;
  if (!isByKind(given)) return given;
  return typeof given.audio === "object" ? given.audio : null;
}

function isByKind(given: TrackConstraints): given is ConstraintsByKind {
  return "audio" in given || "video" in given;
}

/** The devices to use.
 *
 * @throws CallError the page isn't secure, so the browser has none
 */
export function mediaDevices(): MediaDevices {
  const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
  if (devices === undefined)
    throw new CallError("insecure", strings.errors.insecure);
  return devices;
}

/** The constraints to try one after the other, from what was asked to "any". */
export function relaxations(
  constraints: MediaTrackConstraints,
): (MediaTrackConstraints | true)[] {
  const relaxed = withoutExact(constraints);
  const steps: (MediaTrackConstraints | true)[] = [constraints];
  if (JSON.stringify(relaxed) !== JSON.stringify(constraints)) steps.push(relaxed);
  return [...steps, true];
}

/** The same wishes with every `exact` turned into `ideal`. */
function withoutExact(constraints: MediaTrackConstraints): MediaTrackConstraints {
  const relaxed = Object.entries(constraints).map(
    ([name, wish]: [string, unknown]) => {
      if (typeof wish !== "object" || wish === null || !("exact" in wish))
        return [name, wish];
      const { exact, ...rest } = wish;
      return [name, { ...rest, ideal: exact }];
    },
  );
  return Object.fromEntries(relaxed) as MediaTrackConstraints;
}

export interface Opened {
  stream: MediaStream;
  /** What could not be opened, when something else could. */
  problems: CallError[];
}

/**
 * A stream with one track of each kind, with as many of the wishes as the devices
 * grant. Both kinds are asked for at once, so that the browser prompts once; when one
 * has no device, the other one is opened alone.
 *
 * @throws CallError nothing could be opened
 */
export async function openMedia(
  kinds: readonly MediaKind[],
  wishes: Wishes,
): Promise<Opened> {
  const [only] = kinds;
  if (only === undefined) return { stream: new MediaStream(), problems: [] };
  if (kinds.length === 1)
    return { stream: await openDevice(only, wishes[only]), problems: [] };
  try {
    const steps = {
      audio: relaxations(wishes.audio),
      video: relaxations(wishes.video),
    };
    const rounds = Math.max(steps.audio.length, steps.video.length);
    const tries = Array.from({ length: rounds }, (_, round) => ({
      audio: steps.audio[round] ?? true,
      video: steps.video[round] ?? true,
    }));
    return { stream: await firstGranted(tries), problems: [] };
  } catch (error) {
    return await openWhatThereIs(wishes, error);
  }
}

/**
 * A stream with one track of that kind.
 *
 * @throws CallError no device could be opened
 */
export async function openDevice(
  kind: MediaKind,
  constraints: MediaTrackConstraints,
): Promise<MediaStream> {
  try {
    return await firstGranted(
      relaxations(constraints).map((wish) => ({ [kind]: wish })),
    );
  } catch (error) {
    throw fromDevice(error, kind);
  }
}

/** A stream with one audio track. */
export async function openMicrophone(
  constraints: MediaTrackConstraints,
): Promise<MediaStream> {
  return await openDevice("audio", constraints);
}

async function firstGranted(
  tries: readonly MediaStreamConstraints[],
): Promise<MediaStream> {
  const devices = mediaDevices();
  let failure: unknown;
  for (const constraints of tries) {
    try {
      return await devices.getUserMedia(constraints);
    } catch (error) {
      failure = error;
      if ((error as Error).name !== "OverconstrainedError") break;
    }
  }
  throw failure;
}

/** Both together were refused: a call with one of them is better than none. */
async function openWhatThereIs(wishes: Wishes, failure: unknown): Promise<Opened> {
  if (failure instanceof CallError) throw failure;
  const denied = isDenial(failure);
  // A user who said no isn't asked again for what was part of the question; only a
  // site setting can block one of them and leave the other open.
  const open = denied ? await notBlocked() : (["audio", "video"] as const);
  if (denied && open.length !== 1) throw fromDevice(failure, "both");
  const tracks: MediaStreamTrack[] = [];
  const failures = new Map<MediaKind, CallError>();
  for (const kind of ["audio", "video"] as const) {
    try {
      if (!open.some((one) => one === kind)) throw fromDevice(failure, kind);
      tracks.push(...(await openDevice(kind, wishes[kind])).getTracks());
    } catch (error) {
      failures.set(kind, fromDevice(error, kind));
    }
  }
  if (tracks.length === 0) throw noneOpened(failures, failure);
  const { withoutCamera, withoutMicrophone } = strings.errors;
  const problems = [...failures].map(([kind, cause]) => {
    const text = kind === "video" ? withoutCamera : withoutMicrophone;
    return new CallError(cause.kind, text(cause.message), { cause });
  });
  return { stream: new MediaStream(tracks), problems };
}

function noneOpened(
  failures: ReadonlyMap<MediaKind, CallError>,
  failure: unknown,
): CallError {
  const audio = failures.get("audio");
  const video = failures.get("video");
  if (audio?.kind === "no-microphone" && video?.kind === "no-camera")
    return fromDevice(audio.cause, "both");
  return audio ?? fromDevice(failure, "both");
}

function isDenial(error: unknown): boolean {
  const { name } = error as Error;
  const refused = name === "NotAllowedError" || name === "SecurityError";
  // A system may block one of them; asking again shows no question.
  return refused && !bySystem(error);
}

/** The kinds that no site setting blocks, as far as the browser tells. */
async function notBlocked(): Promise<MediaKind[]> {
  const blocked = await Promise.all([permission("audio"), permission("video")]);
  return (["audio", "video"] as const).filter((_, at) => blocked[at] !== "denied");
}

async function permission(kind: MediaKind): Promise<PermissionState | null> {
  return (await permissionStatus(kind))?.state ?? null;
}

/** Null where the browser doesn't tell (Firefox before 131, insecure pages). */
export async function permissionStatus(
  kind: MediaKind,
): Promise<PermissionStatus | null> {
  const { permissions } = navigator as { permissions?: Permissions };
  const name = kind === "audio" ? "microphone" : "camera";
  try {
    return (await permissions?.query({ name })) ?? null;
  } catch {
    return null;
  }
}

/**
 * The same wishes for one device. Chromium may pass over an `ideal` device for the
 * default one, so the choice is exact; `relaxations` still finds another one when that
 * one was unplugged.
 */
export function forDevice(
  constraints: MediaTrackConstraints,
  deviceId: string,
): MediaTrackConstraints {
  const wishes: MediaTrackConstraints = {
    ...constraints,
    deviceId: { exact: deviceId },
  };
  // The chosen one is wanted whichever way it looks.
  delete wishes.facingMode;
  return wishes;
}

export interface Microphone {
  deviceId: string;
  label: string;
}
export type Camera = Microphone;

/**
 * Every microphone with a label. Before permission browsers hide ids and labels;
 * such entries can't be chosen and are left out.
 */
export async function listMicrophones(): Promise<Microphone[]> {
  return await list("audioinput", strings.microphoneNumber);
}

/** Every camera with a label, as `listMicrophones`. */
export async function listCameras(): Promise<Camera[]> {
  return await list("videoinput", strings.cameraNumber);
}

async function list(
  wanted: MediaDeviceKind,
  numbered: (number: number) => string,
): Promise<Microphone[]> {
  const devices = await mediaDevices().enumerateDevices();
  const named = devices.filter(
    ({ kind, deviceId }) => kind === wanted && deviceId !== "",
  );
  return named.map(({ deviceId, label }, index) => ({
    deviceId,
    label: label === "" ? numbered(index + 1) : label,
  }));
}

/** Call back whenever a device comes or goes; returns how to stop that. */
export function onDeviceChange(callback: () => void): () => void {
  const devices = (navigator as { mediaDevices?: MediaDevices }).mediaDevices;
  if (devices === undefined) return () => undefined;
  devices.addEventListener("devicechange", callback);
  return () => {
    devices.removeEventListener("devicechange", callback);
  };
}

/** Release a stream's devices: the browser's recording light goes out. */
export function stopStream(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

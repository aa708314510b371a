/** Microphones: which there are, how to open one whatever it is able to do. */

import { CallError, fromMicrophone } from "./errors";
import { strings } from "./strings";

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

/** Wishes as programs give them: for the audio alone, or by kind of media. */
export type TrackConstraints =
  | MediaTrackConstraints
  | {
      audio?: MediaTrackConstraints | boolean;
      video?: MediaTrackConstraints | boolean;
    };

/** The wishes for the microphone among them; null stands for VOICE_CONSTRAINTS. */
export function audioConstraints(
  given: TrackConstraints | null | undefined,
): MediaTrackConstraints | null {
  if (given === null || given === undefined) return null;
  if ("audio" in given || "video" in given)
    return typeof given.audio === "object" ? given.audio : null;
  return given as MediaTrackConstraints;
}

export interface Microphone {
  deviceId: string;
  label: string;
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

/**
 * A stream with one audio track, with as many of the wishes as the device grants.
 *
 * @throws CallError no microphone could be opened
 */
export async function openMicrophone(
  constraints: MediaTrackConstraints,
): Promise<MediaStream> {
  const devices = mediaDevices();
  let failure: unknown;
  for (const audio of relaxations(constraints)) {
    try {
      return await devices.getUserMedia({ audio });
    } catch (error) {
      failure = error;
      if ((error as Error).name !== "OverconstrainedError") break;
    }
  }
  throw fromMicrophone(failure);
}

/**
 * The same wishes for one device. Chromium may pass over an `ideal` device for the
 * default one, so the choice is exact; `relaxations` still finds another microphone
 * when that one was unplugged.
 */
export function forDevice(
  constraints: MediaTrackConstraints,
  deviceId: string,
): MediaTrackConstraints {
  return { ...constraints, deviceId: { exact: deviceId } };
}

/**
 * Every microphone with a label. Before permission browsers hide ids and labels;
 * such entries can't be chosen and are left out.
 */
export async function listMicrophones(): Promise<Microphone[]> {
  const devices = await mediaDevices().enumerateDevices();
  const named = devices.filter(
    ({ kind, deviceId }) => kind === "audioinput" && deviceId !== "",
  );
  return named.map(({ deviceId, label }, index) => ({
    deviceId,
    label: label === "" ? strings.microphoneNumber(index + 1) : label,
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

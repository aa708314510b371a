/** The screen, a window or a tab as what a call shows. */

import { CallError } from "./errors";
import { strings } from "./strings";

/** Text stays sharp; movement may be coarse. */
const WISHES: DisplayMediaStreamOptions = {
  video: { frameRate: { ideal: 15, max: 30 } },
  audio: false,
};

/**
 * Let the user choose what to show; null when they changed their mind. Must be called
 * in the handler of a click or a key.
 *
 * @throws CallError the browser or the system doesn't allow it
 */
export async function openScreen(): Promise<MediaStreamTrack | null> {
  const { mediaDevices } = navigator as { mediaDevices?: Partial<MediaDevices> };
  if (mediaDevices?.getDisplayMedia === undefined)
    throw new CallError("screen", strings.errors.screenUnsupported);
  try {
    const stream = await mediaDevices.getDisplayMedia(WISHES);
    const track = stream.getVideoTracks()[0] ?? null;
    if (track !== null) track.contentHint = "detail";
    return track;
  } catch (error) {
    if (isSecondThought(error)) return null;
    throw new CallError("screen", strings.errors.screenDenied, { cause: error });
  }
}

/** Closing the browser's dialog and a site's setting look alike; a system's block not. */
function isSecondThought(error: unknown): boolean {
  const { name, message } = error as Error;
  return name === "NotAllowedError" && !/system/i.test(message);
}

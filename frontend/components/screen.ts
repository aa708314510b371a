/** Full screen and picture in picture, with the ways that iPhones have instead. */

/** An iPhone shows no element full-screen but a video. */
interface PhoneVideo {
  webkitSupportsFullscreen?: boolean;
  webkitEnterFullscreen?: () => void;
}

export function canFullScreen(
  root: Element | undefined,
  video: HTMLVideoElement | null,
): boolean {
  const document = root?.ownerDocument;
  if (document?.fullscreenEnabled && root?.requestFullscreen !== undefined)
    return true;
  return (video as PhoneVideo | null)?.webkitEnterFullscreen !== undefined;
}

/** Into full screen, or out of it. Browsers may refuse; then nothing changes. */
export async function toggleFullScreen(
  root: Element,
  video: HTMLVideoElement | null,
): Promise<void> {
  const { ownerDocument: document } = root;
  if (document.fullscreenElement === root) await document.exitFullscreen();
  else if (document.fullscreenEnabled) await root.requestFullscreen();
  else (video as PhoneVideo | null)?.webkitEnterFullscreen?.();
}

/** Call back with whether `root` fills the screen; returns how to stop that. */
export function onFullScreen(
  root: Element,
  callback: (full: boolean) => void,
): () => void {
  const { ownerDocument: document } = root;
  const onchange = () => callback(document.fullscreenElement === root);
  document.addEventListener("fullscreenchange", onchange);
  return () => document.removeEventListener("fullscreenchange", onchange);
}

export function canPictureInPicture(): boolean {
  return (
    document.pictureInPictureEnabled &&
    "requestPictureInPicture" in HTMLVideoElement.prototype
  );
}

/** Into a window of its own that stays on top, or back. */
export async function togglePictureInPicture(
  video: HTMLVideoElement,
): Promise<void> {
  if (document.pictureInPictureElement === video)
    await document.exitPictureInPicture();
  else await video.requestPictureInPicture();
}

export function canShareScreen(): boolean {
  const devices = (navigator as { mediaDevices?: Partial<MediaDevices> })
    .mediaDevices;
  return devices?.getDisplayMedia !== undefined;
}

/** A browser may refuse a window or a screen; the call goes on as it was. */
export function quietly(asked: Promise<unknown>): void {
  asked.catch(() => undefined);
}

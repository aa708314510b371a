/** Which camera comes next when the user flips it. */

import type { Camera } from "./devices";

export type Facing = "user" | "environment";

/** What to open next: a side of the phone, one camera, or null without another one. */
export type Flip = { facing: Facing } | { deviceId: string } | null;

/**
 * Phones have a front and a back, with several lenses in the back: there the side is
 * what is asked for. Elsewhere it is the next camera of the list.
 */
export function flipOf(
  current: MediaTrackSettings | undefined,
  cameras: readonly Camera[],
): Flip {
  const others = cameras.filter(({ deviceId }) => deviceId !== current?.deviceId);
  if (others.length === 0) return null;
  if (current?.facingMode === "user") return { facing: "environment" };
  if (current?.facingMode === "environment") return { facing: "user" };
  const at = cameras.findIndex(({ deviceId }) => deviceId === current?.deviceId);
  const next = cameras[(at + 1) % cameras.length];
  return next === undefined ? null : { deviceId: next.deviceId };
}

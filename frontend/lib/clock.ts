/** Times as people read them. */

/** `m:ss`, or `h:mm:ss` from one hour on; negative times are 0:00. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}`
    : `${minutes}:${rest}`;
}

/** Seconds of a call that are left, or null when it has no limit. */
export function remainingSeconds(
  elapsedSeconds: number,
  limitSeconds: number | null | undefined,
): number | null {
  if (limitSeconds === null || limitSeconds === undefined) return null;
  // Rounded up, so that elapsed and remaining always add up to the limit.
  return Math.max(0, Math.ceil(limitSeconds - Math.floor(elapsedSeconds)));
}

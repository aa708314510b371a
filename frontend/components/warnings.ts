/** The warning before a call's time is up. */

export const WARNINGS_S = [30, 10] as const;
/** So long it stays in sight. */
const SHOWN_S = 8;

/**
 * Which warning there is to give with that many seconds left: the seconds it names,
 * or null. A limit that is itself not longer than a warning has none of it.
 */
export function warningAt(
  remainingSeconds: number | null,
  limitSeconds: number | null,
): number | null {
  if (remainingSeconds === null || limitSeconds === null || remainingSeconds <= 0)
    return null;
  const due = WARNINGS_S.filter((warning) => warning < limitSeconds).filter(
    (warning) =>
      remainingSeconds <= warning && remainingSeconds > warning - SHOWN_S,
  );
  return due.at(-1) ?? null;
}

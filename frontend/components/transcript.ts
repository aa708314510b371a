/** What was said, as lines to read. */

import type { Caption } from "../lib/captions";

const FOLDED_LINES = 2;
/** Pixels from the end within which a reader counts as being at the end. */
const END_PX = 24;

/** The lines that have something to read: all, or the last ones only. */
export function shownLines(lines: readonly Caption[], whole: boolean): Caption[] {
  const readable = lines.filter(({ text }) => text.trim() !== "");
  return whole ? readable : readable.slice(-FOLDED_LINES);
}

/** A line that becomes final is a new one, so that it is read aloud once, whole. */
export function lineKey({ role, id, final }: Caption): string {
  return `${role} ${id} ${final ? "final" : "partial"}`;
}

/** The reader follows; one who scrolled up to read is left in peace. */
export function isAtEnd(pane: {
  scrollTop: number;
  scrollHeight: number;
  clientHeight: number;
}): boolean {
  return pane.scrollHeight - pane.clientHeight - pane.scrollTop <= END_PX;
}

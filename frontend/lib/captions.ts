/** What was said, in words: the server's captions in the order of their coming. */

export interface Caption {
  readonly id: string;
  readonly role: "user" | "assistant";
  readonly text: string;
  /** It won't change any more. */
  readonly final: boolean;
}

/** An hour of talk; older lines make place for newer ones. */
export const MAX_CAPTIONS = 500;

/** Of one caption, so that a server's mistake can't fill the page's memory. */
const MAX_TEXT_LENGTH = 10_000;

/**
 * The list with one more caption, or with the one of the same id replaced. A new
 * list, so that a page sees the change; the same one when nothing changes.
 */
export function withCaption(
  captions: readonly Caption[],
  caption: Caption,
): readonly Caption[] {
  const { text } = caption;
  const short =
    text.length > MAX_TEXT_LENGTH
      ? { ...caption, text: text.slice(0, MAX_TEXT_LENGTH) }
      : caption;
  // The one that changes is nearly always the last one.
  const at = captions.findLastIndex(({ id }) => id === caption.id);
  if (at >= 0) {
    const old = captions[at];
    // What was final stays: a late partial of it is a straggler.
    if (old?.final === true && !caption.final) return captions;
    return captions.with(at, short);
  }
  return [...captions, short].slice(-MAX_CAPTIONS);
}

/** The caption in a message's data, or null when it isn't one. */
export function parseCaption(data: unknown): Caption | null {
  if (typeof data !== "object" || data === null) return null;
  const { id, role, text, final } = data as Record<string, unknown>;
  if (typeof id !== "string" || typeof text !== "string") return null;
  if (role !== "user" && role !== "assistant") return null;
  return { id, role, text, final: final === true };
}

import { describe, expect, it } from "vitest";
import { MAX_CAPTIONS, withCaption, type Caption } from "../../lib/captions";

const caption = (id: string, text: string, final = false): Caption => ({
  id,
  role: "user",
  text,
  final,
});
const texts = (captions: readonly Caption[]) => captions.map(({ text }) => text);

describe("captions", () => {
  it("grow word by word in their place", () => {
    // Otherwise every partial of a sentence is a line of its own.
    let captions: readonly Caption[] = [];
    for (const next of [
      caption("1", "He"),
      caption("2", "Hi"),
      caption("1", "Hello", true),
    ])
      captions = withCaption(captions, next);
    expect(texts(captions)).toEqual(["Hello", "Hi"]);
  });

  it("stay as they are once final", () => {
    // Otherwise a straggler takes a finished sentence back.
    const captions = withCaption([], caption("1", "Hello", true));
    expect(withCaption(captions, caption("1", "Hel"))).toBe(captions);
    expect(texts(withCaption(captions, caption("1", "Hello.", true)))).toEqual([
      "Hello.",
    ]);
  });

  it("keep the newest, in a bounded number and length", () => {
    // Otherwise a day-long call fills the page's memory.
    let captions: readonly Caption[] = [];
    for (let at = 0; at < MAX_CAPTIONS + 3; at++)
      captions = withCaption(captions, caption(`${at}`, `${at}`));
    expect(captions).toHaveLength(MAX_CAPTIONS);
    expect(captions[0]?.text).toBe("3");
    const long = withCaption([], caption("x", "a".repeat(1_000_000)));
    expect(long[0]?.text.length).toBeLessThan(20_000);
  });
});

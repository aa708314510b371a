/** Where menus open, and what closes them. */

export interface Room {
  side: "above" | "below";
  maxHeightPx: number;
}

const GAP_PX = 10;
const MARGIN_PX = 8;
const TALLEST_PX = 420;
const LEAST_PX = 120;

/** Above the bar, unless there is too little room and more of it below. */
export function roomFor(
  bar: { top: number; bottom: number },
  heightPx: number,
  windowHeightPx: number,
): Room {
  const above = bar.top - GAP_PX - MARGIN_PX;
  const below = windowHeightPx - bar.bottom - GAP_PX - MARGIN_PX;
  const side = above >= heightPx || above >= below ? "above" : "below";
  const room = side === "above" ? above : below;
  return { side, maxHeightPx: Math.min(TALLEST_PX, Math.max(LEAST_PX, room)) };
}

/** Calls back for a press anywhere but in `root`; returns how to stop that. */
export function onPressElsewhere(root: Element, callback: () => void): () => void {
  const onpointerdown = (event: Event) => {
    if (!root.contains(event.target as Node)) callback();
  };
  document.addEventListener("pointerdown", onpointerdown);
  return () => document.removeEventListener("pointerdown", onpointerdown);
}

/** The index that a key moves to among `count` entries, or null. */
export function moveByKey(key: string, at: number, count: number): number | null {
  if (count === 0) return null;
  switch (key) {
    case "ArrowDown":
      return (at + 1) % count;
    case "ArrowUp":
      return (at <= 0 ? count : at) - 1;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

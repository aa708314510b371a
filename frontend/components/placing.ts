/** Where on the page a call begins, so that all of it fits below that. */

/** Further down, people scroll to the call and the whole window is its. */
const HEAD_PART = 0.5;

/**
 * The room above the call that the window always shows as well, in pixels: a title,
 * not half a page of other things.
 */
export function headHeight(topPx: number, windowHeightPx: number): number {
  return topPx <= windowHeightPx * HEAD_PART ? Math.max(0, Math.round(topPx)) : 0;
}

/** Calls back with that height, now and when it changes; returns how to stop that. */
export function followHead(
  root: HTMLElement,
  callback: (heightPx: number) => void,
): () => void {
  const measure = () => {
    const topPx = root.getBoundingClientRect().top + scrollY;
    callback(headHeight(topPx, innerHeight));
  };
  const observer = new ResizeObserver(measure);
  observer.observe(root.ownerDocument.body);
  addEventListener("resize", measure);
  measure();
  return () => {
    observer.disconnect();
    removeEventListener("resize", measure);
  };
}

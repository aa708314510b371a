/** Where one's own picture sits, and how it gets elsewhere. */

export type Corner = "top-left" | "top-right" | "bottom-left" | "bottom-right";

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

function cornerOf(top: boolean, left: boolean): Corner {
  return `${top ? "top" : "bottom"}-${left ? "left" : "right"}`;
}

/** The corner of the stage that the middle of the picture is nearest to. */
export function nearestCorner(picture: Box, stage: Box): Corner {
  const x = picture.left + picture.width / 2 - stage.left;
  const y = picture.top + picture.height / 2 - stage.top;
  return cornerOf(y < stage.height / 2, x < stage.width / 2);
}

/** Where an arrow key moves it; null for keys that don't. */
export function cornerByKey(corner: Corner, key: string): Corner | null {
  const top = corner.startsWith("top");
  const left = corner.endsWith("left");
  switch (key) {
    case "ArrowUp":
      return cornerOf(true, left);
    case "ArrowDown":
      return cornerOf(false, left);
    case "ArrowLeft":
      return cornerOf(top, true);
    case "ArrowRight":
      return cornerOf(top, false);
    default:
      return null;
  }
}

/** Round the stage, for those who can press it but neither drag nor type. */
export function nextCorner(corner: Corner): Corner {
  const around: Corner[] = ["top-right", "bottom-right", "bottom-left", "top-left"];
  const next = (around.indexOf(corner) + 1) % around.length;
  return around[next] ?? corner;
}

/** The wave: both voices as glowing strands on a canvas. */

import type { Voice, Voices } from "./levels";

export interface Palette {
  user: string;
  bot: string;
  /** Glowing adds up on dark pages and would bleach light ones. */
  dark: boolean;
}

export interface Size {
  width: number;
  height: number;
}

interface Strand {
  /** Periods over the whole width. */
  waves: number;
  /** Periods a second; the sign is the direction. */
  speed: number;
  phase: number;
  height: number;
  alpha: number;
}

const USER: readonly Strand[] = [
  { waves: 3.1, speed: 0.62, phase: 0.0, height: 1.0, alpha: 1.0 },
  { waves: 4.3, speed: 0.85, phase: 1.9, height: 0.72, alpha: 0.65 },
  { waves: 2.2, speed: 0.41, phase: 3.7, height: 0.55, alpha: 0.45 },
];
const BOT: readonly Strand[] = [
  { waves: 2.6, speed: -0.5, phase: 0.8, height: 1.0, alpha: 1.0 },
  { waves: 3.7, speed: -0.74, phase: 2.9, height: 0.72, alpha: 0.65 },
  { waves: 1.9, speed: -0.36, phase: 4.6, height: 0.55, alpha: 0.45 },
];

const STRANDS = { user: USER, bot: BOT };

const LINE_PX = 1.8;
/** Wide and faint around the line. */
const GLOW: readonly { widthPx: number; alpha: number }[] = [
  { widthPx: 14, alpha: 0.09 },
  { widthPx: 6, alpha: 0.24 },
];
/** The glow is blurred anyway: drawn small and enlarged, it costs a ninth. */
const GLOW_SCALE = 1 / 3;

/** At both ends the wave comes out of nothing. */
const FADE_OF_WIDTH = 0.16;
const STEP_PX = 8;
/** Of the height, from the middle; the rest is room for the glow. */
const REACH = 0.45;
/** On tall, narrow screens the wave stays a wave. */
const REACH_OF_WIDTH = 0.3;
/** Even silence breathes, so that the line is seen to be alive. */
const BREATH = 0.035;
/** A moment at which the line at rest looks well. */
const REST_S = 0.4;
const STILL: Voice = { level: 0, bands: new Float32Array(0) };

/** Draws on one canvas; make a new one when its size or the colours change. */
export class WavePainter {
  readonly #size: Size;
  readonly #palette: Palette;
  readonly #lines: CanvasRenderingContext2D;
  readonly #glow: CanvasRenderingContext2D;

  private constructor(
    size: Size,
    palette: Palette,
    lines: CanvasRenderingContext2D,
    glow: CanvasRenderingContext2D,
  ) {
    this.#size = size;
    this.#palette = palette;
    this.#lines = lines;
    this.#glow = glow;
  }

  /** Null where there is no canvas to draw on, or none of its area. */
  static on(
    canvas: HTMLCanvasElement,
    size: Size,
    pixelRatio: number,
    palette: Palette,
  ): WavePainter | null {
    if (size.width < 1 || size.height < 1) return null;
    const lines = scaled(canvas, size, pixelRatio);
    const glow = scaled(document.createElement("canvas"), size, GLOW_SCALE);
    return lines && glow && new WavePainter(size, palette, lines, glow);
  }

  /** The voices as they are at `timeS`, the louder one in front. */
  draw(voices: Voices, shown: readonly (keyof Voices)[], timeS: number): void {
    this.#clear();
    const order = shown.toSorted(
      (one, two) => voices[one].level - voices[two].level,
    );
    for (const who of order) this.#drawVoice(who, voices[who], timeS);
    this.#light();
  }

  /** The line of a page where nobody talks: one graceful, motionless curve. */
  rest(shown: readonly (keyof Voices)[]): void {
    this.#clear();
    for (const who of shown) this.#drawVoice(who, STILL, REST_S);
    this.#light();
  }

  #clear(): void {
    const { width, height } = this.#size;
    for (const context of [this.#lines, this.#glow]) {
      context.globalAlpha = 1;
      context.globalCompositeOperation = "source-over";
      context.clearRect(0, 0, width, height);
      if (this.#palette.dark) context.globalCompositeOperation = "lighter";
    }
  }

  #drawVoice(who: keyof Voices, voice: Voice, timeS: number): void {
    // A silent voice steps back behind the one that speaks.
    const presence = 0.5 + 0.5 * Math.min(1, voice.level * 3);
    this.#lines.strokeStyle = this.#palette[who];
    this.#glow.strokeStyle = this.#palette[who];
    this.#glow.fillStyle = this.#palette[who];
    STRANDS[who].forEach((strand, index) => {
      const heights = outline(this.#size, strand, voice, timeS);
      if (index === 0 && voice.level > 0)
        this.#fillBody(heights, 0.08 * voice.level);
      const path = strandPath(this.#size, heights);
      this.#stroke(this.#lines, path, LINE_PX, 0.95 * strand.alpha * presence);
      for (const { widthPx, alpha } of GLOW)
        this.#stroke(this.#glow, path, widthPx, alpha * strand.alpha * presence);
    });
  }

  #stroke(
    context: CanvasRenderingContext2D,
    path: Path2D,
    widthPx: number,
    alpha: number,
  ): void {
    context.globalAlpha = alpha;
    context.lineWidth = widthPx;
    context.stroke(path);
  }

  #fillBody(heights: number[], alpha: number): void {
    this.#glow.globalAlpha = alpha;
    this.#glow.fill(bodyPath(this.#size, heights));
  }

  /** Put the glow behind, or on dark pages onto, the lines. */
  #light(): void {
    const { width, height } = this.#size;
    this.#lines.globalAlpha = 1;
    if (!this.#palette.dark)
      this.#lines.globalCompositeOperation = "destination-over";
    this.#lines.drawImage(this.#glow.canvas, 0, 0, width, height);
    this.#fadeEnds();
  }

  /** Cheaper than a CSS mask, which is applied to every pixel of every frame. */
  #fadeEnds(): void {
    const { width, height } = this.#size;
    const context = this.#lines;
    const reach = width * FADE_OF_WIDTH;
    context.globalCompositeOperation = "destination-out";
    for (const edge of [0, width]) {
      const inner = edge === 0 ? reach : width - reach;
      const gradient = context.createLinearGradient(edge, 0, inner, 0);
      gradient.addColorStop(0, "#000");
      gradient.addColorStop(1, "transparent");
      context.fillStyle = gradient;
      context.fillRect(Math.min(edge, inner), 0, reach, height);
    }
  }
}

function scaled(
  canvas: HTMLCanvasElement,
  size: Size,
  scale: number,
): CanvasRenderingContext2D | null {
  const context = canvas.getContext("2d");
  canvas.width = Math.max(1, Math.round(size.width * scale));
  canvas.height = Math.max(1, Math.round(size.height * scale));
  context?.setTransform(
    canvas.width / size.width,
    0,
    0,
    canvas.height / size.height,
    0,
    0,
  );
  return context;
}

function strandPath(size: Size, heights: number[]): Path2D {
  const path = new Path2D();
  path.moveTo(0, size.height / 2);
  trace(path, size, heights, 1);
  return path;
}

/** The lens between a strand and its mirror image: light inside the wave. */
function bodyPath(size: Size, heights: number[]): Path2D {
  const path = new Path2D();
  for (const side of [1, -1]) {
    path.moveTo(0, size.height / 2);
    trace(path, size, heights, side);
    path.closePath();
  }
  return path;
}

/** Pixels from the middle, every STEP_PX of the width. */
function outline(
  size: Size,
  strand: Strand,
  voice: Voice,
  timeS: number,
): number[] {
  const reach = Math.min(size.height * REACH, size.width * REACH_OF_WIDTH);
  const steps = Math.ceil(size.width / STEP_PX);
  return Array.from(
    { length: steps + 1 },
    (_, step) =>
      reach * strand.height * deflection(step / steps, strand, voice, timeS),
  );
}

/** Through the points' midpoints, so that no corner shows even in steep places. */
function trace(path: Path2D, size: Size, heights: number[], side: number): void {
  const middle = size.height / 2;
  const last = heights.length - 1;
  for (let step = 0; step < last; step++) {
    const x = (step / last) * size.width;
    const here = heights[step] ?? 0;
    const halfway = (here + (heights[step + 1] ?? 0)) / 2;
    path.quadraticCurveTo(
      x,
      middle + side * here,
      x + size.width / last / 2,
      middle + side * halfway,
    );
  }
  path.lineTo(size.width, middle);
}

/** How far a strand is from the middle, in -1..1, at `along` (0..1) of its length. */
export function deflection(
  along: number,
  strand: Strand,
  voice: Voice,
  timeS: number,
): number {
  const envelope = Math.sin(Math.PI * along) ** 1.3;
  const turn = 2 * Math.PI * (strand.waves * along - strand.speed * timeS);
  const swing = Math.sin(turn + strand.phase);
  const spectrum = 0.4 + 0.6 * bandAt(voice, along);
  return envelope * swing * (BREATH + (1 - BREATH) * voice.level * spectrum);
}

/** Low bands in the middle, high ones towards both ends, without steps between. */
function bandAt(voice: Voice, along: number): number {
  const last = voice.bands.length - 1;
  if (last < 0) return 0;
  const position = Math.abs(2 * along - 1) * last;
  const lower = Math.floor(position);
  // Eased, so that the curve has no corner where one band ends.
  const part = 0.5 - 0.5 * Math.cos(Math.PI * (position - lower));
  const low = blurred(voice.bands, lower);
  return low + part * (blurred(voice.bands, Math.min(last, lower + 1)) - low);
}

/** A band with its neighbours, so that no single one makes a spike. */
function blurred(bands: Float32Array, band: number): number {
  const here = bands[band] ?? 0;
  return (here * 2 + (bands[band - 1] ?? here) + (bands[band + 1] ?? here)) / 4;
}

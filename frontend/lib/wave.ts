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

/** Wide and faint to thin and clear: a glow that costs no blur. */
const GLOW: readonly { widthPx: number; alpha: number }[] = [
  { widthPx: 13, alpha: 0.08 },
  { widthPx: 5, alpha: 0.22 },
  { widthPx: 1.8, alpha: 0.95 },
];

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

/** Draw the voices as they are at `timeS`, the louder one in front. */
export function drawWave(
  context: CanvasRenderingContext2D,
  size: Size,
  voices: Voices,
  shown: readonly (keyof Voices)[],
  timeS: number,
  palette: Palette,
): void {
  prepare(context, size, palette);
  const order = shown.toSorted((one, two) => voices[one].level - voices[two].level);
  for (const who of order)
    drawVoice(context, size, STRANDS[who], voices[who], timeS, palette[who]);
}

/** The line of a page where nobody talks: one graceful, motionless curve. */
export function drawRest(
  context: CanvasRenderingContext2D,
  size: Size,
  shown: readonly (keyof Voices)[],
  palette: Palette,
): void {
  prepare(context, size, palette);
  for (const who of shown)
    drawVoice(context, size, STRANDS[who], STILL, REST_S, palette[who]);
}

function prepare(
  context: CanvasRenderingContext2D,
  { width, height }: Size,
  palette: Palette,
): void {
  context.globalCompositeOperation = "source-over";
  context.clearRect(0, 0, width, height);
  context.globalCompositeOperation = palette.dark ? "lighter" : "source-over";
  context.lineCap = "round";
  context.lineJoin = "round";
}

function drawVoice(
  context: CanvasRenderingContext2D,
  size: Size,
  strands: readonly Strand[],
  voice: Voice,
  timeS: number,
  colour: string,
): void {
  context.strokeStyle = colour;
  context.fillStyle = colour;
  // A silent voice steps back behind the one that speaks.
  const presence = 0.5 + 0.5 * Math.min(1, voice.level * 3);
  for (const strand of strands) {
    const heights = outline(size, strand, voice, timeS);
    if (strand === strands[0] && voice.level > 0) {
      context.globalAlpha = 0.08 * voice.level;
      context.fill(bodyPath(size, heights));
    }
    const path = strandPath(size, heights);
    for (const { widthPx, alpha } of GLOW) {
      context.globalAlpha = alpha * strand.alpha * presence;
      context.lineWidth = widthPx;
      context.stroke(path);
    }
  }
  context.globalAlpha = 1;
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

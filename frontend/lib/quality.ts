/**
 * How good a connection is, computed from two of the browser's getStats reports.
 *
 * Fields as in W3C "Identifiers for WebRTC's Statistics API"; what a browser leaves
 * out is taken from where another one has it, or is null.
 */

export type Rating = "good" | "fair" | "poor";

export interface Quality {
  /** To the server and back. */
  readonly roundTripMs: number | null;
  /** Of the packets of the last interval, in the worse direction. */
  readonly lossPercent: number | null;
  /** How unevenly packets come, or go when none come. */
  readonly jitterMs: number | null;
  /** Of the video that comes, else of the one that goes. */
  readonly framesPerSecond: number | null;
  /** Bits per second of the last interval, of sound and picture together. */
  readonly bitRateIn: number | null;
  readonly bitRateOut: number | null;
  readonly rating: Rating;
}

/** What is worth keeping of one report. */
export interface Sample {
  atMs: number;
  roundTripMs: number | null;
  jitterMs: number | null;
  framesPerSecond: number | null;
  incoming: Counters;
  outgoing: Counters;
}

/** Since the beginning of the call; summed over sound and picture. */
interface Counters {
  bytes: number;
  packets: number;
  lost: number;
  frames: number;
  streams: number;
}

type Stats = Record<string, unknown>;

interface Limits {
  roundTripMs: number;
  lossPercent: number;
  jitterMs: number;
}

/**
 * Round trip: twice the one-way delays of ITU-T G.114, 150 ms that most people don't
 * notice and 400 ms that planning must not exceed. Loss: 1 %, the usual objective of
 * networks that carry voice, and 3 %, the limit of ITU-T G.1010 for conversation.
 * Jitter: 30 ms, usual for voice as well, and 50 ms, ITU-T Y.1541 classes 0 and 1.
 *
 * Frames per second rate nothing: a slow handler makes few of them on purpose.
 */
export const GOOD: Limits = { roundTripMs: 300, lossPercent: 1, jitterMs: 30 };
export const FAIR: Limits = { roundTripMs: 800, lossPercent: 3, jitterMs: 50 };

export function rate(
  measured: Pick<Quality, "roundTripMs" | "lossPercent" | "jitterMs">,
): Rating {
  const within = (limits: Limits) =>
    (measured.roundTripMs ?? 0) <= limits.roundTripMs &&
    (measured.lossPercent ?? 0) <= limits.lossPercent &&
    (measured.jitterMs ?? 0) <= limits.jitterMs;
  if (within(GOOD)) return "good";
  return within(FAIR) ? "fair" : "poor";
}

/** What one report says. */
export function sampleOf(report: Iterable<[string, unknown]>): Sample {
  const all = [...report].map(([, stats]) => stats as Stats);
  const of = (type: string) => all.filter((stats) => stats.type === type);
  const incoming = of("inbound-rtp");
  const outgoing = of("outbound-rtp");
  const remote = of("remote-inbound-rtp");
  return {
    atMs: Math.max(0, ...all.map((stats) => count(stats.timestamp))),
    roundTripMs: inMs(roundTripS(all, remote)),
    jitterMs: inMs(greatest(incoming, "jitter") ?? greatest(remote, "jitter")),
    framesPerSecond:
      greatest(incoming, "framesPerSecond") ??
      greatest(outgoing, "framesPerSecond"),
    incoming: {
      bytes: sum(incoming, "bytesReceived"),
      packets: sum(incoming, "packetsReceived"),
      lost: sum(incoming, "packetsLost"),
      frames: sum(incoming, "framesDecoded"),
      streams: incoming.length,
    },
    outgoing: {
      bytes: sum(outgoing, "bytesSent"),
      packets: sum(outgoing, "packetsSent"),
      // Counted by the server, as it tells in its receiver reports.
      lost: sum(remote, "packetsLost"),
      frames: sum(outgoing, "framesEncoded"),
      streams: outgoing.length,
    },
  };
}

/** The quality between two reports; without an earlier one, rates are unknown. */
export function qualityBetween(before: Sample | null, now: Sample): Quality {
  const seconds = before === null ? 0 : (now.atMs - before.atMs) / 1000;
  const measured = {
    roundTripMs: now.roundTripMs,
    lossPercent: worst(
      lossPercent(before?.incoming, now.incoming, "received"),
      lossPercent(before?.outgoing, now.outgoing, "sent"),
    ),
    jitterMs: now.jitterMs,
  };
  return {
    ...measured,
    framesPerSecond: now.framesPerSecond ?? frameRate(before, now, seconds),
    bitRateIn: bitRate(before?.incoming, now.incoming, seconds),
    bitRateOut: bitRate(before?.outgoing, now.outgoing, seconds),
    rating: rate(measured),
  };
}

/** Remembers the report before, for one connection. */
export class QualityMeter {
  #before: Sample | null = null;

  feed(report: Iterable<[string, unknown]>): Quality {
    const now = sampleOf(report);
    const quality = qualityBetween(this.#before, now);
    // Browsers answer from a cache for some 50 ms: no interval, nothing to keep.
    if (now.atMs > (this.#before?.atMs ?? -1)) this.#before = now;
    return quality;
  }
}

/** By ICE's own checks; else as the server's receiver reports let it be computed. */
function roundTripS(all: Stats[], remote: Stats[]): number | null {
  const pair = selectedPair(all);
  const checked = number(pair?.currentRoundTripTime);
  return checked ?? greatest(remote, "roundTripTime");
}

function selectedPair(all: Stats[]): Stats | undefined {
  const pairs = all.filter(({ type }) => type === "candidate-pair");
  const transport = all.find(
    ({ type, selectedCandidatePairId }) =>
      type === "transport" && selectedCandidatePairId !== undefined,
  );
  return (
    pairs.find(({ id }) => id === transport?.selectedCandidatePairId) ??
    // Firefox marks the pair itself.
    pairs.find(({ selected }) => selected === true) ??
    pairs.find(
      ({ nominated, state }) => nominated === true && state === "succeeded",
    )
  );
}

function lossPercent(
  before: Counters | undefined,
  now: Counters,
  packets: "received" | "sent",
): number | null {
  // Duplicates let the count of lost packets fall (RFC 3550, appendix A.3).
  const lost = Math.max(0, now.lost - (before?.lost ?? 0));
  const counted = Math.max(0, now.packets - (before?.packets ?? 0));
  const expected = packets === "received" ? counted + lost : counted;
  if (expected === 0) return null;
  return Math.min(100, (100 * lost) / expected);
}

function bitRate(
  before: Counters | undefined,
  now: Counters,
  seconds: number,
): number | null {
  if (before === undefined || seconds <= 0 || now.streams === 0) return null;
  return Math.max(0, (8 * (now.bytes - before.bytes)) / seconds);
}

function frameRate(
  before: Sample | null,
  now: Sample,
  seconds: number,
): number | null {
  if (before === null || seconds <= 0) return null;
  const way = now.incoming.frames > 0 ? "incoming" : "outgoing";
  if (now[way].frames === 0) return null;
  return Math.max(0, (now[way].frames - before[way].frames) / seconds);
}

function worst(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

function sum(stats: Stats[], field: string): number {
  return stats.reduce((total, one) => total + count(one[field]), 0);
}

function greatest(stats: Stats[], field: string): number | null {
  const values = stats.map((one) => number(one[field]));
  return values.reduce((most, value) => worst(most, value), null);
}

function count(value: unknown): number {
  return number(value) ?? 0;
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function inMs(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}

import { describe, expect, it } from "vitest";
import {
  FAIR,
  GOOD,
  QualityMeter,
  qualityBetween,
  rate,
  sampleOf,
} from "../../lib/quality";

type Report = Map<string, Record<string, unknown>>;

function report(...stats: Record<string, unknown>[]): Report {
  return new Map(stats.map((one, at) => [`${at}`, { id: `${at}`, ...one }]));
}

/** As Chrome tells it: the transport names its pair, the server's reports are split. */
function chrome(seconds: number, lost = 0): Report {
  const timestamp = 1_700_000_000_000 + seconds * 1000;
  const of = (type: string, kind: string) => ({ type, kind, timestamp });
  return report(
    { type: "transport", timestamp, selectedCandidatePairId: "pair" },
    {
      id: "other",
      type: "candidate-pair",
      timestamp,
      state: "succeeded",
      nominated: true,
      currentRoundTripTime: 9,
    },
    {
      id: "pair",
      type: "candidate-pair",
      timestamp,
      state: "succeeded",
      nominated: true,
      currentRoundTripTime: 0.042,
    },
    {
      ...of("inbound-rtp", "audio"),
      packetsReceived: 50 * seconds - lost,
      packetsLost: lost,
      bytesReceived: 4_000 * seconds,
      jitter: 0.004,
    },
    {
      ...of("inbound-rtp", "video"),
      packetsReceived: 100 * seconds,
      packetsLost: 0,
      bytesReceived: 100_000 * seconds,
      jitter: 0.011,
      framesPerSecond: 30,
      framesDecoded: 30 * seconds,
    },
    {
      ...of("outbound-rtp", "audio"),
      packetsSent: 50 * seconds,
      bytesSent: 4_000 * seconds,
    },
    {
      ...of("remote-inbound-rtp", "audio"),
      packetsLost: 0,
      roundTripTime: 0.055,
      jitter: 0.002,
      fractionLost: 0,
    },
  );
}

/** As Firefox tells it: the pair is marked itself and has no round trip. */
function firefox(seconds: number): Report {
  const timestamp = 1_700_000_000_000 + seconds * 1000;
  return report(
    { type: "candidate-pair", timestamp, state: "succeeded", selected: true },
    {
      type: "inbound-rtp",
      kind: "video",
      mediaType: "video",
      timestamp,
      packetsReceived: 100 * seconds,
      packetsLost: -1,
      bytesReceived: 50_000 * seconds,
      jitter: 0.006,
      framesDecoded: 25 * seconds,
    },
    {
      type: "outbound-rtp",
      kind: "video",
      mediaType: "video",
      timestamp,
      packetsSent: 100 * seconds,
      bytesSent: 60_000 * seconds,
    },
    {
      type: "remote-inbound-rtp",
      kind: "video",
      timestamp: timestamp - 300,
      packetsLost: 10 * seconds,
      roundTripTime: 0.35,
    },
  );
}

/** As Safari tells it: nothing of the server's reports, one pair that succeeded. */
function safari(seconds: number): Report {
  const timestamp = 1_700_000_000_000 + seconds * 1000;
  return report(
    {
      type: "candidate-pair",
      timestamp,
      state: "succeeded",
      nominated: true,
      currentRoundTripTime: 0.02,
    },
    { type: "candidate-pair", timestamp, state: "waiting", nominated: false },
    {
      type: "inbound-rtp",
      kind: "audio",
      timestamp,
      packetsReceived: 50 * seconds,
      packetsLost: 0,
      bytesReceived: 4_000 * seconds,
      jitter: 0.06,
    },
  );
}

function between(make: (seconds: number) => Report) {
  return qualityBetween(sampleOf(make(10)), sampleOf(make(12)));
}

describe("the quality of a connection", () => {
  it("is read from Chrome's report", () => {
    // Otherwise most users see no figures, or those of a pair that isn't used.
    expect(between(chrome)).toEqual({
      roundTripMs: 42,
      lossPercent: 0,
      jitterMs: 11,
      framesPerSecond: 30,
      bitRateIn: 832_000,
      bitRateOut: 32_000,
      rating: "good",
    });
  });

  it("is read from Firefox's report", () => {
    // Otherwise Firefox shows a good connection where 10 % are lost.
    expect(between(firefox)).toMatchObject({
      roundTripMs: 350,
      lossPercent: 10,
      jitterMs: 6,
      framesPerSecond: 25,
      bitRateIn: 400_000,
      rating: "poor",
    });
  });

  it("is read from Safari's report", () => {
    // Otherwise iPhones show nothing.
    expect(between(safari)).toMatchObject({
      roundTripMs: 20,
      lossPercent: 0,
      jitterMs: 60,
      framesPerSecond: null,
      bitRateOut: null,
      rating: "poor",
    });
  });

  it("counts the loss of the last interval, not of the whole call", () => {
    // Otherwise a bad minute at the beginning makes the whole call "poor".
    const before = sampleOf(chrome(10, 100));
    const now = sampleOf(chrome(12, 103));
    expect(qualityBetween(before, now).lossPercent).toBe(1);
    expect(qualityBetween(null, now).lossPercent).toBeGreaterThan(5);
  });

  it("is good, fair or poor by the worst of its figures", () => {
    // Otherwise a call that can't be understood is called good.
    expect(rate(GOOD)).toBe("good");
    expect(rate({ ...GOOD, roundTripMs: 301 })).toBe("fair");
    expect(rate({ ...GOOD, lossPercent: 1.1 })).toBe("fair");
    expect(rate({ ...GOOD, jitterMs: 31 })).toBe("fair");
    expect(rate({ ...GOOD, jitterMs: FAIR.jitterMs + 1 })).toBe("poor");
    expect(rate({ ...FAIR, lossPercent: 3.1 })).toBe("poor");
    expect(rate({ roundTripMs: null, lossPercent: null, jitterMs: null })).toBe(
      "good",
    );
  });

  it("remembers the report before, though a browser gives one twice", () => {
    // Otherwise asking often makes rates vanish.
    const meter = new QualityMeter();
    expect(meter.feed(chrome(10)).bitRateIn).toBeNull();
    expect(meter.feed(chrome(12)).bitRateIn).toBe(832_000);
    expect(meter.feed(chrome(12)).bitRateIn).toBeNull();
    expect(meter.feed(chrome(14)).bitRateIn).toBe(832_000);
  });

  it("is unknown, not broken, in an empty report", () => {
    // Otherwise the first moment of a call shows NaN.
    expect(qualityBetween(null, sampleOf(new Map()))).toEqual({
      roundTripMs: null,
      lossPercent: null,
      jitterMs: null,
      framesPerSecond: null,
      bitRateIn: null,
      bitRateOut: null,
      rating: "good",
    });
  });
});

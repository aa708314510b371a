"""Of a stream of pictures: how many a second, and how many bits."""

from __future__ import annotations

from collections import deque

RTP_CLOCK_HZ = 90_000

RATE_PICTURES = 16
"""The frame rate is measured over so many."""
PAUSE_S = 0.5
"""A longer interval is a pause of the source and says nothing of its frame rate."""


class FrameRate:
    """Pictures a second, of those that came last."""

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._last_pts: int | None = None
        self._intervals: deque[int] = deque(maxlen=RATE_PICTURES)

    def feed(self, pts: int) -> None:
        last, self._last_pts = self._last_pts, pts
        if last is None or not 0 < pts - last <= PAUSE_S * RTP_CLOCK_HZ:
            return
        self._intervals.append(pts - last)
        if len(self._intervals) == RATE_PICTURES:
            self.rate_hz = RTP_CLOCK_HZ * RATE_PICTURES / sum(self._intervals)


class SentRate:
    """Bits of the last second."""

    def __init__(self) -> None:
        self.bit_rate = 0
        self._parts: deque[tuple[int, int]] = deque()

    def feed(self, pts: int, size: int) -> None:
        self._parts.append((pts, size))
        while self._parts[0][0] <= pts - RTP_CLOCK_HZ:
            self._parts.popleft()
        self.bit_rate = 8 * sum(size for _, size in self._parts)

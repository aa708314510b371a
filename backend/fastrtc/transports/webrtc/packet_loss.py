"""What a receiver of video asks for when packets are missing: those packets, or a
keyframe. No clock: times are passed in, in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

WAIT_MS = 200.0
"""A missing packet is waited for at most so long. It takes a round trip to get it
again: one of up to 200 ms is covered once, one of 50 ms three times over. A keyframe
instead costs a round trip and 50 to 100 kB of pictures at 720p, so waiting less
would not show the next picture sooner."""
ASK_AGAIN_MS = 50.0
"""A packet is asked for again after this time or a round trip, whichever is longer:
the question or its answer may be lost too."""
MAX_MISSING = 256
"""More missing packets than this are not asked for: aiortc keeps 128 to send again,
browsers about a second's worth, and a keyframe is smaller."""

KEYFRAME_RETRY_MS = 500.0
"""A keyframe is asked for again after this time. Browsers make at most one in
300 ms."""
KEYFRAME_INTERVAL_MS = 100.0
"""Two requests are at least so far apart, even if a keyframe came in between."""
SILENCE_MS = 2000.0
"""A client that has sent nothing for so long is not asked again until it sends."""


@dataclass(slots=True)
class _Missing:
    since_ms: float
    asked_ms: float | None = None


class MissingPackets:
    """The packets that others have overtaken. Numbers are unwrapped ones."""

    def __init__(self) -> None:
        # In rising order, of numbers and of times.
        self._missing: dict[int, _Missing] = {}
        self._round_trip_ms = 0.0

    def __len__(self) -> int:
        return len(self._missing)

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._missing

    @property
    def lowest(self) -> int | None:
        """The lowest number that is missing."""
        return next(iter(self._missing), None)

    def add(self, first: int, end: int, now_ms: float) -> None:
        """Note that `first` to `end`, without `end`, did not come."""
        for sequence in range(first, end):
            self._missing[sequence] = _Missing(now_ms)

    def found(self, sequence: int, now_ms: float) -> bool:
        """Whether a packet that came was missed."""
        entry = self._missing.pop(sequence, None)
        if entry is None:
            return False
        if entry.asked_ms is not None:
            # Too long where the first question was lost: it is asked less often then.
            taken_ms = now_ms - entry.since_ms
            self._round_trip_ms += (taken_ms - self._round_trip_ms) / 8
        return True

    def give_up_old(self, now_ms: float) -> int:
        """Stop waiting for what is waited for too long. Returns how many that are."""
        return self._give_up(
            [n for n, m in self._missing.items() if m.since_ms + WAIT_MS <= now_ms]
        )

    def give_up_before(self, sequence: int) -> int:
        """Stop waiting for lower numbers. Returns how many that are."""
        return self._give_up([n for n in self._missing if n < sequence])

    def give_up_all(self) -> int:
        return self._give_up(list(self._missing))

    def _give_up(self, sequences: list[int]) -> int:
        for sequence in sequences:
            del self._missing[sequence]
        return len(sequences)

    def to_ask(self, now_ms: float) -> list[int]:
        """The packets to ask for now."""
        due = [
            sequence
            for sequence, entry in self._missing.items()
            if self._due_ms(entry) <= now_ms
        ]
        for sequence in due:
            self._missing[sequence].asked_ms = now_ms
        return due

    def _due_ms(self, entry: _Missing) -> float:
        if entry.asked_ms is None:
            return entry.since_ms
        patience_ms = min(self._round_trip_ms * 1.25, WAIT_MS)
        return entry.asked_ms + max(ASK_AGAIN_MS, patience_ms)

    def wake_ms(self) -> float | None:
        """When to ask again or to give up next; None if nothing is missing."""
        if not self._missing:
            return None
        oldest = next(iter(self._missing.values()))
        due_ms = min(self._due_ms(entry) for entry in self._missing.values())
        return min(oldest.since_ms + WAIT_MS, due_ms)


class KeyframeRequests:
    """When to ask for a keyframe."""

    def __init__(self) -> None:
        self.count = 0
        self._wanted = False
        self._asked_ms = float("-inf")
        self._interval_ms = 0.0
        self._heard_ms = float("-inf")

    def heard(self, now_ms: float) -> None:
        """The client has sent something."""
        self._heard_ms = now_ms

    def want(self) -> None:
        """A keyframe is needed from now on."""
        self._wanted = True

    def came(self) -> None:
        """One has begun to come: should it fail, the next is asked for at once."""
        self._wanted = False
        self._interval_ms = KEYFRAME_INTERVAL_MS

    def to_ask(self, now_ms: float) -> bool:
        """Whether to ask now."""
        wake_ms = self.wake_ms()
        if wake_ms is None or now_ms < wake_ms:
            return False
        self.count += 1
        self._asked_ms = now_ms
        self._interval_ms = KEYFRAME_RETRY_MS
        return True

    def wake_ms(self) -> float | None:
        """When to ask next; None if there is no need, or nobody to ask."""
        next_ms = self._asked_ms + self._interval_ms
        if not self._wanted or next_ms > self._heard_ms + SILENCE_MS:
            return None
        return next_ms

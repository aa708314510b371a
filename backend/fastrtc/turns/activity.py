"""When there was speech lately: the facts that all decisions rest on."""

from __future__ import annotations

import math
from collections import deque

from ..options import SURE_PROBABILITY

HYSTERESIS = 0.15
"""Speech goes on until its probability falls this far below the threshold: the
value Silero's own reference code uses."""


class Activity:
    """Follows speech and silence, window by window.

    Args:
        threshold: probability from which a window counts as speech.
        span_ms: of `speech_ms`.
        memory_ms: how far back `speech_within` can look.

    Attributes:
        speaking: the last window was speech.
        run_ms: length of the piece of speech that is going on, 0 in silence.
        silence_ms: silence since the last speech.
        speech_ms: speech in the last `span_ms`, of as many whole windows as fit in.
    """

    def __init__(self, threshold: float, span_ms: float, memory_ms: float) -> None:
        self._span_ms = span_ms
        self._threshold = threshold
        self._sure = max(threshold, SURE_PROBABILITY)
        self._memory_ms = memory_ms
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.speaking = False
        self.run_ms = 0.0
        self.silence_ms = 0.0
        self.speech_ms = 0.0
        self._history: deque[tuple[float, bool]] = deque()
        self._covered_ms = 0.0
        self._since_sure_ms = math.inf

    def feed(self, ms: float, probability: float) -> None:
        """Take the next `ms` milliseconds. A probability of NaN is no speech."""
        floor = self._threshold - (HYSTERESIS if self.speaking else 0.0)
        self.speaking = probability >= floor
        self.run_ms = self.run_ms + ms if self.speaking else 0.0
        sure = probability >= self._sure
        self._since_sure_ms = 0.0 if sure else self._since_sure_ms + ms
        self.silence_ms = 0.0 if self.speaking else self.silence_ms + ms
        self._history.append((ms, self.speaking))
        self._covered_ms += ms
        while self._covered_ms - self._history[0][0] >= self._memory_ms:
            self._covered_ms -= self._history.popleft()[0]
        self.speech_ms = self.speech_within(self._span_ms)

    def sure_within(self, span_ms: float) -> bool:
        """Whether there was speech beyond doubt in the last `span_ms`."""
        return self._since_sure_ms < span_ms

    def speech_within(self, span_ms: float) -> float:
        """Speech in the last `span_ms`, of as many whole windows as fit into it."""
        speech_ms = 0.0
        for ms, speech in reversed(self._history):
            span_ms -= ms
            if span_ms < 0:
                break
            speech_ms += ms if speech else 0.0
        return speech_ms

    def since_first_speech(self, span_ms: float) -> float:
        """How long ago the first speech within the last `span_ms` began."""
        ago_ms = first_ms = 0.0
        for ms, speech in reversed(self._history):
            ago_ms += ms
            if ago_ms > span_ms:
                break
            if speech:
                first_ms = ago_ms
        return first_ms

"""When a turn starts and when it ends, from speech probabilities alone.

Fed with `(milliseconds, probability)`, it answers with events. Time is the sum
of the milliseconds fed, so a conversation of minutes is tested in microseconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from ..options import AlgoOptions

HYSTERESIS = 0.15
"""Speech goes on until its probability falls this far below the threshold: the
value Silero's own reference code uses."""


@dataclass(frozen=True)
class SpeechStarted:
    """A turn has begun.

    Attributes:
        ago_ms: how long before now its first speech was heard.
    """

    ago_ms: float


@dataclass(frozen=True)
class Pause:
    """The turn has ended, by silence or because it reached its greatest length.

    Attributes:
        silence_ms: the silence at its end.
        cut: True when the greatest length ended it.
    """

    silence_ms: float
    cut: bool = False


TurnEvent: TypeAlias = SpeechStarted | Pause


class TurnDetector:
    """Follows one speaker.

    Args:
        options: see `AlgoOptions`.
        threshold: probability from which a window counts as speech.
    """

    def __init__(self, options: AlgoOptions, threshold: float = 0.5) -> None:
        self._options = options
        self._threshold = threshold
        self._window_ms = options.audio_chunk_duration * 1000
        self.reset()

    def reset(self) -> None:
        """Forget the turn in progress."""
        self.talking = False
        self._speaking = False
        self._history: deque[tuple[float, bool]] = deque()
        self._covered_ms = 0.0
        self._speech_ms = 0.0
        self._silence_ms = 0.0
        self._turn_ms = 0.0
        self._said_ms: float | None = None

    def feed(self, ms: float, probability: float) -> TurnEvent | None:
        """Take the next `ms` milliseconds; what they decide, or None."""
        floor = self._threshold - (HYSTERESIS if self._speaking else 0.0)
        self._speaking = probability >= floor
        self._remember(ms, self._speaking)
        self._silence_ms = 0.0 if self._speaking else self._silence_ms + ms
        if not self.talking:
            return self._maybe_start()
        self._turn_ms += ms
        if self._said_ms is not None and self._speaking:
            self._said_ms += ms
        return self._maybe_end()

    def quiet_ms(self) -> float:
        """How much more has to be fed before anything can be decided, at least.

        Whoever computes probabilities may let audio gather for so long and lose
        no time: a model that is called for several windows in a row finds its
        caches warm, and costs a third of what it costs window by window.
        """
        options = self._options
        if not self.talking:
            missing_ms = options.started_talking_threshold * 1000 - self._speech_ms
            return max(0.0, missing_ms)
        return max(
            0.0,
            min(
                options.min_silence_ms - self._silence_ms,
                self._speech_ms - options.speech_threshold * 1000,
                options.max_continuous_speech_s * 1000 - self._turn_ms,
            ),
        )

    def _remember(self, ms: float, speech: bool) -> None:
        self._history.append((ms, speech))
        self._covered_ms += ms
        self._speech_ms += ms if speech else 0.0
        while self._covered_ms > self._window_ms and len(self._history) > 1:
            old_ms, old_speech = self._history.popleft()
            self._covered_ms -= old_ms
            self._speech_ms -= old_ms if old_speech else 0.0

    def _maybe_start(self) -> SpeechStarted | None:
        if not self._speaking:
            return None
        if self._speech_ms < self._options.started_talking_threshold * 1000:
            return None
        ago_ms = self._since_first_speech()
        self.talking = True
        self._turn_ms = ago_ms
        return SpeechStarted(ago_ms)

    def _since_first_speech(self) -> float:
        ago_ms = self._covered_ms
        for ms, speech in self._history:
            if speech:
                return ago_ms
            ago_ms -= ms
        return 0.0

    def _maybe_end(self) -> Pause | None:
        options = self._options
        if self._turn_ms >= options.max_continuous_speech_s * 1000:
            return self._cut()
        if self._speaking:
            return None
        full = self._covered_ms + self._history[0][0] > self._window_ms
        quiet_window = full and self._speech_ms < options.speech_threshold * 1000
        if self._silence_ms >= options.min_silence_ms or quiet_window:
            return self._end()
        return None

    def _cut(self) -> Pause:
        """Give what was said so far; the speaker goes on, which is no new start."""
        self._turn_ms = 0.0
        self._said_ms = 0.0
        return Pause(self._silence_ms, cut=True)

    def _end(self) -> Pause | None:
        silence_ms, said_ms = self._silence_ms, self._said_ms
        self.reset()
        least_ms = self._options.started_talking_threshold * 1000
        if said_ms is not None and said_ms < least_ms:
            # What is left of a turn that was cut is silence.
            return None
        return Pause(silence_ms)

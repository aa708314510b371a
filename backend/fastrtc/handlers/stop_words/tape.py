"""The audio of the last seconds, with a count of all there has been."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...audio import StreamResampler
from ...options import VAD_SAMPLE_RATE_HZ
from ..listening import Listener

TAPE_HZ = VAD_SAMPLE_RATE_HZ
"""What recognizers and spotters want."""

WINDOW_S = 16.0
"""The longest clip that is transcribed, the end of the turn so far. A stop word is
said at the beginning of what is meant for the bot; what came longer ago was not."""

IDLE_S = 4.0
"""Kept between turns: more than a turn may turn out to have begun before now."""


class Tape:
    """Keeps the end of a stream, mono, at 16 kHz; positions count its samples.

    Args:
        sample_rate_hz: of what is put on it.

    Attributes:
        end: the position after the last sample.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._resampler = StreamResampler(sample_rate_hz, TAPE_HZ)
        self._pieces: deque[NDArray[np.int16]] = deque()
        self._kept = 0
        # A subclass's `receive` may record in a thread while the loop reads.
        self._lock = threading.Lock()
        self.end = 0

    def record(self, samples: NDArray[np.int16], keep_s: float) -> None:
        """Append int16 (n,), and forget what lies further back than `keep_s`."""
        piece = self._resampler.push(samples.reshape(1, -1))[0]
        with self._lock:
            self._pieces.append(piece)
            self._kept += piece.size
            self.end += piece.size
            while self._kept - self._pieces[0].size >= keep_s * TAPE_HZ:
                self._kept -= self._pieces.popleft().size

    def read(self, begin: int, end: int) -> tuple[int, NDArray[np.int16]]:
        """What is left of the samples between two positions.

        Returns:
            The position of the first one, and int16 (n,).
        """
        with self._lock:
            first = self.end - self._kept
            pieces = list(self._pieces)
        begin = min(max(begin, first), end)
        wanted: list[NDArray[np.int16]] = [np.zeros(0, np.int16)]
        for piece in pieces:
            wanted.append(piece[max(0, begin - first) : max(0, end - first)])
            first += piece.size
        return begin, np.concatenate(wanted)


class TapingListener(Listener):
    """A listener that keeps a tape of what its voice detector got.

    Args:
        on_audio: called when a turn has become longer.
        on_reset: called when the turn in progress is forgotten.

    The remaining arguments are those of `Listener`.
    """

    def __init__(
        self,
        *args: Any,
        on_audio: Callable[[], None],
        on_reset: Callable[[], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.tape = Tape(self.meter.sample_rate_hz)
        self._on_audio = on_audio
        self._on_reset = on_reset

    def reset(self) -> None:
        """Forget the turn in progress."""
        super().reset()
        self._on_reset()

    def gather(
        self, frame: NDArray[np.int16], *, bot_speaks: bool = False
    ) -> NDArray[np.int16] | None:
        """As `Listener.gather`; what it gives is on the tape."""
        samples = super().gather(frame, bot_speaks=bot_speaks)
        if samples is not None:
            self.tape.record(samples, WINDOW_S if self.talking else IDLE_S)
            if self.talking:
                self._on_audio()
        return samples

    def turn_begin(self) -> int:
        """The position at which the turn in progress begins, its pre-roll included."""
        kept_ms = 1000 * self.so_far().audio.size / (self._rate_hz * self._channels)
        return max(0, self.tape.end - round(kept_ms * TAPE_HZ / 1000))

"""Lets a model that only judges whole clips follow a live stream.

The model is asked about the last `clip_s` seconds each `hop_ms`; the hop is
speech when any of the pieces it reports reaches into it. Its calls may be slow:
the caller runs `push` in a thread.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .protocol import ModelOptions, PauseDetectionModel

HOP_MS = 96.0
"""Three of Silero's windows: coarse enough for models that take 50 ms a call."""


class ClipMeter:
    """Follows one live stream with a `PauseDetectionModel`.

    Args:
        model: the user's model.
        options: handed to the model as they are.
        sample_rate_hz: of the stream; the model gets clips at this rate.
        clip_s: how much it is shown at a time, seconds.
    """

    def __init__(
        self,
        model: PauseDetectionModel,
        options: ModelOptions,
        sample_rate_hz: int,
        clip_s: float,
    ) -> None:
        self._model = model
        self._options = options
        self.sample_rate_hz = sample_rate_hz
        self._hop = int(sample_rate_hz * HOP_MS / 1000)
        self._clip = np.zeros(max(self._hop, int(sample_rate_hz * clip_s)), np.int16)
        self._pending = np.zeros(0, np.int16)

    def push(self, samples: NDArray[np.int16]) -> list[tuple[float, float]]:
        """`(milliseconds, probability)` of each completed hop; int16 (n,)."""
        self._pending = np.concatenate((self._pending, samples))
        results: list[tuple[float, float]] = []
        while self._pending.size >= self._hop:
            hop, self._pending = np.split(self._pending, [self._hop])
            self._clip = np.concatenate((self._clip[self._hop :], hop))
            results.append((HOP_MS, self._judge()))
        return results

    def _judge(self) -> float:
        seconds, chunks = self._model.vad(
            (self.sample_rate_hz, self._clip), self._options
        )
        border = self._clip.size - self._hop
        if chunks:
            return 1.0 if any(chunk["end"] > border for chunk in chunks) else 0.0
        return 1.0 if seconds >= self._clip.size / self.sample_rate_hz / 2 else 0.0

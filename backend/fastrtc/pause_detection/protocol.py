"""What a voice activity model is, for users' own models and for ours."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, TypedDict, runtime_checkable

import numpy as np
from numpy.typing import NDArray

ModelOptions: TypeAlias = Any
"""Options of a model, of whatever type that model wants."""


class AudioChunk(TypedDict):
    """A piece of speech: the indices of its first sample and the one after it."""

    start: int
    end: int


@runtime_checkable
class PauseDetectionModel(Protocol):
    """A voice activity model that judges whole clips."""

    def vad(
        self,
        audio: tuple[int, NDArray[np.int16] | NDArray[np.float32]],
        options: ModelOptions,
    ) -> tuple[float, list[AudioChunk]]:
        """Seconds of speech in a clip, and where they are, in samples of the clip."""
        ...

    def warmup(self) -> None:
        """Run once, so that the first real call is not slow."""
        ...


class SpeechMeter(Protocol):
    """Follows one live stream and says, window by window, how likely it is speech."""

    @property
    def sample_rate_hz(self) -> int:
        """The rate `push` wants."""
        ...

    def push(self, samples: NDArray[np.int16]) -> list[tuple[float, float]]:
        """`(milliseconds, probability)` of each window that `samples` completed.

        Args:
            samples: int16 of shape (n,), n of any length.
        """
        ...


@runtime_checkable
class StreamingModel(Protocol):
    """A model that can follow live streams, each with a meter of its own.

    `open_meter` may be called from any thread; `push` takes well under 1 ms.
    """

    def open_meter(self) -> SpeechMeter: ...

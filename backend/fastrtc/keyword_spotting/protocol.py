"""What a keyword spotter is: audio in, hits out."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Hit:
    """A keyword was heard.

    Attributes:
        keyword: which one, as the engine calls it.
        ago_ms: how long before the end of the audio pushed so far the word ended. An
            engine that doesn't know leaves it 0: then a command in the same breath
            may lose as much of its beginning as the engine lags behind.
        score: the engine's confidence, on a scale of its own.
    """

    keyword: str
    ago_ms: float = 0.0
    score: float = 1.0


class KeywordStream(Protocol):
    """One user, listened to.

    Its methods are called one after the other, never two at once, but not always in
    the same thread. They may take long; none runs on the event loop. A stream that is
    given up is simply dropped.
    """

    def push(
        self, samples: NDArray[np.int16]
    ) -> Sequence[Hit] | Awaitable[Sequence[Hit]]:
        """Take the next samples.

        Args:
            samples: int16 of shape (n,), mono, at the stream's rate; n of any length,
                mostly about 100 ms. Only speech comes, with what lies shortly before
                and after it.

        Returns:
            The keywords that were recognized now and not before, mostly none.
        """
        ...

    def reset(self) -> object:
        """What is pushed next doesn't follow what was pushed last."""
        ...


@runtime_checkable
class KeywordSpotter(Protocol):
    """An engine such as openWakeWord, Porcupine or pocketsphinx."""

    def open_stream(self, sample_rate_hz: int) -> KeywordStream:
        """Begin to listen to a user. May take long and may be a coroutine function.

        Args:
            sample_rate_hz: of the samples that will be pushed: 16,000.
        """
        ...

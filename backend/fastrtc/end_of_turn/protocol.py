"""What an end-of-turn model is, for users' own models and for ours."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class EndOfTurnModel(Protocol):
    """Judges at a short pause whether the speaker has finished or only hesitates.

    One model serves every session: it may be called from several threads at once
    and keeps nothing of one call for the next. Its calls may take tens of
    milliseconds; they never run on the event loop.
    """

    def end_of_turn(self, audio: tuple[int, NDArray[np.int16]]) -> float:
        """The probability, 0 to 1, that the speaker has finished.

        Args:
            audio: `(sample_rate, samples)`, int16 of shape (1, n): the turn so far,
                up to the present moment and so with the pause at its end. n is of
                any length; what lies more than 8 s back may be missing.
        """
        ...

    def warmup(self) -> None:
        """Run once, so that the first real call is not slow."""
        ...

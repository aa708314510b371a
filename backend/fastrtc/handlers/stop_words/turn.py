"""A turn of the user's in which a stop word may be said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..listening import Utterance
from .loudness import command_start_ms
from .tape import TAPE_HZ


@dataclass(frozen=True)
class Word:
    """A stop word that was heard.

    Attributes:
        end: the position on the tape where it ends, roughly.
        followed: more is said after it, as far as is known.
    """

    end: int
    followed: bool


@dataclass(eq=False)
class Turn:
    """What is known of a turn.

    Attributes:
        begin: its position on the tape.
        began_s: when that was, on the loop's clock.
        awake: it is for the bot, stop word or not.
        fresh: it has speech that no recognizer has seen.
        resumed_at: position on the tape where speech last went on after a pause.
        word: the first stop word in it.
        failed: the model failed at it; it is not looked at any more.
        utterance: all of it, once it has ended.
        end: position on the tape where it ended.
    """

    begin: int
    began_s: float
    awake: bool
    fresh: bool = True
    resumed_at: int = 0
    word: Word | None = None
    failed: bool = False
    utterance: Utterance | None = None
    end: int | None = None

    @property
    def decided(self) -> bool:
        """There is nothing to look for in it."""
        return self.awake or self.failed or self.word is not None

    @property
    def for_bot(self) -> bool:
        """It has something that is to be answered."""
        if self.awake or self.word is None:
            return self.awake
        return self.word.followed or self.resumed_at > self.word.end

    def command(self, utterance: Utterance, channels: int) -> Utterance:
        """What of it is for `fn`.

        Args:
            utterance: the turn, or what there is of it so far.
            channels: of its audio, interleaved.
        """
        if self.awake or self.word is None:
            return utterance
        audio, rate_hz = utterance.audio, utterance.sample_rate_hz
        word_end_ms = 1000 * (self.word.end - self.begin) / TAPE_HZ
        mono: NDArray[np.int16] = audio[0, ::channels]
        start_ms = command_start_ms(mono, rate_hz, word_end_ms)
        first = channels * round(start_ms * rate_hz / 1000)
        return Utterance(rate_hz, audio[:, first:], utterance.early)

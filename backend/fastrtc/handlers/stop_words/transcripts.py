"""Stop words in what a speech-to-text model makes of a turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...speech_to_text import STTModel
from ..calls import call
from ..threads import threads
from .loudness import spoken_until_ms
from .matcher import StopWordMatcher, continues, has_words, spoken_length
from .tape import TAPE_HZ
from .turn import Turn, Word
from .watch import Watch, within

STT_TIMEOUT_S = 10.0
"""A model that takes longer for one clip is reported, and the turn is given up: who
said a stop word has turned away by then."""


@dataclass(frozen=True)
class _Clip:
    """A turn so far: int16 (n,) from a position on the tape."""

    turn: Turn
    begin: int
    samples: NDArray[np.int16]

    @property
    def end(self) -> int:
        return self.begin + self.samples.size


class TranscriptWatch(Watch):
    """Has the turn so far transcribed, once for each new stretch of speech in it.

    While a transcription is under way the newest stretch waits; an older one that
    waited is not transcribed by itself. A clip is what the tape still has of the turn,
    its last 16 s at most.

    Args:
        model: the speech-to-text model.
        matcher: finds where a stop word ends in a text.
        detected: whether a text has a stop word.

    The remaining arguments are those of `Watch`.
    """

    model_is = "speech recognition"

    def __init__(
        self,
        *args: Any,
        model: STTModel,
        matcher: StopWordMatcher,
        detected: Callable[[str], bool],
    ) -> None:
        super().__init__(*args)
        self._model = model
        self._matcher = matcher
        self._detected = detected
        self._waiting: dict[Turn, _Clip] = {}
        self._current: Turn | None = None
        self._earlier: tuple[_Clip, str] | None = None

    def paused(self, turn: Turn) -> None:
        """Look at the stretch that ends here."""
        if turn.fresh and not turn.decided:
            turn.fresh = False
            begin, samples = self.tape.read(turn.begin, self.tape.end)
            self._waiting[turn] = _Clip(turn, begin, samples)
        self.wake()

    def ended(self, turn: Turn) -> None:
        """Look at what was said since the last pause."""
        self.paused(turn)

    def finished(self, turn: Turn) -> bool:
        return turn is not self._current and turn not in self._waiting

    def waits(self, turn: Turn) -> bool:
        return turn in self._waiting

    async def look(self, turn: Turn) -> Word | None:
        self._current = turn
        clip = self._waiting.pop(turn)
        try:
            text = await within(
                call(self._model.stt, (TAPE_HZ, clip.samples.reshape(1, -1))),
                STT_TIMEOUT_S,
                f"{type(self._model).__name__}.stt()",
            )
            return await self._find(clip, _checked(text, self._model))
        finally:
            self._current = None
            # Turns that were dropped while they waited.
            self._waiting = {t: c for t, c in self._waiting.items() if t in self._turns}

    async def _find(self, clip: _Clip, text: str) -> Word | None:
        earlier, self._earlier = self._earlier, (clip, text)
        if not self._detected(text):
            return None
        end = self._matcher.end(text)
        if end is None:
            # A `stop_word_detected` of the user's own: where, it doesn't say.
            return Word(clip.begin, followed=True)
        if not has_words(text[end:]):
            return Word(clip.end, followed=False)
        begin, text_begin = clip.begin, 0
        if earlier is not None and earlier[0].turn is clip.turn:
            said_before = continues(text, earlier[1])
            if earlier[0].begin == begin and 0 < said_before < end:
                # Then the word lies in what is new.
                begin, text_begin = earlier[0].end, said_before
        share = spoken_length(text[text_begin:end]) / spoken_length(text[text_begin:])
        new = clip.samples[begin - clip.begin :]
        ms = await threads.run(partial(spoken_until_ms, new, TAPE_HZ, share))
        return Word(begin + round(ms * TAPE_HZ / 1000), followed=True)


def _checked(text: object, model: STTModel) -> str:
    if not isinstance(text, str):
        raise TypeError(
            f"{type(model).__name__}.stt() must return the text as a str, "
            f"not {type(text).__name__}"
        )
    return text

"""Stop words that a keyword spotter hears in the audio itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...keyword_spotting import Hit, KeywordSpotter, KeywordStream
from ..calls import call
from .loudness import has_command
from .matcher import StopWordMatcher
from .tape import TAPE_HZ
from .turn import Turn, Word
from .watch import Watch, within

PUSH_TIMEOUT_S = 5.0
"""A spotter that takes longer for a second of audio can't follow anybody."""

OPEN_TIMEOUT_S = 30.0
"""For `open_stream`, which may load a model."""

PIECE_S = 1.0
"""Pushed at once at most, should the spotter have fallen behind."""


class SpotterWatch(Watch):
    """Pushes the user's turns to a stream of the spotter's, as they are spoken.

    One that falls behind is spared what no longer lies on the tape: more than the
    last 16 s of a turn.

    Args:
        spotter: the engine.
        matcher: keywords that count; None: all.

    The remaining arguments are those of `Watch`.
    """

    model_is = "keyword spotter"

    def __init__(
        self, *args: Any, spotter: KeywordSpotter, matcher: StopWordMatcher | None
    ) -> None:
        super().__init__(*args)
        self._spotter = spotter
        self._matcher = matcher
        self._stream: KeywordStream | None = None
        self._pushed_to = 0
        self._heard_until = 0

    def prepare(self) -> None:
        """Open the stream before somebody speaks: engines load their models then."""
        self._working = True
        self._link.spawn(self._open_early())

    async def _open_early(self) -> None:
        try:
            await self._opened()
        except Exception as error:
            self._link.report(self.model_is, error)
        finally:
            self._working = False
        self.wake()

    def audio(self) -> None:
        """Push it."""
        self.wake()

    def paused(self, turn: Turn) -> None:
        """Has a command followed the word?"""
        if turn.word is not None and not turn.for_bot:
            turn.word = Word(turn.word.end, self._followed(turn, turn.word.end))

    def ended(self, turn: Turn) -> None:
        """Push the rest, and see whether a command followed the word."""
        self.paused(turn)
        self.wake()

    def finished(self, turn: Turn) -> bool:
        return turn.end is not None and self._left(turn) <= 0

    def waits(self, turn: Turn) -> bool:
        return self._left(turn) > 0

    def _left(self, turn: Turn) -> int:
        end = self.tape.end if turn.end is None else turn.end
        return end - max(turn.begin, self._pushed_to)

    async def look(self, turn: Turn) -> Word | None:
        try:
            hits = await self._push(turn)
        except BaseException:
            # A thread may still be in it, and nobody knows what it remembers.
            self._stream = None
            raise
        for hit in hits:
            end = self._pushed_to - round(hit.ago_ms * TAPE_HZ / 1000)
            # Some engines report the same word at several pushes.
            if self._counts(hit) and turn.begin < end and self._heard_until < end:
                self._heard_until = end
                return Word(end, self._followed(turn, end))
        return None

    async def _push(self, turn: Turn) -> Sequence[Hit]:
        name = type(self._spotter).__name__
        stream = await self._opened()
        end = self.tape.end if turn.end is None else turn.end
        wanted = max(turn.begin, self._pushed_to)
        begin, samples = self.tape.read(wanted, end)
        samples = samples[: round(PIECE_S * TAPE_HZ)]
        adjoins = begin == self._pushed_to
        # Said now, so that a failing push is not repeated with the same audio.
        self._pushed_to = begin + samples.size
        if not samples.size:
            self._pushed_to = end
            return []
        if not adjoins:
            await within(call(stream.reset), PUSH_TIMEOUT_S, f"{name}'s reset()")
        pushing = call(stream.push, samples)
        return [
            _checked(hit, name)
            for hit in await within(pushing, PUSH_TIMEOUT_S, f"{name}'s push()")
        ]

    async def _opened(self) -> KeywordStream:
        if self._stream is not None:
            return self._stream
        what = f"{type(self._spotter).__name__}.open_stream()"
        opening = call(self._spotter.open_stream, TAPE_HZ)
        opened: KeywordStream = await within(opening, OPEN_TIMEOUT_S, what)
        self._stream = opened
        return opened

    def _counts(self, hit: Hit) -> bool:
        return self._matcher is None or self._matcher.end(hit.keyword) is not None

    def _followed(self, turn: Turn, word_end: int) -> bool:
        end = self.tape.end if turn.end is None else turn.end
        begin, samples = self.tape.read(max(turn.begin, word_end - 2 * TAPE_HZ), end)
        return has_command(samples, TAPE_HZ, 1000 * (word_end - begin) / TAPE_HZ)


def _checked(hit: object, name: str) -> Hit:
    if not isinstance(hit, Hit) or not math.isfinite(hit.ago_ms):
        raise TypeError(f"{name}'s push() must return Hits, not {hit!r}")
    return hit

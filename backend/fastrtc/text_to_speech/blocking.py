"""The streaming forms of a model that computes in this process."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator
from typing import Generic, cast

import numpy as np

from ..audio import AudioArray
from .protocol import OptionsT, TTSAudio
from .sentences import split_sentences

SENTENCE_GAP_S = 1 / 7
"""Silence between two sentences made one by one. Together with what the voice itself
leaves at its ends it sounds like a breath."""

CLAUSE_GAP_S = 1 / 20
"""The same between two clauses of one sentence."""

Piece = tuple[str, float]
"""What is made in one go, and the seconds of silence before it."""


class BlockingTTS(ABC, Generic[OptionsT]):
    """A `TTSModel` of which only `tts` has to be written."""

    @abstractmethod
    def tts(self, text: str, options: OptionsT | None = None) -> TTSAudio:
        """All of the text as one clip; may be called from several threads at once."""

    def pieces(self, text: str) -> list[Piece]:
        """What a text is cut into: its sentences."""
        return with_gaps(split_sentences(text), SENTENCE_GAP_S)

    def stream_tts_sync(
        self, text: str, options: OptionsT | None = None
    ) -> Generator[TTSAudio, None, None]:
        """The text sentence by sentence, a short silence between them.

        No sentence is made before it is asked for; after `close()` no further one is.

        Raises:
            ConfigurationError: the text is no string, or an option is wrong.
        """
        for piece, gap_s in self.pieces(text):
            audio = self.tts(piece, options)
            if gap_s:
                yield _gap(audio, gap_s)
            yield audio

    async def stream_tts(
        self, text: str, options: OptionsT | None = None
    ) -> AsyncGenerator[TTSAudio, None]:
        """The text sentence by sentence, each made in a thread.

        When the generator is closed or its task cancelled, the sentence in the making
        is finished in its thread and dropped, and no further one is begun.

        Raises:
            ConfigurationError: the text is no string, or an option is wrong.
        """
        for piece, gap_s in self.pieces(text):
            audio = await asyncio.to_thread(self.tts, piece, options)
            if gap_s:
                yield _gap(audio, gap_s)
            yield audio


def with_gaps(texts: list[str], gap_s: float) -> list[Piece]:
    """Texts with a silence before each but the first."""
    return [(text, gap_s if index else 0.0) for index, text in enumerate(texts)]


def _gap(audio: TTSAudio, gap_s: float) -> TTSAudio:
    sample_rate_hz, samples = audio
    silence = np.zeros(int(sample_rate_hz * gap_s), samples.dtype)
    return sample_rate_hz, cast("AudioArray", silence)

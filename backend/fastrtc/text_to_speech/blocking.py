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


class BlockingTTS(ABC, Generic[OptionsT]):
    """A `TTSModel` of which only `tts` has to be written."""

    @abstractmethod
    def tts(self, text: str, options: OptionsT | None = None) -> TTSAudio:
        """All of the text as one clip; may be called from several threads at once."""

    def stream_tts_sync(
        self, text: str, options: OptionsT | None = None
    ) -> Generator[TTSAudio, None, None]:
        """The text sentence by sentence, a short silence between them."""
        for index, sentence in enumerate(split_sentences(text)):
            audio = self.tts(sentence, options)
            if index:
                yield _gap(audio)
            yield audio

    async def stream_tts(
        self, text: str, options: OptionsT | None = None
    ) -> AsyncGenerator[TTSAudio, None]:
        """The text sentence by sentence, each made in a thread.

        When the generator is closed early, the sentence in the making is finished in
        its thread and dropped, and no further one is begun.
        """
        for index, sentence in enumerate(split_sentences(text)):
            audio = await asyncio.to_thread(self.tts, sentence, options)
            if index:
                yield _gap(audio)
            yield audio


def _gap(audio: TTSAudio) -> TTSAudio:
    sample_rate_hz, samples = audio
    silence = np.zeros(int(sample_rate_hz * SENTENCE_GAP_S), samples.dtype)
    return sample_rate_hz, cast("AudioArray", silence)

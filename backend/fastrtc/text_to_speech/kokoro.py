"""Kokoro, a natural voice that is computed on the CPU (extra "tts")."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._hub import check_threads, import_extra, model_files, open_session
from ..errors import ConfigurationError
from .blocking import CLAUSE_GAP_S, SENTENCE_GAP_S, BlockingTTS, Piece, with_gaps
from .protocol import TTSOptions
from .sentences import (
    checked_text,
    is_speakable,
    split_first_clause,
    split_sentences,
)

SAMPLE_RATE_HZ = 24_000

REPOSITORY = "fastrtc/kokoro-onnx"
MODEL, VOICES = "kokoro-v1.0.onnx", "voices-v1.0.bin"

MAX_THREADS = 4
"""One thread may not keep up with the voice it makes; beyond four, another brings
little and takes a core from other sessions."""


@dataclass
class KokoroTTSOptions(TTSOptions):
    """How Kokoro speaks.

    Attributes:
        voice: a name of Kokoro's voice file, for example "af_heart" or "bm_george".
        speed: 1.0 is the voice's own; from 0.5 to 2.0.
        lang: by which language's rules the text is pronounced, for example "en-us",
            "en-gb", "fr-fr".
    """

    voice: str = "af_heart"
    speed: float = 1.0
    lang: str = "en-us"


class KokoroTTSModel(BlockingTTS[KokoroTTSOptions]):
    """Kokoro 82M by onnxruntime: float32 at 24,000 Hz.

    Args:
        models_dir: a folder that holds kokoro-v1.0.onnx and voices-v1.0.bin; without
            it they are taken from the hub, once.
        threads: onnxruntime's threads within one sentence; by default the machine's
            cores, at most 4.

    Raises:
        MissingExtraError: the "tts" extra is not installed.
        ModelUnavailableError: the weights are neither cached nor within reach.
    """

    def __init__(
        self, *, models_dir: str | Path | None = None, threads: int | None = None
    ) -> None:
        if threads is None:
            threads = min(os.cpu_count() or 1, MAX_THREADS)
        check_threads(threads)
        library = import_extra("kokoro_onnx", "tts", "The Kokoro voice")
        model, voices = model_files(REPOSITORY, [MODEL, VOICES], models_dir)
        self.model: Any = library.Kokoro.from_session(
            open_session(model, threads), str(voices)
        )

    def warmup(self) -> None:
        """Say a word, so that the first reply is not slow."""
        self.tts("Hello.")

    def tts(
        self, text: str, options: KokoroTTSOptions | None = None
    ) -> tuple[int, NDArray[np.float32]]:
        """All of the text as one clip, float32 of shape (samples,).

        It is empty when there is nothing to say, as in a text of emoji only.

        Raises:
            ConfigurationError: the text is no string, there is no such voice or
                language, or the speed is out of range.
        """
        options = options or KokoroTTSOptions()
        self._check(options)
        phonemes = self._phonemes(checked_text(text), options.lang)
        if not phonemes:
            return SAMPLE_RATE_HZ, np.zeros(0, np.float32)
        samples, sample_rate_hz = self.model.create(
            phonemes, voice=options.voice, speed=options.speed, is_phonemes=True
        )
        return int(sample_rate_hz), np.asarray(samples, np.float32)

    def pieces(self, text: str) -> list[Piece]:
        """Its sentences; the first, when it is long, in two pieces.

        On a machine that makes speech three times as fast as it is spoken, a first
        sentence of 9 s would be heard after 3 s, its first clause of 3 s after one.
        """
        first, *rest = split_sentences(text) or [""]
        if not first:
            return []
        return [
            *with_gaps(split_first_clause(first), CLAUSE_GAP_S),
            *((sentence, SENTENCE_GAP_S) for sentence in rest),
        ]

    def _phonemes(self, text: str, lang: str) -> str:
        """How a text is pronounced, "" when it is not."""
        if not is_speakable(text):
            return ""
        try:
            phonemes = str(self.model.tokenizer.phonemize(text, lang))
        except RuntimeError as error:
            raise ConfigurationError(
                f'Kokoro can\'t pronounce the language "{lang}" ({error}): use for '
                f'example "en-us", "en-gb" or "fr-fr".'
            ) from error
        return phonemes if is_speakable(phonemes) else ""

    def _check(self, options: KokoroTTSOptions) -> None:
        speed: Any = options.speed
        # NaN is not in between either.
        if not isinstance(speed, int | float) or not 0.5 <= speed <= 2.0:
            raise ConfigurationError(
                f"Kokoro's speed is a number from 0.5 to 2.0, not {speed!r}."
            )
        names = list[str](self.model.get_voices())
        if options.voice not in names:
            raise ConfigurationError(
                f'Kokoro has no voice "{options.voice}"; it has {", ".join(names)}.'
            )

"""Kokoro, a natural voice that is computed on the CPU (extra "tts")."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._hub import import_extra, model_files, open_session
from ..errors import ConfigurationError
from .blocking import BlockingTTS
from .protocol import TTSOptions
from .sentences import is_speakable

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
        library = import_extra("kokoro_onnx", "tts", "The Kokoro voice")
        model, voices = model_files(REPOSITORY, [MODEL, VOICES], models_dir)
        if threads is None:
            threads = min(os.cpu_count() or 1, MAX_THREADS)
        self.model: Any = library.Kokoro.from_session(
            open_session(model, threads), str(voices)
        )

    def tts(
        self, text: str, options: KokoroTTSOptions | None = None
    ) -> tuple[int, NDArray[np.float32]]:
        """All of the text as one clip, float32 of shape (samples,).

        Raises:
            ConfigurationError: there is no such voice, or the speed is out of range.
        """
        options = options or KokoroTTSOptions()
        self._check(options)
        if not is_speakable(text):
            return SAMPLE_RATE_HZ, np.zeros(0, np.float32)
        samples, sample_rate_hz = self.model.create(
            text, voice=options.voice, speed=options.speed, lang=options.lang
        )
        return int(sample_rate_hz), np.asarray(samples, np.float32)

    def _check(self, options: KokoroTTSOptions) -> None:
        if not 0.5 <= options.speed <= 2.0:
            raise ConfigurationError(
                f"Kokoro's speed is from 0.5 to 2.0, not {options.speed}."
            )
        names = list[str](self.model.get_voices())
        if options.voice not in names:
            raise ConfigurationError(
                f'Kokoro has no voice "{options.voice}"; it has {", ".join(names)}.'
            )

"""Moonshine, an English speech-to-text model for the CPU (extra "stt")."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._hub import check_threads, import_extra, model_files, open_session
from ..audio import AudioArray
from ..errors import ConfigurationError
from .clips import mono_clip
from .moonshine_graph import DecoderLayout, MoonshineGraph
from .pieces import split_at_quiet
from .protocol import STTStream
from .streaming import GrowingWindow

SAMPLE_RATE_HZ = 16_000

MIN_SAMPLES = SAMPLE_RATE_HZ // 10
"""Shorter audio breaks the model's convolutions, and holds no word."""

MAX_SAMPLES = 64 * SAMPLE_RATE_HZ
"""The longest audio the model takes."""

PIECE_SAMPLES = 30 * SAMPLE_RATE_HZ
"""Longer audio is cut into pieces of at most this length, that of the longest
clips the model was trained on."""

SEARCH_SAMPLES = 5 * SAMPLE_RATE_HZ
"""How far before a piece's greatest length a quiet place to cut is looked for."""

SILENCE_PEAK = 0.001
"""-60 dB of full scale. A clip in which no sample is louder holds no speech, and the
model, which was never shown silence, makes words up for it."""

TOKENS_A_SECOND = 6.5
"""Fast English has fewer; a text with more is the model repeating itself."""

REPOSITORY = "UsefulSensors/moonshine"
ENCODER, DECODER = "encoder_model.onnx", "decoder_model_merged.onnx"

LAYOUTS = {
    "tiny": DecoderLayout(layers=6, heads=8, head_dim=36),
    "base": DecoderLayout(layers=8, heads=8, head_dim=52),
}


class MoonshineSTT:
    """Moonshine by onnxruntime. `stt` may be called from several threads at once.

    Args:
        model: "moonshine/base" or "moonshine/tiny".
        models_dir: a folder that holds encoder_model.onnx and
            decoder_model_merged.onnx of this model; without it they are taken from
            the hub, once.
        threads: onnxruntime's threads within one transcription. One is the least
            CPU time by far; more answer a lone user sooner.

    Raises:
        ConfigurationError: there is no such model.
        MissingExtraError: the "stt" extra is not installed.
        ModelUnavailableError: the weights are neither cached nor within reach.
    """

    def __init__(
        self,
        model: Literal["moonshine/base", "moonshine/tiny"] = "moonshine/base",
        *,
        models_dir: str | Path | None = None,
        threads: int = 1,
    ) -> None:
        size = model.removeprefix("moonshine/")
        if size not in LAYOUTS:
            raise ConfigurationError(
                f'There is no speech-to-text model "{model}": use "moonshine/base" or '
                f'"moonshine/tiny".'
            )
        check_threads(threads)
        library = import_extra("moonshine_onnx", "stt", "Speech-to-text")
        names = [f"onnx/merged/{size}/float/{name}" for name in (ENCODER, DECODER)]
        encoder, decoder = model_files(REPOSITORY, names, models_dir)
        self.tokenizer: Any = library.load_tokenizer()
        self.model = MoonshineGraph(
            open_session(encoder, threads),
            open_session(decoder, threads),
            LAYOUTS[size],
        )

    def warmup(self) -> None:
        """Transcribe a second of noise, so that the first user's turn is not slow."""
        noise = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE_HZ)
        self.stt((SAMPLE_RATE_HZ, noise.astype(np.float32)))

    def open_stream(self, sample_rate_hz: int) -> STTStream:
        """Transcribe an utterance while it is spoken, see `streaming`.

        Raises:
            ConfigurationError: it is no sample rate.
        """
        return GrowingWindow(self).open_stream(sample_rate_hz)

    def stt(self, audio: tuple[int, AudioArray]) -> str:
        """Transcribe one clip of English.

        Args:
            audio: `(sample_rate, array)`, the rate in Hz, the array int16 or float32
                of shape (samples,) or (channels, samples). Channels are mixed. Clips
                over 64 s are cut where they are quiet. Other integers are taken when
                their values are those of int16.

        Returns:
            The words; "" for silence and for clips under 0.1 s.

        Raises:
            ConfigurationError: (a ValueError) it is no audio; the text says what to
                change.
        """
        samples = mono_clip(audio, SAMPLE_RATE_HZ)
        pieces = (
            [samples]
            if samples.size < MAX_SAMPLES
            else split_at_quiet(samples, PIECE_SAMPLES, SEARCH_SAMPLES)
        )
        texts = [self._transcribe(piece) for piece in pieces]
        return " ".join(text for text in texts if text)

    def _transcribe(self, samples: NDArray[np.float32]) -> str:
        if samples.size <= MIN_SAMPLES or np.abs(samples).max() <= SILENCE_PEAK:
            return ""
        limit = math.ceil(samples.size / SAMPLE_RATE_HZ * TOKENS_A_SECOND)
        tokens = self.model.generate(samples.reshape(1, -1), max_len=limit)
        return str(self.tokenizer.decode_batch(tokens)[0]).strip()

"""Transcribing the pieces of a clip in which somebody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from ..audio import AudioArray
from .protocol import SyncSTTModel


class SpeechChunk(TypedDict):
    """A piece of speech, its bounds in samples, as voice detectors give them."""

    start: int
    end: int


def stt_for_chunks(
    stt_model: SyncSTTModel,
    audio: tuple[int, AudioArray],
    chunks: Sequence[SpeechChunk],
) -> str:
    """Transcribe pieces of a clip and join their texts with spaces.

    Args:
        stt_model: transcribes each piece.
        audio: `(sample_rate, array)`, the array int16 or float32 of shape (samples,)
            or (channels, samples).
        chunks: the pieces, counted in samples of this array.
    """
    sample_rate_hz, array = audio
    texts = [
        stt_model.stt((sample_rate_hz, array[..., chunk["start"] : chunk["end"]]))
        for chunk in chunks
    ]
    return " ".join(text for text in texts if text)

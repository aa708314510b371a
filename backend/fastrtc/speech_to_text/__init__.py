"""Speech to text: one protocol, one file a model, loaded when first used."""

from .chunks import SpeechChunk, stt_for_chunks
from .models import get_stt_model
from .moonshine import MoonshineSTT
from .protocol import STTModel

__all__ = [
    "MoonshineSTT",
    "STTModel",
    "SpeechChunk",
    "get_stt_model",
    "stt_for_chunks",
]

"""Speech to text: one protocol, one file a model, loaded when first used."""

from .chunks import SpeechChunk, stt_for_chunks
from .models import get_stt_model
from .moonshine import MoonshineSTT
from .protocol import (
    AsyncSTTModel,
    StreamingSTTModel,
    STTModel,
    STTStream,
    SyncSTTModel,
)
from .streaming import GrowingWindow, streaming

__all__ = [
    "AsyncSTTModel",
    "GrowingWindow",
    "MoonshineSTT",
    "STTModel",
    "STTStream",
    "SpeechChunk",
    "StreamingSTTModel",
    "SyncSTTModel",
    "get_stt_model",
    "streaming",
    "stt_for_chunks",
]

"""Text to speech: one protocol, one file a model, loaded when first used."""

from .cartesia import CartesiaTTSModel, CartesiaTTSOptions
from .espeak import EspeakTTSModel, EspeakTTSOptions
from .kokoro import KokoroTTSModel, KokoroTTSOptions
from .protocol import TTSModel, TTSOptions
from .tts import get_tts_model

__all__ = [
    "CartesiaTTSModel",
    "CartesiaTTSOptions",
    "EspeakTTSModel",
    "EspeakTTSOptions",
    "KokoroTTSModel",
    "KokoroTTSOptions",
    "TTSModel",
    "TTSOptions",
    "get_tts_model",
]

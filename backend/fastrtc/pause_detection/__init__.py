"""Voice activity: is somebody speaking?"""

from ..options import SileroVadOptions
from .protocol import (
    AudioChunk,
    ModelOptions,
    PauseDetectionModel,
    SpeechMeter,
    StreamingModel,
)
from .silero import SileroVADModel, get_silero_model

__all__ = [
    "AudioChunk",
    "ModelOptions",
    "PauseDetectionModel",
    "SileroVADModel",
    "SileroVadOptions",
    "SpeechMeter",
    "StreamingModel",
    "get_silero_model",
]

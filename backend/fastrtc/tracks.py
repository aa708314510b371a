"""Names that programs written for FastRTC import from here."""

from .handlers.base import (
    AsyncAudioVideoStreamHandler,
    AsyncStreamHandler,
    AudioVideoStreamHandler,
    StreamHandler,
    StreamHandlerBase,
)
from .handlers.video import VideoEventHandler, VideoStreamHandler
from .outputs import AudioEmitType, EmitType, VideoEmitType

StreamHandlerImpl = StreamHandler | AsyncStreamHandler
AudioVideoStreamHandlerImpl = AudioVideoStreamHandler | AsyncAudioVideoStreamHandler
HandlerType = (
    StreamHandlerImpl
    | AudioVideoStreamHandlerImpl
    | VideoStreamHandler
    | VideoEventHandler
)

__all__ = [
    "AsyncAudioVideoStreamHandler",
    "AsyncStreamHandler",
    "AudioEmitType",
    "AudioVideoStreamHandler",
    "AudioVideoStreamHandlerImpl",
    "EmitType",
    "HandlerType",
    "StreamHandler",
    "StreamHandlerBase",
    "StreamHandlerImpl",
    "VideoEmitType",
    "VideoEventHandler",
    "VideoStreamHandler",
]

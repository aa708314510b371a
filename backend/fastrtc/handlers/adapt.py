"""From what the user gave a stream as its handler to what a session can run.

What can't work is refused here, when the stream is made.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

from ..errors import ConfigurationError
from ..media import Media
from .base import (
    AsyncAudioVideoStreamHandler,
    AsyncStreamHandler,
    AudioVideoStreamHandler,
    StreamHandler,
    StreamHandlerBase,
    check_fps,
)
from .generator import AudioGenerator, VideoGenerator
from .video import FrameFunction, VideoStreamHandler

WANTED = {
    "audio": "a StreamHandler, an AsyncStreamHandler or a ReplyOnPause",
    "audio, receive": "a generator function of the additional inputs, or a "
    "StreamHandler",
    "video": "a function of a frame, or a VideoStreamHandler of one",
    "video, receive": "a generator function of the additional inputs, or a "
    "VideoStreamHandler of one",
    "audio-video": "an AudioVideoStreamHandler or an AsyncAudioVideoStreamHandler",
}


def as_handler(handler: Any, media: Media) -> StreamHandlerBase:
    """A handler for what the user gave; each session gets a copy of it.

    Raises:
        ConfigurationError: it doesn't fit the modality and the mode.
    """
    if inspect.isclass(handler):
        name = handler.__name__
        raise ConfigurationError(
            f"the handler must be an object, not the class: {name}(…)"
        )
    made = _adapted(handler, media)
    if made is None:
        case = media.modality
        if case != "audio-video" and not media.client_sends:
            case += ", receive"
        raise ConfigurationError(
            f'with modality="{media.modality}" and mode="{media.mode}" the handler '
            f"must be {WANTED[case]}, not {type(handler).__name__}"
        )
    return made


def _adapted(handler: Any, media: Media) -> StreamHandlerBase | None:
    both = isinstance(handler, AudioVideoStreamHandler | AsyncAudioVideoStreamHandler)
    if media.modality == "audio-video":
        if both:
            check_fps(handler.fps)
        return handler if both else None
    if isinstance(handler, StreamHandler | AsyncStreamHandler):
        return None if both or media.modality == "video" else handler
    if media.modality == "audio":
        plays = not media.client_sends and _is_function(handler)
        return AudioGenerator(handler) if plays else None
    return _video(handler, media)


def _video(handler: Any, media: Media) -> StreamHandlerBase | None:
    video = handler
    if _is_function(handler):
        video = VideoStreamHandler(handler)
    if not isinstance(video, VideoStreamHandler):
        return None
    return FrameFunction(video) if media.client_sends else VideoGenerator(video)


def _is_function(handler: Any) -> bool:
    return callable(handler) or isinstance(handler, partial)


__all__ = ["as_handler"]

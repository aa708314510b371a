"""Video handlers: a function of frames with its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import ConfigurationError
from ..pictures import Color
from .base import StreamHandlerBase, check_fps

VideoEventHandler: TypeAlias = Callable[..., Any]


@dataclass
class VideoStreamHandler:
    """A video function and how it is to be run.

    It runs off the event loop, one frame at a time for each session.

    Attributes:
        callable: `frame, *inputs -> frame` or `(frame, AdditionalOutputs)`; in
            receive mode a generator function of the inputs. Either may be async, a
            bound method, a partial or a callable object. Frames are uint8
            (height, width, 3); what it gives may be of any size, grey, or float32
            from 0 to 1. None shows nothing new.
        fps: in receive mode, frames per second of what the generator yields. Else the
            function gets no more than so many of the camera's.
        skip_frames: a slow function gets the newest frame and skips those between,
            which never wait longer than it takes. Else up to five frames wait, and
            the oldest is dropped when one more comes.
        color: the order of the channels, of what the function gets and gives: "bgr"
            as FastRTC and OpenCV have it, or "rgb".

    Raises:
        ConfigurationError: (a ValueError) one of them can't work.
    """

    callable: VideoEventHandler
    fps: int = 30
    skip_frames: bool = False
    color: Color = "bgr"

    def __post_init__(self) -> None:
        if not callable(self.callable):
            raise ConfigurationError("VideoStreamHandler needs something callable")
        check_fps(self.fps)
        if self.color not in ("bgr", "rgb"):
            raise ConfigurationError(
                f'color must be "bgr" or "rgb", not {self.color!r}'
            )


class FunctionHandler(StreamHandlerBase):
    """A function as a handler: what a session has of it is its own.

    Args:
        function: the user's.
    """

    pushes = True

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function


class FrameFunction(FunctionHandler):
    """A function of the user's pictures.

    Args:
        video: the function with its options.
    """

    def __init__(self, video: VideoStreamHandler) -> None:
        super().__init__(video.callable)
        self.video = video
        self.fps = video.fps
        self.color = video.color

    def copy(self) -> FrameFunction:
        return FrameFunction(self.video)

"""Video handlers: a function of frames with its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import ConfigurationError

VideoEventHandler: TypeAlias = Callable[..., Any]


@dataclass
class VideoStreamHandler:
    """A video function and how it is to be run.

    Attributes:
        callable: `frame, *inputs -> frame` or `(frame, AdditionalOutputs)`; a
            generator function in receive mode; either may be async. Frames are
            uint8 (height, width, 3), BGR.
        fps: frames per second.
        skip_frames: a slow function gets the newest frame and skips those between.

    Raises:
        ConfigurationError: (a ValueError) `callable` can't be called, or `fps` is
            not positive.
    """

    callable: VideoEventHandler
    fps: int = 30
    skip_frames: bool = False

    def __post_init__(self) -> None:
        if not callable(self.callable):
            raise ConfigurationError("VideoStreamHandler needs something callable")
        if self.fps <= 0:
            raise ConfigurationError(f"fps must be positive, not {self.fps}")

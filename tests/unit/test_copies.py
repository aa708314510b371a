"""Copies of handlers, however users make them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from fastrtc import AsyncAudioVideoStreamHandler
from fastrtc.errors import ConfigurationError
from fastrtc.handlers.adapt import as_handler
from fastrtc.handlers.base import copy_handler
from fastrtc.media import Media

BOTH = Media("audio-video")


class Forgetful(AsyncAudioVideoStreamHandler):
    """Calls no super().__init__(), as some old programs."""

    def __init__(self) -> None:
        self.made = True

    async def receive(self, frame: Any) -> None: ...
    async def emit(self) -> Any: ...
    async def video_receive(self, frame: Any) -> None: ...
    async def video_emit(self) -> Any:
        return np.zeros((16, 16, 3), np.uint8)

    def copy(self) -> Any:
        return Forgetful()


class Shallow(Forgetful):
    def copy(self) -> Any:
        return copy.copy(self)


@pytest.mark.parametrize("kind", [Forgetful, Shallow])
async def test_each_copy_waits_for_its_own_inputs(kind: type[Forgetful]) -> None:
    """Lost otherwise: the second caller's handler would run with nobody's inputs."""
    handler = as_handler(kind(), BOTH)
    first, second = copy_handler(handler), copy_handler(handler)
    first.set_args([1])
    first.detach()
    assert not second.args_set.is_set()
    assert not copy_handler(handler).args_set.is_set()
    assert (first.fps, first.color, first.input_sample_rate) == (30, "bgr", 48_000)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), "30", None, 1000])
def test_frames_per_second_that_cannot_be_are_refused_at_once(fps: Any) -> None:
    """Lost otherwise: the picture would stay black, and only the log know why."""
    handler = Forgetful()
    handler.fps = fps
    with pytest.raises(ConfigurationError, match="fps"):
        as_handler(handler, BOTH)


def test_a_copy_with_such_a_number_is_refused_too() -> None:
    """Lost otherwise: a handler whose copy reads a setting would show nothing."""

    class Late(Forgetful):
        def copy(self) -> Any:
            made = Forgetful()
            made.fps = 0
            return made

    with pytest.raises(ConfigurationError, match="fps"):
        copy_handler(Late())


@pytest.mark.parametrize("fps", [15, 29.97])
def test_frames_per_second_may_be_broken(fps: Any) -> None:
    """Lost otherwise: a film of 29.97 frames a second could not be shown."""
    handler = Forgetful()
    handler.fps = fps
    assert as_handler(handler, BOTH) is handler

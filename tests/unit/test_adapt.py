"""What fits which modality and mode, told when the stream is made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from fastrtc import ReplyOnPause, Stream, VideoStreamHandler
from fastrtc.errors import ConfigurationError
from fastrtc.handlers.adapt import as_handler
from fastrtc.media import Media
from fastrtc.testing import LoudnessModel
from tests.conversation.test_audio_video import AsyncEcho, Echo
from tests.support.handlers import AsyncHandler


def frames(frame: Any) -> Any:
    return frame


def player() -> Iterator[Any]:
    yield None


VOICE = AsyncHandler()
BOTH_WAYS = ("send-receive", "send")

FITTING = [
    ("audio", "send-receive", VOICE),
    ("audio", "send", VOICE),
    ("audio", "receive", VOICE),
    ("audio", "receive", player),
    ("audio", "send", ReplyOnPause(lambda audio: None, model=LoudnessModel())),
    *[("video", mode, frames) for mode in BOTH_WAYS],
    *[("video", mode, VideoStreamHandler(frames)) for mode in BOTH_WAYS],
    ("video", "receive", player),
    ("video", "receive", VideoStreamHandler(player)),
    ("video", "send", partial(frames)),
    *[("audio-video", mode, AsyncEcho()) for mode in (*BOTH_WAYS, "receive")],
    *[("audio-video", mode, Echo()) for mode in (*BOTH_WAYS, "receive")],
]


@pytest.mark.parametrize(("modality", "mode", "handler"), FITTING)
def test_every_pair_takes_its_handlers(modality: Any, mode: Any, handler: Any) -> None:
    """Lost otherwise: one of the nine kinds of stream could not be made."""
    stream = Stream(handler, modality=modality, mode=mode)
    assert stream.event_handler is handler
    made = as_handler(handler, Media(modality, mode))
    assert made.copy() is not made


@pytest.mark.parametrize(
    ("modality", "mode", "handler", "says"),
    [
        ("audio", "send-receive", frames, "StreamHandler"),
        ("audio", "send", player, "StreamHandler"),
        ("audio", "receive", 5, "generator function"),
        ("audio", "send-receive", Echo(), "StreamHandler"),
        ("audio", "send-receive", VideoStreamHandler(frames), "StreamHandler"),
        ("video", "send-receive", VOICE, "function of a frame"),
        ("video", "receive", VOICE, "generator function"),
        ("video", "send", Echo(), "function of a frame"),
        ("video", "send-receive", None, "function of a frame"),
        ("audio-video", "send-receive", VOICE, "AudioVideoStreamHandler"),
        ("audio-video", "receive", player, "AudioVideoStreamHandler"),
        ("audio-video", "send", AsyncEcho, "not the class"),
        ("video", "send", VideoStreamHandler, "not the class"),
    ],
)
def test_what_does_not_fit_is_refused(
    modality: Any, mode: Any, handler: Any, says: str
) -> None:
    """Lost otherwise: the wrong handler would fail at the first call, in the log."""
    with pytest.raises(ConfigurationError, match=says):
        Stream(handler, modality=modality, mode=mode)


@pytest.mark.parametrize(
    "options",
    [{"callable": 5}, {"fps": 0}, {"fps": -1}, {"fps": 1000}, {"color": "cmyk"}],
)
def test_wrong_video_options_are_refused(options: Any) -> None:
    """Lost otherwise: fps=0 would be a division by zero in the middle of a call."""
    arguments: Any = {"callable": frames, **options}
    with pytest.raises(ConfigurationError):
        VideoStreamHandler(**arguments)


def test_another_handler_can_take_over() -> None:
    """Lost otherwise: programs that set event_handler later would not be heard."""
    stream = Stream(frames, modality="video")
    other = partial(frames)
    stream.event_handler = other
    assert stream.event_handler is other
    with pytest.raises(ConfigurationError):
        stream.event_handler = VOICE
    assert stream.event_handler is other

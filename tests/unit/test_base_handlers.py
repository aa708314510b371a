"""fastrtc.handlers.base: what users derive from, and what they can ask."""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import Any

import pytest

from fastrtc import (
    AsyncAudioVideoStreamHandler,
    AsyncStreamHandler,
    AudioVideoStreamHandler,
    ReplyOnPause,
    StreamHandler,
    VideoStreamHandler,
    get_current_context,
)
from fastrtc.errors import ConfigurationError, SessionClosedError
from fastrtc.handlers.base import copy_handler
from fastrtc.testing import LoudnessModel
from fastrtc.utils import create_message
from tests.support.handlers import AsyncHandler, SyncHandler, tone
from tests.support.sessions import FRAME, Client

pytestmark = pytest.mark.virtual_time


# -- arguments -------------------------------------------------------------------------


def test_defaults() -> None:
    """Lost otherwise: programs that rely on the defaults would sound different."""
    handler = SyncHandler()
    assert handler.expected_layout == "mono"
    assert handler.output_sample_rate == 24_000
    assert handler.output_frame_size == 480
    assert handler.input_sample_rate == 48_000
    assert handler.fps == 30
    assert handler.phone_mode is False
    assert handler.latest_args == []
    assert not handler.args_set.is_set()
    assert handler.channel is None


@pytest.mark.parametrize("rate_hz", [24_001, 11_025, 0, -50])
def test_the_output_rate_must_make_whole_frames(rate_hz: int) -> None:
    """Lost otherwise: audio at such a rate would crackle."""
    with pytest.raises(ValueError, match="multiple of 50"):
        SyncHandler(output_sample_rate=rate_hz)


@pytest.mark.parametrize(
    "arguments", [{"expected_layout": "5.1"}, {"input_sample_rate": 0}]
)
def test_other_wrong_arguments(arguments: Any) -> None:
    """Lost otherwise: a typo would show only when somebody calls."""
    with pytest.raises(ConfigurationError):
        SyncHandler(**arguments)


def test_a_frame_size_of_ones_own_is_ignored_with_a_warning() -> None:
    """Lost otherwise: users would believe that it has an effect."""
    with pytest.warns(UserWarning, match="no effect"):
        handler = SyncHandler(output_frame_size=960)
    assert handler.output_frame_size == 480
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SyncHandler(output_frame_size=480)


@pytest.mark.parametrize(
    ("base", "missing"),
    [
        (StreamHandler, {"receive", "emit", "copy"}),
        (AsyncStreamHandler, {"receive", "emit", "copy"}),
        (
            AudioVideoStreamHandler,
            {"receive", "emit", "copy", "video_receive", "video_emit"},
        ),
        (
            AsyncAudioVideoStreamHandler,
            {"receive", "emit", "copy", "video_receive", "video_emit"},
        ),
    ],
)
def test_what_must_be_defined(base: Any, missing: set[str]) -> None:
    """Lost otherwise: a forgotten method would show only when somebody calls."""
    assert base.__abstractmethods__ == missing
    with pytest.raises(TypeError, match="abstract"):
        base()


def test_video_handlers_are_checked() -> None:
    """Lost otherwise: a typo would show only when somebody calls."""
    made = VideoStreamHandler(lambda frame: frame, fps=15, skip_frames=True)
    assert (made.fps, made.skip_frames) == (15, True)
    assert VideoStreamHandler(print).fps == 30
    with pytest.raises(ConfigurationError):
        VideoStreamHandler("no function")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError):
        VideoStreamHandler(print, fps=0)


# -- copies ----------------------------------------------------------------------------


def test_copies_share_nothing_of_a_session() -> None:
    """Lost otherwise: one user's inputs would reach another user."""
    handler = SyncHandler(input_sample_rate=16_000)
    handler.set_args([1])
    made = copy_handler(handler)
    assert made is not handler
    assert made.input_sample_rate == 16_000
    assert made.latest_args == []
    assert made.args_set is not handler.args_set


def test_a_copy_that_returns_itself_is_made_fresh() -> None:
    """Lost otherwise: a lazy copy() would mix up the sessions of all users."""

    class Lazy(SyncHandler):
        def copy(self) -> Any:
            return self

    handler = Lazy()
    handler.set_args([1])
    made = copy_handler(handler)
    assert made is not handler
    assert isinstance(made, Lazy)
    assert made.latest_args == []


def test_a_copy_of_something_else_is_refused() -> None:
    """Lost otherwise: a forgotten return would fail somewhere deep inside."""

    class Forgetful(SyncHandler):
        def copy(self) -> Any:
            SyncHandler()

    with pytest.raises(ConfigurationError, match=r"Forgetful\.copy\(\) must return"):
        copy_handler(Forgetful())


@pytest.mark.parametrize(
    "name", ["loop", "clear_queue", "send_message_sync", "wait_for_args_sync"]
)
def test_without_a_session_errors_say_so(name: str) -> None:
    """Lost otherwise: using the original handler would fail in an obscure way."""
    handler = SyncHandler()
    arguments = ["x"] if name.startswith("send") else []
    with pytest.raises(SessionClosedError, match="serves no session"):
        getattr(handler, name)(*arguments)


# -- messages and playback -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_handlers_send_messages(kind: str) -> None:
    """Lost otherwise: pages with messages of their own would get none."""

    def sync(self: Any) -> None:
        self.send_message_sync(create_message("log", "hello"))

    async def asynchronous(self: Any) -> None:
        await self.send_message(create_message("log", "hello"))
        self.channel.send(json.dumps({"type": "mine", "data": 1}))

    made: Any = (
        SyncHandler(start_up=sync)
        if kind == "sync"
        else AsyncHandler(start_up=asynchronous)
    )
    client = Client(made)
    await asyncio.sleep(0.1)
    assert client.of("log") == ["hello"]
    assert client.of("mine") == ([1] if kind == "async" else [])
    await client.hang_up()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_clear_queue_silences_the_bot(kind: str) -> None:
    """Lost otherwise: handlers of their own turn taking could not interrupt."""
    values = [(24_000, tone(5))]

    def sync_receive(self: Any, frame: Any) -> None:
        self.clear_queue()

    async def async_receive(self: Any, frame: Any) -> None:
        self.clear_queue()

    async def async_emit(self: Any) -> Any:
        return values.pop() if values else None

    made: Any = (
        SyncHandler(
            receive=sync_receive, emit=lambda self: values.pop() if values else None
        )
        if kind == "sync"
        else AsyncHandler(receive=async_receive, emit=async_emit)
    )
    client = Client(made)
    await asyncio.sleep(1)
    client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    heard_s = client.heard_s
    # The silence after what was broken off is heard as well.
    assert heard_s == pytest.approx(1.06, abs=0.05)
    await asyncio.sleep(5)
    assert client.heard_s == heard_s
    await client.hang_up()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_the_context_is_known_everywhere(kind: str) -> None:
    """Lost otherwise: an app could not tell its users apart."""
    seen: dict[str, str] = {}

    def note(name: str) -> Any:
        def sync(*args: Any) -> None:
            seen[name] = get_current_context().webrtc_id

        async def asynchronous(*args: Any) -> None:
            async def inner() -> None:
                sync()

            await asyncio.ensure_future(inner())

        return sync if kind == "sync" else asynchronous

    names = ("emit", "receive", "start_up", "shutdown")
    functions = {name: note(name) for name in names}
    made: Any = (SyncHandler if kind == "sync" else AsyncHandler)(**functions)
    client = Client(made)
    client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    name = client.session.id
    await client.hang_up()
    assert seen == dict.fromkeys(names, name)


async def test_two_sessions_have_two_contexts() -> None:
    """Lost otherwise: users would read each other's data."""
    seen: list[str] = []

    async def receive(self: Any, frame: Any) -> None:
        await asyncio.sleep(1)
        seen.append(get_current_context().webrtc_id)

    clients = [Client(AsyncHandler(receive=receive)) for _ in range(3)]
    for client in clients:
        client.session.feed(FRAME)
    await asyncio.sleep(2)
    assert sorted(seen) == sorted(client.session.id for client in clients)
    for client in clients:
        await client.hang_up()


def test_a_reply_function_must_be_callable() -> None:
    """Lost otherwise: a typo would show only when somebody speaks."""
    with pytest.raises(ConfigurationError, match="callable"):
        ReplyOnPause(3, model=LoudnessModel())  # pyright: ignore[reportArgumentType]

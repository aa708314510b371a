"""fastrtc.handlers.base: what users derive from, and what they can ask."""

from __future__ import annotations

import asyncio
import json
import warnings
from dataclasses import dataclass
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
from fastrtc.errors import ArgsTimeoutError, ConfigurationError, SessionClosedError
from fastrtc.handlers.base import copy_handler
from fastrtc.options import ARGS_TIMEOUT_S
from fastrtc.testing import LoudnessModel
from fastrtc.utils import create_message
from tests.support.handlers import AsyncHandler, SyncHandler, tone
from tests.support.sessions import FRAME, Client

pytestmark = pytest.mark.virtual_time


# -- arguments ---------------------------------------------------------------------------


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


# -- copies ---------------------------------------------------------------------------------


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
    with pytest.raises(SessionClosedError, match="serves no session"):
        value = getattr(handler, name)
        value(*(["x"] if name.startswith("send") else []))


# -- inputs -----------------------------------------------------------------------------------


def test_set_args() -> None:
    """Lost otherwise: handlers would find their inputs at another index."""
    handler = SyncHandler()
    handler.set_args([1, "a"])
    assert handler.latest_args == ["__webrtc_value__", 1, "a"]
    assert handler.args_set.is_set()
    handler.reset()
    assert not handler.args_set.is_set()


def test_set_args_of_the_textbox() -> None:
    """Lost otherwise: what the user typed would not reach the handler."""

    @dataclass
    class Data:
        webrtc_id: str
        textbox: str

    handler = SyncHandler()
    data = Data("x", "hello")
    handler.set_args([data, 1])
    assert handler.latest_args == [data, 1]


@pytest.mark.parametrize(("args", "error"), [((1,), TypeError), ([], ValueError)])
def test_set_args_errors(args: Any, error: type[Exception]) -> None:
    """Lost otherwise: wrong inputs would fail later, somewhere else."""
    with pytest.raises(error):
        SyncHandler().set_args(args)


async def test_wait_for_args() -> None:
    """Lost otherwise: a handler could not get at its additional inputs."""
    got: list[Any] = []

    async def start_up(self: Any) -> None:
        await self.wait_for_args()
        got.append(self.latest_args)

    client = Client(AsyncHandler(start_up=start_up))
    await asyncio.sleep(5)
    assert got == []
    assert client.of("send_input") == [[]]
    client.table.set_input(client.session.id, 3)
    await asyncio.sleep(0.1)
    assert got == [["__webrtc_value__", 3]]
    await client.hang_up()


async def test_wait_for_args_sync() -> None:
    """Lost otherwise: a sync handler could not get at its additional inputs."""
    got: list[Any] = []

    def start_up(self: Any) -> None:
        self.wait_for_args_sync()
        got.append(self.latest_args)
        self.wait_for_args_sync()
        got.append("again")

    client = Client(SyncHandler(start_up=start_up))
    await asyncio.sleep(5)
    assert got == []
    assert client.of("send_input") == [[]]
    client.table.set_input(client.session.id, 3)
    await asyncio.sleep(0.1)
    assert got == [["__webrtc_value__", 3], "again"]
    await client.hang_up()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_waiting_for_args_has_an_end(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: a page without inputs would pin a thread for ever."""
    raised: list[Any] = []

    def sync(self: Any) -> None:
        try:
            self.wait_for_args_sync()
        except ArgsTimeoutError as error:
            raised.append(error)

    async def asynchronous(self: Any) -> None:
        try:
            await self.wait_for_args()
        except TimeoutError as error:
            raised.append(error)

    made: Any = (
        SyncHandler(start_up=sync)
        if kind == "sync"
        else AsyncHandler(start_up=asynchronous)
    )
    client = Client(made)
    await asyncio.sleep(ARGS_TIMEOUT_S - 1)
    assert raised == []
    await asyncio.sleep(2)
    (error,) = raised
    assert "set_input" in str(error)
    await client.hang_up()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_the_sessions_end_ends_the_wait_for_args(kind: str) -> None:
    """Lost otherwise: each call that is hung up early would leave a thread."""

    def sync(self: Any) -> None:
        self.wait_for_args_sync()

    async def asynchronous(self: Any) -> None:
        await self.wait_for_args()

    made: Any = (
        SyncHandler(start_up=sync)
        if kind == "sync"
        else AsyncHandler(start_up=asynchronous)
    )
    client = Client(made)
    await asyncio.sleep(1)
    await client.hang_up()
    # Threads and tasks that were left are found after each test.


async def test_there_are_no_inputs_over_the_phone() -> None:
    """Lost otherwise: a phone call would wait for a page that isn't there."""
    handler = AsyncHandler()
    client = Client(handler)
    client.handler.phone_mode = True
    await asyncio.wait_for(client.handler.wait_for_args(), 0.1)
    assert client.of("send_input") == []
    await client.hang_up()


async def test_defaults_of_the_inputs_are_there_from_the_start() -> None:
    """Lost otherwise: a handler would wait for inputs nobody will touch."""
    client = Client(AsyncHandler(), defaults=lambda: [5, "x"])
    assert client.handler.latest_args == ["__webrtc_value__", 5, "x"]
    await asyncio.wait_for(client.handler.wait_for_args(), 0.1)
    await client.hang_up()


async def test_an_input_without_a_default_is_waited_for() -> None:
    """Lost otherwise: a reply would start without the file it needs."""
    client = Client(AsyncHandler(), defaults=lambda: [5, None])
    assert client.handler.latest_args == ["__webrtc_value__", 5, None]
    assert not client.handler.args_set.is_set()
    await client.hang_up()


async def test_announced_inputs_win_over_the_defaults() -> None:
    """Lost otherwise: the first reply would ignore what the page says."""
    handler = AsyncHandler()
    client = Client(handler, defaults=lambda: [5])
    await client.hang_up()
    session = client.table.open("page", inputs_announced=True)
    assert not session.handler.args_set.is_set()
    session.set_input(6)
    assert session.handler.latest_args == ["__webrtc_value__", 6]
    await session.close()


async def test_announced_inputs_that_never_come_are_given_up() -> None:
    """Lost otherwise: a page that breaks its promise would silence the bot."""
    client = Client(AsyncHandler())
    await client.hang_up()
    client.table._defaults = lambda: [5]
    session = client.table.open("page", inputs_announced=True)
    await asyncio.wait_for(session.handler.args_set.wait(), 3)
    assert session.handler.latest_args == ["__webrtc_value__", 5]
    await session.close()


# -- messages and playback ----------------------------------------------------------------------


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
    assert heard_s == pytest.approx(1, abs=0.05)
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

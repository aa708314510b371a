"""fastrtc.handlers.runner: users' handlers, well behaved and not."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Any

import numpy as np
import pytest

from fastrtc import AdditionalOutputs, WebRTCError, wait_for_item
from fastrtc.handlers.threads import threads
from fastrtc.options import (
    CLOSE_GRACE_S,
    EMIT_ERRORS_IN_A_ROW,
    EMIT_RETRY_MS,
    INPUT_QUEUE_FRAMES,
)
from tests.support.handlers import AsyncHandler, SyncHandler, tone
from tests.support.sessions import FRAME, Client

pytestmark = pytest.mark.virtual_time
RETRY_S = EMIT_RETRY_MS / 1000


def now_s() -> float:
    return asyncio.get_running_loop().time()


def handler(kind: str, **functions: Any) -> Any:
    """A sync or an async handler of plain functions."""
    if kind == "sync":
        return SyncHandler(**functions)

    def as_coroutine(function: Any) -> Any:
        async def run(*args: Any) -> Any:
            return function(*args)

        return run

    return AsyncHandler(**{name: as_coroutine(f) for name, f in functions.items()})


both = pytest.mark.parametrize("kind", ["sync", "async"])


# -- frames in -----------------------------------------------------------------------


@both
async def test_receive_gets_every_frame_in_order(kind: str) -> None:
    """Lost otherwise: words would be missing or mixed up."""
    got: list[Any] = []
    client = Client(handler(kind, receive=lambda self, frame: got.append(frame)))
    for n in range(50):
        client.session.feed((48_000, np.full((1, 960), n, np.int16)))
    await asyncio.sleep(1)
    assert [int(array[0, 0]) for _, array in got] == list(range(50))
    assert {rate for rate, _ in got} == {48_000}
    assert {array.shape for _, array in got} == {(1, 960)}
    await client.hang_up()


@both
async def test_a_raising_receive_goes_on(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: one bad frame would make the bot deaf."""
    got: list[int] = []

    def receive(self: Any, frame: Any) -> None:
        got.append(1)
        raise ValueError("bad frame")

    client = Client(handler(kind, receive=receive))
    for _ in range(5):
        client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    assert len(got) == 5
    assert "receive raised" in caplog.text
    assert "ValueError: bad frame" in caplog.text
    assert client.of("error") == [
        "Something went wrong in the app's receive. Its log says what."
    ]
    await client.hang_up()


async def test_a_slow_receive_gets_the_newest_two_seconds() -> None:
    """Lost otherwise: a slow handler would lag further and further behind."""
    go = asyncio.Event()
    got: list[int] = []

    async def receive(self: Any, frame: Any) -> None:
        await go.wait()
        got.append(int(frame[1][0, 0]))

    client = Client(AsyncHandler(receive=receive))
    client.session.feed((48_000, np.full((1, 960), -1, np.int16)))
    await asyncio.sleep(0.1)
    for n in range(INPUT_QUEUE_FRAMES + 30):
        client.session.feed((48_000, np.full((1, 960), n, np.int16)))
    go.set()
    await asyncio.sleep(0.1)
    assert got == [-1, *range(30, INPUT_QUEUE_FRAMES + 30)]
    await client.hang_up()


# -- output out ----------------------------------------------------------------------


@both
async def test_emit_is_asked_again_after_none(kind: str) -> None:
    """Lost otherwise: handlers that poll their queue would fall silent, or spin."""
    asked: list[float] = []
    loop = asyncio.get_running_loop()
    client = Client(handler(kind, emit=lambda self: asked.append(loop.time())))
    await asyncio.sleep(1)
    await client.hang_up()
    assert len(asked) == pytest.approx(1 / RETRY_S, abs=2)
    assert np.diff(asked) == pytest.approx(np.full(len(asked) - 1, RETRY_S))


async def test_a_frame_makes_emit_asked_at_once() -> None:
    """Lost otherwise: an echo would be later than it need be."""
    waiting: list[Any] = []

    async def receive(self: Any, frame: Any) -> None:
        waiting.append(frame)

    async def emit(self: Any) -> Any:
        return (48_000, waiting.pop()[1]) if waiting else None

    handler = AsyncHandler(emit=emit, receive=receive, output_sample_rate=48_000)
    client = Client(handler)
    await asyncio.sleep(RETRY_S * 1.5)
    fed_s = now_s()
    client.session.feed((48_000, np.ones((1, 960), np.int16)))
    await asyncio.sleep(RETRY_S * 0.4)
    assert [at_s for at_s, _ in client.frames] == [fed_s]
    await client.hang_up()


async def test_an_emit_that_waits_itself_is_asked_again_at_once() -> None:
    """Lost otherwise: wait_for_item would lose time at each empty turn."""
    asked: list[float] = []
    items: asyncio.Queue[int] = asyncio.Queue()

    async def emit(self: Any) -> Any:
        asked.append(now_s())
        return await wait_for_item(items, 0.1)

    client = Client(AsyncHandler(emit=emit))
    await asyncio.sleep(0.95)
    await client.hang_up()
    assert asked == pytest.approx([0.1 * n for n in range(10)])


@both
async def test_audio_is_asked_for_half_a_second_ahead_only(kind: str) -> None:
    """Lost otherwise: what a handler decides now would be heard seconds later."""
    asked: list[float] = []
    loop = asyncio.get_running_loop()

    def emit(self: Any) -> Any:
        asked.append(loop.time())
        return 24_000, tone(0.1)

    client = Client(handler(kind, emit=emit))
    await asyncio.sleep(2)
    ahead_s = len(asked) * 0.1 - client.heard_s
    assert 0.4 < ahead_s < 0.8
    await client.hang_up()


@both
async def test_every_kind_of_output(kind: str) -> None:
    """Lost otherwise: some allowed form of emit would be dropped."""
    values: list[Any] = [
        (24_000, tone(0.1)),
        (24_000, tone(0.1)[0]),
        (24_000, tone(0.1), "stereo"),
        (16_000, tone(0.1, 16_000).astype(np.float32) / 32768),
        ((24_000, tone(0.1)), AdditionalOutputs("with audio")),
        AdditionalOutputs("alone"),
    ]

    def emit(self: Any) -> Any:
        return values.pop(0) if values else None

    client = Client(handler(kind, emit=emit))
    await asyncio.sleep(2)
    assert client.heard_s == pytest.approx(0.5, abs=0.025)
    assert client.of("error") == []
    assert client.of("fetch_output") == [[], []]
    await client.hang_up()


@both
async def test_wrong_output_is_reported_and_skipped(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: one wrong value would be silence with no hint why."""
    values: list[Any] = [
        "text",
        (24_000.0, tone(0.1)),
        (24_000, tone(0.1).astype(np.float64)),
        (24_000, np.zeros((5, 5), np.int16)),
        (10**9, tone(0.1)),
        (24_000, tone(0.2)),
    ]

    def emit(self: Any) -> Any:
        return values.pop(0) if values else None

    client = Client(handler(kind, emit=emit))
    await asyncio.sleep(1)
    assert client.heard_s == pytest.approx(0.2, abs=0.021)
    assert client.session.user_errors == 5
    assert "expected None, (rate, array)" in caplog.text
    await client.hang_up()


@both
async def test_an_emit_that_keeps_failing_ends_the_session(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: a broken bot would fail in silence, at full speed, for ever."""
    asked: list[int] = []

    def emit(self: Any) -> Any:
        asked.append(1)
        raise ZeroDivisionError("secret")

    client = Client(handler(kind, emit=emit))
    await client.closed()
    assert len(asked) == EMIT_ERRORS_IN_A_ROW
    assert client.of("end_stream") == ["The app's emit function keeps failing."]
    assert len(client.of("error")) == 1
    assert "secret" not in str(client.messages)
    assert "ZeroDivisionError: secret" in caplog.text
    await client.hang_up()


async def test_errors_now_and_then_do_not_end_the_session() -> None:
    """Lost otherwise: rare errors would add up and end long calls."""
    count = 0

    async def emit(self: Any) -> Any:
        nonlocal count
        count += 1
        if count % EMIT_ERRORS_IN_A_ROW:
            raise ValueError
        return None

    client = Client(AsyncHandler(emit=emit))
    await asyncio.sleep(5)
    assert count > 100
    assert client.session.state == "connected"
    await client.hang_up()


async def test_an_emit_that_never_waits_does_not_stop_the_loop() -> None:
    """Lost otherwise: one handler would freeze all sessions of the server."""
    count = 0

    async def emit(self: Any) -> Any:
        nonlocal count
        count += 1
        return AdditionalOutputs(count)

    client = Client(AsyncHandler(emit=emit))
    for _ in range(100):
        await asyncio.sleep(0)
    assert 0 < count < 200
    await client.hang_up()


# -- threads ---------------------------------------------------------------------------


async def test_sync_methods_run_off_the_loop() -> None:
    """Lost otherwise: a slow model in one session would freeze all others."""
    seen: dict[str, str] = {}

    def note(name: str) -> Any:
        def function(*args: Any) -> None:
            seen[name] = threading.current_thread().name

        return function

    names = ("emit", "receive", "start_up", "shutdown")
    client = Client(SyncHandler(**{name: note(name) for name in names}))
    client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    await client.hang_up()
    assert seen == dict.fromkeys(names, "fastrtc-worker")


async def test_a_blocking_emit_gives_its_thread_back() -> None:
    """Lost otherwise: each call would cost the server a thread for ever."""
    ended: list[str] = []

    class Blocking(SyncHandler):
        def __init__(self) -> None:
            super().__init__()
            self.items: queue.Queue[Any] = queue.Queue()

        def emit(self) -> Any:
            try:
                return self.items.get()
            finally:
                ended.append(threading.current_thread().name)

        def copy(self) -> Any:
            return Blocking()

    client = Client(Blocking())
    await asyncio.sleep(1)
    client.handler.items.put((24_000, tone(0.1)))
    await asyncio.sleep(1)
    assert client.heard_s == pytest.approx(0.1)
    before_s = now_s()
    await client.hang_up()
    assert now_s() - before_s < 0.1
    assert not threads.running
    # That the thread itself comes home is checked after each test.


async def test_a_blocking_receive_gives_its_thread_back() -> None:
    """Lost otherwise: a full queue in user code would leak a thread per call."""

    class Blocking(SyncHandler):
        def __init__(self) -> None:
            super().__init__()
            self.items: queue.Queue[Any] = queue.Queue(maxsize=1)

        def receive(self, frame: Any) -> None:
            self.items.put(frame)

        def copy(self) -> Any:
            return Blocking()

    client = Client(Blocking())
    for _ in range(5):
        client.session.feed(FRAME)
    await asyncio.sleep(1)
    await client.hang_up()


async def test_a_sync_method_may_give_a_coroutine() -> None:
    """Lost otherwise: a StreamHandler with an async receive would do nothing."""
    got: list[Any] = []

    class Mixed(SyncHandler):
        async def receive(self, frame: Any) -> None:
            got.append(frame)

        async def start_up(self) -> None:
            got.append("start")

        async def shutdown(self) -> None:
            got.append("stop")

        def copy(self) -> Any:
            return Mixed()

    client = Client(Mixed())
    client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    await client.hang_up()
    assert got == ["start", FRAME, "stop"]


# -- start and end ---------------------------------------------------------------------


@both
async def test_start_up_runs_once_beside_the_rest(kind: str) -> None:
    """Lost otherwise: a start_up that runs for the whole call would block it."""
    started: list[int] = []
    got: list[Any] = []
    release = threading.Event()

    def sync_start(self: Any) -> None:
        started.append(1)
        release.wait()

    async def async_start(self: Any) -> None:
        started.append(1)
        await asyncio.Event().wait()

    if kind == "sync":
        made: Any = SyncHandler(
            start_up=sync_start, receive=lambda self, frame: got.append(frame)
        )
    else:

        async def receive(self: Any, frame: Any) -> None:
            got.append(frame)

        made = AsyncHandler(start_up=async_start, receive=receive)
    client = Client(made)
    client.session.feed(FRAME)
    await asyncio.sleep(1)
    assert len(got) == len(started) == 1
    release.set()
    await client.hang_up()


@both
async def test_a_raising_start_up_is_reported_and_the_session_lives(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: a failing greeting would be invisible, or end the call."""
    got: list[Any] = []

    def start_up(self: Any) -> None:
        raise ValueError("no greeting")

    client = Client(
        handler(kind, start_up=start_up, receive=lambda self, f: got.append(f))
    )
    await asyncio.sleep(0.1)
    client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    assert "start_up raised" in caplog.text
    assert len(client.of("error")) == len(got) == 1
    await client.hang_up()


@both
async def test_a_raising_shutdown_is_logged_and_the_session_ends(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: an error in shutdown would keep the slot."""

    def shutdown(self: Any) -> None:
        raise ValueError("can't close")

    client = Client(handler(kind, shutdown=shutdown))
    await asyncio.sleep(0.1)
    await client.hang_up()
    assert "shutdown raised" in caplog.text
    assert len(client.table) == 0


@both
async def test_a_hanging_shutdown_is_left_after_its_time(kind: str) -> None:
    """Lost otherwise: one hanging shutdown would hold a slot for good."""
    release = threading.Event()

    async def hang(self: Any) -> None:
        await asyncio.Event().wait()

    made: Any = (
        SyncHandler(shutdown=lambda self: release.wait())
        if kind == "sync"
        else AsyncHandler(shutdown=hang)
    )
    client = Client(made)
    await asyncio.sleep(0.1)
    before_s = now_s()
    await client.hang_up()
    assert CLOSE_GRACE_S <= now_s() - before_s <= 2 * CLOSE_GRACE_S + 0.1
    assert len(client.table) == 0
    release.set()


async def test_shutdown_may_still_wait_for_the_app(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: an app could not save the conversation at its end."""
    saved: list[str] = []

    async def shutdown(self: Any) -> None:
        await asyncio.sleep(1)
        saved.append("saved")

    client = Client(AsyncHandler(shutdown=shutdown))
    await asyncio.sleep(0.1)
    await client.hang_up()
    assert saved == ["saved"]


async def test_code_that_swallows_its_cancellation_is_not_called_again() -> None:
    """Lost otherwise: a dead session's handler would be asked for audio for ever."""
    asked: list[int] = []

    async def emit(self: Any) -> Any:
        asked.append(1)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return None

    client = Client(AsyncHandler(emit=emit, receive=None))
    await asyncio.sleep(0.1)
    await client.hang_up()
    await asyncio.sleep(10)
    assert len(asked) == 1


async def test_a_handler_without_super_init_works() -> None:
    """Lost otherwise: programs that forget super().__init__() would crash."""

    class Careless(AsyncHandler):
        def __init__(self) -> None:
            self.got: list[Any] = []

        async def receive(self, frame: Any) -> None:
            self.got.append(frame)

        async def emit(self) -> Any:
            return None

        async def start_up(self) -> None:
            return None

        async def shutdown(self) -> None:
            return None

        def copy(self) -> Any:
            return Careless()

    client = Client(Careless())
    client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    assert len(client.handler.got) == 1
    await client.hang_up()


async def test_webrtc_errors_from_threads_reach_the_page() -> None:
    """Lost otherwise: sync handlers could not tell their users what went wrong."""

    def receive(self: Any, frame: Any) -> None:
        raise WebRTCError("Too loud.")

    client = Client(SyncHandler(receive=receive))
    client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    assert client.of("error") == ["Too loud."]
    await client.hang_up()

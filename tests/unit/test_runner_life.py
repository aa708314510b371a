"""fastrtc.handlers.runner: threads, start-up and shutdown of users' handlers."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Any

import pytest

from fastrtc import WebRTCError
from fastrtc.handlers.threads import threads
from fastrtc.options import (
    CLOSE_GRACE_S,
    EMIT_RETRY_MS,
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


async def test_a_cancelled_task_of_the_apps_own_is_an_error_like_any_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a bot whose model connection restarts would fall mute."""
    calls: list[int] = []

    async def emit(_: AsyncHandler) -> Any:
        calls.append(1)
        if len(calls) == 2:
            inner = asyncio.ensure_future(asyncio.sleep(9))
            inner.cancel()
            await inner
        await asyncio.sleep(0.05)

    client = Client(AsyncHandler(emit=emit))
    await asyncio.sleep(0.5)
    assert len(calls) > 4
    assert "emit raised" in caplog.text
    await client.hang_up()

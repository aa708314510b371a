"""Apps with bugs: reported, contained, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
import pytest

from fastrtc import AsyncStreamHandler, StreamHandler

from .client import Client, calling
from .echoes import assert_undisturbed
from .support import Server, serving
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback

SECRET = "a secret of the app"


class Bug:
    """What goes wrong, where, and for whom: the handler's second copy is the bad one.

    Args:
        where: the method that fails.
        value: what `emit` gives instead of audio; None to raise.
    """

    def __init__(self, where: str, value: Any = None) -> None:
        self.where = where
        self.value = value
        self.copies = 0
        self.shutdowns = 0

    def strike(self, where: str) -> None:
        if where == self.where and self.value is None:
            raise ValueError(SECRET)


class Buggy(AsyncStreamHandler):
    """The first client's handler is an echo, the second's has the bug."""

    def __init__(self, bug: Bug, bad: bool = False) -> None:
        super().__init__(output_sample_rate=48_000)
        self.bug = bug
        self.bad = bad
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    def copy(self) -> Buggy:
        self.bug.copies += 1
        bad = self.bug.copies == 2
        if bad:
            self.bug.strike("copy")
        return type(self)(self.bug, bad)

    def strike(self, where: str) -> None:
        if self.bad:
            self.bug.strike(where)

    async def start_up(self) -> None:
        self.strike("start_up")

    async def receive(self, frame: Any) -> None:
        self.strike("receive")
        self.queue.put_nowait(frame)

    async def emit(self) -> Any:
        self.strike("emit")
        if self.bad and self.bug.where == "emit":
            await asyncio.sleep(0)
            return self.bug.value
        return await self.queue.get()

    def shutdown(self) -> None:
        if self.bad:
            self.bug.shutdowns += 1
        self.strike("shutdown")


class BuggyInThreads(StreamHandler):
    """The same with ordinary methods."""

    def __init__(self, bug: Bug, bad: bool = False) -> None:
        super().__init__(output_sample_rate=48_000)
        self.bug = bug
        self.bad = bad
        self.frames: list[Any] = []

    def copy(self) -> BuggyInThreads:
        self.bug.copies += 1
        bad = self.bug.copies == 2
        if bad:
            self.bug.strike("copy")
        return type(self)(self.bug, bad)

    def strike(self, where: str) -> None:
        if self.bad:
            self.bug.strike(where)

    def start_up(self) -> None:
        self.strike("start_up")

    def receive(self, frame: Any) -> None:
        self.strike("receive")
        self.frames.append(frame)

    def emit(self) -> Any:
        self.strike("emit")
        if self.bad and self.bug.where == "emit":
            return self.bug.value
        return self.frames.pop(0) if self.frames else None

    def shutdown(self) -> None:
        if self.bad:
            self.bug.shutdowns += 1
        self.strike("shutdown")


@contextlib.asynccontextmanager
async def beside_a_witness(
    handler: Any, **options: Any
) -> AsyncGenerator[Server, None]:
    """A server with two slots, one held by a call that must not notice anything."""
    async with (
        serving(handler, concurrency_limit=2, **options) as server,
        calling(server, tone(LEFT_HZ), webrtc_id="witness") as witness,
    ):
        await witness.listen(0.2)
        witness.forget()
        await server.longest_stall()
        yield server
        await assert_undisturbed(server, witness)
        assert await server.session_ids() == ["witness"]


@pytest.mark.parametrize("kind", [Buggy, BuggyInThreads])
async def test_a_copy_that_raises_is_a_refusal(
    kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it, a bug in `copy` would be an unexplained error and cost a slot."""
    bug = Bug("copy")
    async with beside_a_witness(kind(bug)) as server:
        client = Client(server.url)
        meta = await server.refusal(await client.offer())
        await client.close()
        assert meta["error"] == "handler_failed"
        assert SECRET not in str(meta)
        async with calling(server, tone(LEFT_HZ)) as next_client:
            await next_client.listen(0.1)
        await server.closed(next_client.id)
    assert SECRET in caplog.text


@pytest.mark.parametrize("where", ["start_up", "receive", "shutdown"])
@pytest.mark.parametrize("kind", [Buggy, BuggyInThreads])
async def test_a_method_that_raises_is_logged_and_ends_nothing_early(
    kind: Any, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it, bugs would be silent, or end calls that could go on."""
    bug = Bug(where)
    async with beside_a_witness(kind(bug)) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            if where != "shutdown":
                message = await client.message("error")
                assert where in message["data"]
                assert SECRET not in str(message)
            if where != "receive":
                await client.listen(0.2)
            assert client.id in await server.session_ids()
        await server.closed(client.id)
        assert bug.shutdowns == 1
    records = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert any(where in record.getMessage() for record in records)
    assert SECRET in caplog.text


NO_AUDIO: dict[str, Any] = {
    "raises": None,
    "a text": "audio",
    "a list for an array": (48_000, [0] * 480),
    "float64": (48_000, np.zeros((1, 480))),
    "three channels": (48_000, np.zeros((3, 480), np.int16)),
    "a huge rate": (10**9, np.zeros((1, 480), np.int16)),
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(BuggyInThreads, "raises"), *((Buggy, name) for name in NO_AUDIO)],
)
async def test_an_emit_that_only_fails_ends_its_call(
    kind: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it, a broken handler would fill the log and hold its slot for ever."""
    bug = Bug("emit", NO_AUDIO[name])
    async with beside_a_witness(kind(bug)) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            message = await client.message("error")
            assert "emit" in message["data"]
            assert SECRET not in str(client.messages)
            await client.message("end_stream")
            await client.closed()
        await server.closed(client.id)
        assert bug.shutdowns == 1
    # Ten errors, but one entry: the same from one place is told once a second.
    assert caplog.text.count("emit raised") <= 2


STRANGE: dict[str, Any] = {
    "no samples": (48_000, np.zeros((1, 0), np.int16)),
    "one sample": (48_000, np.ones((1, 1), np.int16)),
    "not a number": (48_000, np.full((1, 960), np.nan, np.float32)),
    "1 Hz": (1, np.zeros((1, 3), np.int16)),
    "192 kHz": (192_000, np.zeros((2, 3_840), np.int16)),
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE.keys())
async def test_strange_audio_does_no_harm(value: Any) -> None:
    """Without it, an odd clip of one app would disturb the whole server."""
    bug = Bug("emit", value)
    async with beside_a_witness(Buggy(bug)) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            await client.until(lambda: client.microphone.sent > 15, "0.3 s")
        await server.closed(client.id)
        assert bug.shutdowns == 1


class Stuck(StreamHandler):
    """Its `emit` waits in a way that nobody can interrupt."""

    def __init__(self, entered: threading.Event, released: threading.Event) -> None:
        super().__init__()
        self.entered = entered
        self.released = released
        self.bad = False
        self.copies = 0

    def copy(self) -> StreamHandler:
        return Stuck(self.entered, self.released)

    def receive(self, frame: Any) -> None:
        return None

    def emit(self) -> None:
        self.entered.set()
        self.released.wait()


async def test_an_emit_that_blocks_for_ever_does_not_hold_its_slot() -> None:
    """Without it, one stuck call would take a slot until the server restarts."""
    entered, released = threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    try:
        async with serving(Stuck(entered, released), concurrency_limit=1) as server:
            async with calling(server) as client:
                assert await loop.run_in_executor(None, entered.wait, 5)
            await server.closed(client.id)
            async with calling(server) as client:
                assert len(await server.session_ids()) == 1
    finally:
        released.set()


class Stubborn(AsyncStreamHandler):
    """Its `emit` goes on when it is cancelled, until it is let go."""

    def __init__(self, released: asyncio.Event) -> None:
        super().__init__()
        self.released = released
        self.refused = 0

    def copy(self) -> AsyncStreamHandler:
        return Stubborn(self.released)

    async def receive(self, frame: Any) -> None:
        return None

    async def emit(self) -> None:
        await self.send_message('{"type": "log", "data": "waiting"}')
        while not self.released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.released.wait()


async def test_an_emit_that_ignores_its_cancellation_does_not_hold_its_slot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without it, one stubborn handler would take a slot for good."""
    released = asyncio.Event()
    async with serving(Stubborn(released), concurrency_limit=1) as server:
        async with calling(server) as client:
            await client.message("log", "waiting")
        await server.closed(client.id)
        assert await server.session_ids() == []
        assert "ignore their cancellation" in caplog.text
        await server.call(released.set)


async def test_a_shutdown_that_hangs_does_not_hold_its_slot() -> None:
    """Without it, one hanging service would take all slots one by one."""

    class Hanging(Stubborn):
        def copy(self) -> AsyncStreamHandler:
            return Hanging(self.released)

        async def emit(self) -> None:
            await self.released.wait()

        async def shutdown(self) -> None:
            await asyncio.get_running_loop().create_future()

    async with serving(Hanging(asyncio.Event())) as server:
        async with calling(server) as client:
            pass
        await server.closed(client.id)
        assert await server.session_ids() == []

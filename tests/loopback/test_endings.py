"""However a call ends, it ends once, soon, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aioice.ice
import pytest
from fastapi import FastAPI

from fastrtc import AsyncStreamHandler
from fastrtc.transports.webrtc import connection

from .client import Client, calling
from .handlers import Echo
from .support import Server, audio_stream, serving
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback


class Diary(Echo):
    """An echo that notes its start-ups and shutdowns in a list shared by all."""

    entries: list[str]

    @classmethod
    def new(cls) -> Diary:
        made = cls()
        made.entries = []
        return made

    def copy(self) -> Diary:
        made = Diary()
        made.entries = self.entries
        return made

    async def start_up(self) -> None:
        self.entries.append("start_up")

    def shutdown(self) -> None:
        self.entries.append("shutdown")


async def test_hanging_up_ends_the_session_at_once() -> None:
    """Without it, a call would hold its slot long after its user has gone."""
    handler = Diary.new()
    async with serving(handler) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            await client.listen(0.2)
            began_s = time.perf_counter()
        await server.closed(client.id)
        took_s = time.perf_counter() - began_s
        print(f"ended {1000 * took_s:.0f} ms after the client hung up")
        assert took_s < 2
        assert handler.entries == ["start_up", "shutdown"]


async def test_a_client_that_vanishes_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, lost clients would fill up all slots."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr(aioice.ice, "CONSENT_FAILURES", 1)
    handler = Diary.new()
    async with serving(handler) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            await client.listen(0.2)
            client.vanish()
            await server.closed(client.id)
        assert handler.entries == ["start_up", "shutdown"]


async def test_who_never_connects_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, every page closed while it connects would cost a slot."""
    monkeypatch.setattr(connection, "SETUP_TIMEOUT_S", 0.3)
    handler = Diary.new()
    async with serving(handler, concurrency_limit=1) as server:
        client = Client(server.url)
        answer = await client.post(await client.offer())
        assert answer["type"] == "answer"
        await client.close()
        await server.closed(client.id)
        assert handler.entries == []
        async with calling(server, tone(LEFT_HZ)) as next_client:
            await next_client.listen(0.2)


async def test_the_end_of_the_server_ends_its_calls_once() -> None:
    """Without it, a restart would lose what apps save in `shutdown`."""
    handler = Diary.new()
    server = Server(audio_stream(handler))
    await server.start()
    async with calling(server, tone(LEFT_HZ)) as one, calling(server) as two:
        await one.listen(0.2)
        await server.stop()
        await one.closed()
        await two.closed()
    assert handler.entries == ["start_up"] * 2 + ["shutdown"] * 2
    assert server.left_tasks == []
    assert len(server.stream.sessions) == 0


async def test_a_stream_serves_again_after_a_reload() -> None:
    """Without it, an app whose server was reloaded would refuse everybody."""
    handler = Diary.new()
    stream = audio_stream(handler)
    app = FastAPI()
    stream.mount(app)
    for number in (1, 2):
        server = Server(stream, app=app)
        await server.start()
        async with calling(server, tone(LEFT_HZ)) as client:
            await client.listen(0.2)
            await server.stop()
        assert handler.entries == ["start_up", "shutdown"] * number


async def test_the_apps_own_lifespan_still_runs() -> None:
    """Without it, mounting a stream would keep an app from opening its database."""
    entries: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Any], None]:
        entries.append("open")
        yield {"database": 1}
        entries.append("close")

    app = FastAPI(lifespan=lifespan)
    stream = audio_stream(Echo())
    stream.mount(app)
    server = Server(stream, app=app)
    await server.start()
    async with calling(server, tone(LEFT_HZ)) as client:
        await client.listen(0.2)
    await server.stop()
    assert entries == ["open", "close"]


class Slow(AsyncStreamHandler):
    """Still starting up when the call ends."""

    def __init__(self, entries: list[str]) -> None:
        super().__init__()
        self.entries = entries

    def copy(self) -> Slow:
        return Slow(self.entries)

    async def start_up(self) -> None:
        await self.send_message('{"type": "log", "data": "starting"}')
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.entries.append("start_up cancelled")

    async def receive(self, frame: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async def emit(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def shutdown(self) -> None:
        self.entries.append("shutdown")


async def test_whatever_still_runs_is_cancelled_at_the_end() -> None:
    """Without it, connections to other services would stay open for good."""
    entries: list[str] = []
    async with serving(Slow(entries)) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            await client.message("log", "starting")
        await server.closed(client.id)
        assert sorted(entries) == ["shutdown", "start_up cancelled"]

"""A real server for the tests: FastAPI, uvicorn and a stream, on a thread of its own.

The server has its own event loop, so that a test's client and the server can't
help each other along, and so that the server's loop can be measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import selectors
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import uvicorn
from fastapi import FastAPI

from fastrtc import Stream

T = TypeVar("T")

NO_ICE_SERVERS: dict[str, Any] = {"iceServers": []}
"""Loopback tests reach no STUN server, and need none."""

PATIENCE_S = 20.0
"""Nothing on one machine takes so long; whoever waits longer has failed."""


@dataclass(frozen=True)
class Stall:
    """One turn of the event loop, in which nothing else could run.

    Attributes:
        wall_ms: how long it took; other processes' work counts.
        cpu_ms: how much of it was the loop's own.
    """

    wall_ms: float
    cpu_ms: float


class LoopProbe(selectors.DefaultSelector):
    """An event loop's selector that notes how long each turn of the loop takes.

    A turn is what happens between two calls of `select`: as long as it takes, no
    packet is read and no timer fires.
    """

    def __init__(self) -> None:
        super().__init__()
        self._began: tuple[float, float] | None = None
        self._longest = Stall(0.0, 0.0)

    def select(self, timeout: float | None = None) -> Any:
        if self._began is not None:
            wall_s, cpu_s = self._began
            stall = Stall(
                1000 * (time.perf_counter() - wall_s),
                1000 * (time.thread_time() - cpu_s),
            )
            self._longest = Stall(
                max(stall.wall_ms, self._longest.wall_ms),
                max(stall.cpu_ms, self._longest.cpu_ms),
            )
        ready = super().select(timeout)
        self._began = time.perf_counter(), time.thread_time()
        return ready

    def take(self) -> Stall:
        """The longest turn since this was asked last."""
        longest, self._longest = self._longest, Stall(0.0, 0.0)
        return longest


class _Uvicorn(uvicorn.Server):
    """uvicorn, telling when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up: Future[None] = Future()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except BaseException as error:
            self.up.set_exception(RuntimeError(f"the server failed: {error!r}"))
            raise
        self.up.set_result(None)


class Server:
    """A running server with one stream.

    Args:
        stream: the stream, mounted under `path`.
        app: an app the stream is mounted on already.

    Attributes:
        left_tasks: what was still running on the loop after uvicorn had ended.
    """

    def __init__(
        self, stream: Stream, path: str = "", app: FastAPI | None = None
    ) -> None:
        self.stream = stream
        self.left_tasks: list[str] = []
        self.probe = LoopProbe()
        if app is None:
            app = FastAPI()
            stream.mount(app, path)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{path}"
        config = uvicorn.Config(app, log_config=None, lifespan="on")
        self._uvicorn = _Uvicorn(config)
        self._loop = asyncio.SelectorEventLoop(self.probe)
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="test-server")

    # -- life --------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._thread.start()
        await asyncio.wrap_future(self._uvicorn.up)

    async def stop(self) -> None:
        """Stop it as Ctrl-C would, and wait until its loop has ended."""
        self._uvicorn.should_exit = True
        await asyncio.wait_for(asyncio.wrap_future(self._ended), PATIENCE_S)
        self._thread.join()

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._uvicorn.serve(sockets=[self._socket]))
            loop.run_until_complete(self._wind_up())
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            loop.close()
            self._ended.set_result(None)

    async def _wind_up(self) -> None:
        """Note what is left, after what was about to end has ended."""
        for _ in range(5):
            await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        self.left_tasks = [repr(task) for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1) if tasks else None

    # -- a look inside -----------------------------------------------------------------

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return await asyncio.wait_for(asyncio.wrap_future(future), PATIENCE_S)

    async def call(self, function: Callable[[], T]) -> T:
        """Call a function on the server's loop."""

        async def call() -> T:
            return function()

        return await self.run(call())

    async def longest_stall(self) -> Stall:
        """The longest turn of the server's loop since this was asked last."""
        return await self.call(self.probe.take)

    async def tasks(self) -> set[asyncio.Task[Any]]:
        """The tasks of the server's loop now."""
        return await self.call(asyncio.all_tasks)

    async def ended_since(self, before: set[asyncio.Task[Any]]) -> None:
        """Wait until every task that was not there before has ended."""

        async def wait() -> list[str]:
            added = asyncio.all_tasks() - before - {asyncio.current_task()}
            if not added:
                return []
            _, left = await asyncio.wait(added, timeout=PATIENCE_S / 4)
            return [repr(task) for task in left]

        left = await self.run(wait())
        assert not left, f"left behind: {left}"

    async def session_ids(self) -> list[str]:
        """The names of the live sessions."""
        table: Any = self.stream.sessions
        return await self.call(lambda: list(table._sessions))

    async def closed(self, session_id: str) -> None:
        """Wait until the session of this name has ended, if there is one."""

        async def wait() -> None:
            session = self.stream.sessions.get(session_id)
            if session is not None:
                gone = asyncio.get_running_loop().create_future()
                session.on_closed(lambda: gone.set_result(None))
                await gone

        await self.run(wait())

    async def empty(self) -> None:
        """Wait until no session is left."""
        for session_id in await self.session_ids():
            await self.closed(session_id)

    async def post(self, body: Any) -> httpx.Response:
        """`POST …/webrtc/offer` with a JSON body."""
        # Escaped, so that halves of characters can be sent too.
        content = json.dumps(body).encode("ascii")
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            return await http.post(self.url + "/webrtc/offer", content=content)

    async def refusal(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The `meta` of a refusal that such a body gets."""
        answer = await self.post(body)
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert content["status"] == "failed", content
        return content["meta"]


def audio_stream(handler: Any, **options: Any) -> Stream:
    """A stream for audio both ways, with no limit unless one is given."""
    options.setdefault("concurrency_limit", None)
    return Stream(
        handler,
        modality="audio",
        mode="send-receive",
        server_rtc_configuration=NO_ICE_SERVERS,
        **options,
    )


@contextlib.asynccontextmanager
async def serving(
    handler: Any, *, path: str = "", tasks_may_stay: bool = False, **options: Any
) -> AsyncGenerator[Server, None]:
    """A running server with this handler; everything of it must end with it.

    Args:
        tasks_may_stay: the app's code refuses to end, so its task may stay.
        options: of the `Stream`.
    """
    server = Server(audio_stream(handler, **options), path)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    assert not len(server.stream.sessions), "a session outlived its server"
    if not tasks_may_stay:
        assert not server.left_tasks, server.left_tasks

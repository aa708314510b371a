"""Servers in a process of their own: `python -m tests.loopback.programs NAME`.

Prints `READY url` once clients can connect, and `GONE` when each session has been
shut down. `GET /cpu_s` says how much processor time the process has used.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import sys
from queue import Queue
from typing import Any

import uvicorn
from fastapi import FastAPI

from fastrtc import AsyncStreamHandler, ReplyOnPause, StreamHandler

from .handlers import Echo
from .support import audio_stream


def say(text: str) -> None:
    print(text, flush=True)


class BlockingEcho(StreamHandler):
    """Echo as the documentation has it: `emit` blocks on a queue."""

    def __init__(self) -> None:
        super().__init__(input_sample_rate=24_000)
        self.queue: Queue[Any] = Queue()

    def copy(self) -> BlockingEcho:
        return BlockingEcho()

    def receive(self, frame: Any) -> None:
        self.queue.put(frame)

    def emit(self) -> Any:
        return self.queue.get()

    def shutdown(self) -> None:
        say("GONE")


class AsyncBlockingEcho(AsyncStreamHandler):
    """The same as coroutines."""

    def __init__(self) -> None:
        super().__init__(input_sample_rate=24_000)
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    def copy(self) -> AsyncBlockingEcho:
        return AsyncBlockingEcho()

    async def receive(self, frame: Any) -> None:
        self.queue.put_nowait(frame)

    async def emit(self) -> Any:
        return await self.queue.get()

    def shutdown(self) -> None:
        say("GONE")


class Stuck(BlockingEcho):
    """Its `emit` blocks where nothing can wake it."""

    def copy(self) -> Stuck:
        return Stuck()

    def emit(self) -> Any:
        here, _there = socket.socketpair()
        return here.recv(1)


class PollingEcho(Echo):
    """Its `emit` waits on its queue for 0.1 s at a time."""

    def copy(self) -> PollingEcho:
        return PollingEcho()

    def shutdown(self) -> None:
        say("GONE")


def reply(audio: Any) -> Any:
    yield audio


def listening() -> ReplyOnPause:
    return ReplyOnPause(reply)


PROGRAMS: dict[str, Any] = {
    "async_blocking": AsyncBlockingEcho,
    "blocking": BlockingEcho,
    "listening": listening,
    "polling": PollingEcho,
    "stuck": Stuck,
}


def main(name: str) -> None:
    app = FastAPI()

    @app.get("/cpu_s")
    async def cpu_s() -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    _ = cpu_s
    audio_stream(PROGRAMS[name]()).mount(app)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning")
    say(f"READY http://127.0.0.1:{listener.getsockname()[1]}")
    with contextlib.suppress(KeyboardInterrupt):  # as `uvicorn.run` does
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(sys.argv[1])

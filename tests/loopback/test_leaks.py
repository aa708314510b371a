"""Two hundred calls, half of them broken on purpose: nothing is left of any."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aioice.ice
import pytest
from aiortc import RTCPeerConnection

from fastrtc import AsyncStreamHandler
from fastrtc.handlers.threads import threads
from fastrtc.session import Session
from fastrtc.transports.webrtc import connection

from .client import Client
from .handlers import BlockingEcho, Echo, SyncEcho
from .support import Server, serving
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback

CYCLES = 200
AT_ONCE = 4
SETUP_S = 0.4
"""How long an abandoned offer is waited for; half a minute outside of tests."""


class Raising(AsyncStreamHandler):
    """Raises wherever it can."""

    def copy(self) -> Raising:
        return Raising()

    async def start_up(self) -> None:
        raise ValueError("start_up")

    async def receive(self, frame: Any) -> None:
        raise ValueError("receive")

    async def emit(self) -> None:
        raise ValueError("emit")

    def shutdown(self) -> None:
        raise ValueError("shutdown")


class Mixed(Echo):
    """Gives each client another kind of handler."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds = itertools.cycle([Echo, BlockingEcho, Raising, SyncEcho])

    def copy(self) -> Any:
        return next(self.kinds)()


Cycle = Callable[[Server], Awaitable[None]]


async def whole_call(server: Server) -> None:
    """A call as it should be, with whatever handler it gets."""
    client = Client(server.url, tone(LEFT_HZ))
    await client.take(await client.post(await client.offer()))
    # A handler that raises may end the call before anything was sent.
    await client.until(
        lambda: client.microphone.sent > 3 or client.pc.connectionState == "closed",
        "some frames, or the end",
    )
    await client.close()


async def abandoned(server: Server) -> None:
    """An offer whose answer nobody takes."""
    client = Client(server.url)
    await client.post(await client.offer())
    await client.close()


async def garbage(server: Server) -> None:
    """An offer cut off in the middle."""
    client = Client(server.url)
    body = await client.offer()
    await client.close()
    await server.post({**body, "sdp": body["sdp"][: len(body["sdp"]) // 2]})


async def dropped_in_the_handshake(server: Server) -> None:
    """A client that goes out of reach as soon as it has the answer."""
    client = Client(server.url)
    answer = await client.post(await client.offer())
    client.vanish()
    await client.take(answer)
    await client.close()


async def gone_before_the_answer(server: Server) -> None:
    """A client whose request breaks off while the server works on it."""
    client = Client(server.url)
    body = await client.offer()
    data = json.dumps(body).encode()
    address = urlsplit(server.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /webrtc/offer HTTP/1.1\r\nHost: {address.netloc}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await client.close()


async def vanished(server: Server) -> None:
    """A client that goes out of reach in the middle of the call."""
    client = Client(server.url, tone(LEFT_HZ))
    await client.take(await client.post(await client.offer()))
    await client.until(
        lambda: client.pc.connectionState in ("connected", "closed"), "the connection"
    )
    client.vanish()
    await client.close()


async def with_a_camera(server: Server) -> None:
    """An offer with a track that is refused."""
    client = Client(server.url)
    client.pc.addTransceiver("video")
    await server.refusal(await client.offer())
    await client.close()


async def twice(server: Server) -> None:
    """The same offer two times, never taken."""
    client = Client(server.url)
    body = await client.offer()
    await asyncio.gather(client.post(body), client.post(body))
    await client.close()


BROKEN: list[Cycle] = [
    abandoned,
    garbage,
    dropped_in_the_handshake,
    gone_before_the_answer,
    vanished,
    with_a_camera,
    twice,
]


@dataclass
class Census:
    """What the process has open."""

    tasks: int
    own_tasks: int
    threads: Counter[str]
    files: int
    sessions: int
    objects: int


async def census(server: Server) -> Census:
    """Count, once all that is about to end has ended."""
    await server.empty()
    await quiet(server)
    threads.end_idle()
    for thread in threading.enumerate():
        if thread.name == "fastrtc-worker":
            await asyncio.get_running_loop().run_in_executor(None, thread.join, 5)
    gc.collect()
    names = Counter(
        thread.name
        for thread in threading.enumerate()
        # Those of asyncio's own executor: as many as it likes, up to its bound.
        if not thread.name.startswith("asyncio_")
    )
    return Census(
        tasks=len(await server.tasks()),
        own_tasks=len(asyncio.all_tasks()),
        threads=names,
        files=len(os.listdir("/proc/self/fd")),
        sessions=len(server.stream.sessions),
        objects=sum(
            isinstance(thing, Session | RTCPeerConnection) for thing in gc.get_objects()
        ),
    )


async def quiet(server: Server) -> None:
    """Wait for tasks that end by themselves; those of the server itself stay."""
    keeping = ("Server.", "LifespanOn.", "quiet", "census")

    async def wait() -> None:
        ending = {
            task
            for task in asyncio.all_tasks() - {asyncio.current_task()}
            if not any(name in repr(task.get_coro()) for name in keeping)
        }
        if ending:
            await asyncio.wait(ending, timeout=10)

    await server.run(wait())


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
async def test_nothing_is_left_of_two_hundred_calls(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it, a server would slowly die of calls that went wrong."""
    monkeypatch.setattr(connection, "SETUP_TIMEOUT_S", SETUP_S)
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr(aioice.ice, "CONSENT_FAILURES", 1)
    caplog.set_level(logging.CRITICAL, "fastrtc")
    broken = itertools.cycle(BROKEN)
    cycles = [whole_call if n % 2 else next(broken) for n in range(CYCLES)]
    async with serving(Mixed()) as server:
        # What is made once and kept: codecs, thread pools, modules.
        await asyncio.gather(*(cycle(server) for cycle in (whole_call, *BROKEN)))
        before = await census(server)
        began_s = time.perf_counter()
        for first in range(0, CYCLES, AT_ONCE):
            some = cycles[first : first + AT_ONCE]
            await asyncio.gather(*(cycle(server) for cycle in some))
        took_s = time.perf_counter() - began_s
        after = await census(server)
    print(f"{CYCLES} calls in {took_s:.1f} s, before {before}, after {after}")
    assert after == before
    assert after.sessions == 0

"""A line to a handler in the same process, for virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from fastrtc.handlers.base import StreamHandlerBase
from fastrtc.session import SessionTable
from fastrtc.transports.memory import MemoryClient

from ..speech import FRAME_S, RATE_HZ
from .line import Line


@contextlib.asynccontextmanager
async def talking_to(
    make: Callable[[], StreamHandlerBase],
) -> AsyncGenerator[Line, None]:
    """A line that is connected; `make` gives a handler with 48 kHz out, mono.

    There is neither codec nor jitter buffer: what a frame of 20 ms decides is
    heard within the next.
    """
    line = Line(asyncio.get_running_loop().time)
    client = MemoryClient(SessionTable(make))
    work = [
        asyncio.ensure_future(_speak(line, client)),
        asyncio.ensure_future(_listen(line, client)),
    ]
    try:
        yield line
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await client.hang_up()


async def _speak(line: Line, client: MemoryClient) -> None:
    began_s, tick = line.now_s(), 0
    while True:
        samples = line.next_frame()
        tick += 1
        # A frame is complete, and sent, at its end.
        await line.until(began_s + tick * FRAME_S)
        client.say((RATE_HZ, samples.reshape(1, -1)))


async def _listen(line: Line, client: MemoryClient) -> None:
    async for frame in client.hear():
        line.hear(frame.samples[0])

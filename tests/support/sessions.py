"""Sessions for tests that look at one from the inside."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np

from fastrtc.handlers.base import StreamHandlerBase
from fastrtc.session import Frame, SessionTable
from fastrtc.transports.memory import MemoryClient

FRAME = (48_000, np.zeros((1, 960), np.int16))
"""20 ms of silence at the default input rate."""


class Transport:
    """A transport that notes what is asked of it."""

    def __init__(self) -> None:
        self.disconnects = 0
        self.hang = False
        self.error: Exception | None = None

    def choose_rate_hz(self, rate_hz: int) -> int:
        return rate_hz

    async def disconnect(self) -> None:
        self.disconnects += 1
        if self.hang:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


class Messages:
    """What was sent to the client; give it to `channel.open`."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def __call__(self, text: str) -> None:
        self.all.append(json.loads(text))

    def of(self, type_: str) -> list[Any]:
        return [m["data"] for m in self.all if m["type"] == type_]


class Client(MemoryClient):
    """A memory client of one handler, which listens all the time."""

    def __init__(self, handler: StreamHandlerBase, **table: Any) -> None:
        self.table = SessionTable(lambda: handler, **table)
        super().__init__(self.table)
        self.frames: list[tuple[float, Frame]] = []
        self._ear = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        async for frame in self.hear():
            self.frames.append((asyncio.get_running_loop().time(), frame))

    @property
    def handler(self) -> Any:
        """The session's own copy."""
        return self.session.handler

    @property
    def heard_s(self) -> float:
        """Seconds of the bot's audio."""
        return len(self.frames) * 0.02

    def of(self, type_: str) -> list[Any]:
        """The data of all messages of a type."""
        return [m["data"] for m in self.messages if m["type"] == type_]

    async def closed(self) -> None:
        """Wait until the session has ended by itself."""
        if self.session.id in self.table:
            ended = asyncio.Event()
            self.session.on_closed(ended.set)
            await ended.wait()

    async def hang_up(self) -> None:
        await super().hang_up()
        await self._ear

"""Handlers the tests share: echoes."""

from __future__ import annotations

import asyncio
from queue import Empty, Queue
from typing import Any, Literal

from fastrtc import AsyncStreamHandler, StreamHandler, wait_for_item


class Echo(AsyncStreamHandler):
    """Says what it hears, as coroutines."""

    def __init__(
        self, rate_hz: int = 48_000, layout: Literal["mono", "stereo"] = "mono"
    ) -> None:
        super().__init__(layout, rate_hz, input_sample_rate=rate_hz)
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    def copy(self) -> Echo:
        return type(self)(self.input_sample_rate, self.expected_layout)

    async def receive(self, frame: Any) -> None:
        self.queue.put_nowait(frame)

    async def emit(self) -> Any:
        item: Any = await wait_for_item(self.queue)
        if item is None or self.expected_layout == "mono":
            return item
        rate_hz, interleaved = item
        return rate_hz, interleaved.reshape(-1, 2).T, "stereo"


class SyncEcho(StreamHandler):
    """Says what it hears, in threads; `emit` doesn't block."""

    def __init__(
        self, rate_hz: int = 48_000, layout: Literal["mono", "stereo"] = "mono"
    ) -> None:
        super().__init__(layout, rate_hz, input_sample_rate=rate_hz)
        self.queue: Queue[Any] = Queue()

    def copy(self) -> SyncEcho:
        return type(self)(self.input_sample_rate, self.expected_layout)

    def receive(self, frame: Any) -> None:
        self.queue.put(frame)

    def emit(self) -> Any:
        try:
            item = self.queue.get_nowait()
        except Empty:
            return None
        if self.expected_layout == "mono":
            return item
        rate_hz, interleaved = item
        return rate_hz, interleaved.reshape(-1, 2).T, "stereo"


class BlockingEcho(SyncEcho):
    """Says what it hears; `emit` blocks until there is something."""

    def emit(self) -> Any:
        return self.queue.get()

"""What waits to be sent to one client: in order, bounded, audio first to go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ...options import FRAME_MS
from .bounds import MAX_BEHIND_MS, MAX_WAITING_TEXTS

MAX_WAITING_FRAMES = MAX_BEHIND_MS // FRAME_MS


@dataclass(frozen=True)
class _Item:
    message: str | bytes
    is_audio: bool


class Outbox:
    """A queue of messages for a socket that may be slow.

    Audio beyond 500 ms drops the oldest audio. Texts keep their order and are never
    dropped; one too many is a client that doesn't read.

    Args:
        on_overflow: called once, instead of taking a text too many.

    Attributes:
        dropped_frames: frames of audio dropped for being late.
    """

    def __init__(self, on_overflow: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_overflow = on_overflow
        self._items: deque[_Item] = deque()
        self._frames = 0
        self._overflown = False
        self._ended = False
        self._taker: asyncio.Future[None] | None = None
        self.dropped_frames = 0

    def __len__(self) -> int:
        return len(self._items)

    def put_text(self, text: str) -> None:
        """Queue a text."""
        if self._overflown or self._ended:
            return
        if len(self._items) - self._frames >= MAX_WAITING_TEXTS:
            self._overflown = True
            self._on_overflow()
            return
        self._items.append(_Item(text, is_audio=False))
        self._wake()

    def put_audio(self, message: str | bytes) -> None:
        """Queue a frame of 20 ms."""
        if self._ended:
            return
        if self._frames == MAX_WAITING_FRAMES:
            self._drop_oldest_frame()
        self._items.append(_Item(message, is_audio=True))
        self._frames += 1
        self._wake()

    def drop_audio(self) -> None:
        """Drop all audio: it was interrupted."""
        self._items = deque(item for item in self._items if not item.is_audio)
        self._frames = 0

    def _drop_oldest_frame(self) -> None:
        index = next(i for i, item in enumerate(self._items) if item.is_audio)
        del self._items[index]
        self._frames -= 1
        self.dropped_frames += 1

    def end(self) -> None:
        """Nothing more is taken in: `take` gives what is left, then None."""
        self._ended = True
        self._wake()

    async def take(self) -> str | bytes | None:
        """The next message, as soon as there is one. For one task only."""
        while not self._items:
            if self._ended:
                return None
            self._taker = self._loop.create_future()
            try:
                await self._taker
            finally:
                self._taker = None
        item = self._items.popleft()
        self._frames -= item.is_audio
        return item.message

    def _wake(self) -> None:
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)

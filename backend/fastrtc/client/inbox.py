"""What has come and nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A bounded queue whose oldest items make room for new ones.

    Args:
        most: items that wait at most.

    Attributes:
        dropped: items that nobody took in time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: deque[T] = deque()
        self._changed = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None
        self.dropped = 0

    def put(self, item: T) -> None:
        """Add an item, now."""
        if self._ended:
            return
        if len(self._items) >= self._most:
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)
        self._changed.set()

    def clear(self) -> None:
        """Forget what waits."""
        self._items.clear()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more will come; what waits can still be taken.

        Args:
            error: raised to whoever asks for more.
        """
        self._ended = True
        self._error = error
        self._changed.set()

    async def each(self) -> AsyncIterator[T]:
        """The items as they come, each given to one iterator only."""
        while True:
            while self._items:
                yield self._items.popleft()
            if self._ended:
                break
            self._changed.clear()
            await self._changed.wait()
        # For other iterators that wait.
        self._changed.set()
        if self._error is not None:
            raise self._error

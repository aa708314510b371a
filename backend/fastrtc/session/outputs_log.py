"""The AdditionalOutputs of one session: ordered, bounded, for several readers.

Every reader sees every output from the moment it subscribed; a reader that falls
more than the bounds behind loses the oldest. The newest is always kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

from ..options import MAX_OUTPUTS, MAX_OUTPUTS_BYTES
from ..outputs import AdditionalOutputs


class OutputsLog:
    """Keeps the latest outputs.

    Args:
        bound: most that are kept.
        bound_bytes: most that the arrays and texts in them may take.

    Attributes:
        weight: what they take, bytes.
    """

    def __init__(
        self, bound: int = MAX_OUTPUTS, bound_bytes: int = MAX_OUTPUTS_BYTES
    ) -> None:
        self._items: deque[AdditionalOutputs] = deque()
        self._weights: deque[int] = deque()
        self._bound = bound
        self._bound_bytes = bound_bytes
        self.weight = 0
        self._added = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._cursors: dict[str, int] = {}

    def add(self, item: AdditionalOutputs) -> None:
        """Append an output and wake the readers."""
        self._items.append(item)
        self._added += 1
        # Noted, because apps may change what they gave.
        self._weights.append(_bytes_of(item.args))
        self.weight += self._weights[-1]
        while len(self._items) > 1 and self._full():
            self._items.popleft()
            self.weight -= self._weights.popleft()
        self._wake()

    def _full(self) -> bool:
        return len(self._items) > self._bound or self.weight > self._bound_bytes

    def close(self) -> None:
        """No more will come: readers end once they have had the rest."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _at(self, cursor: int) -> tuple[AdditionalOutputs, int]:
        oldest = self._added - len(self._items)
        cursor = max(cursor, oldest)
        return self._items[cursor - oldest], cursor + 1

    async def follow(self) -> AsyncIterator[AdditionalOutputs]:
        """Every output from the session's first one on, until the session ends."""
        cursor = 0
        while True:
            while cursor < self._added:
                item, cursor = self._at(cursor)
                yield item
            if self._closed:
                return
            await self._changed.wait()

    def take(self, reader: str) -> AdditionalOutputs | None:
        """The named reader's next output, None when it has had them all."""
        cursor = self._cursors.get(reader, 0)
        if cursor >= self._added:
            return None
        item, self._cursors[reader] = self._at(cursor)
        if not self._behind():
            self._taken.set()
        return item

    def expect(self, reader: str) -> None:
        """Say that this reader will take what there is."""
        self._cursors.setdefault(reader, 0)

    def _behind(self) -> bool:
        return any(cursor < self._added for cursor in self._cursors.values())

    async def all_taken(self, timeout_s: float) -> None:
        """Wait until the expected readers have taken everything, or time is up."""
        if not self._behind():
            return
        self._taken.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._taken.wait(), timeout_s)

    def pending(self, reader: str) -> bool:
        """Whether `take` has something for this reader."""
        return self._cursors.get(reader, 0) < self._added

    async def wait(self, reader: str) -> AdditionalOutputs | None:
        """The named reader's next output; None once the session has ended."""
        while not self.pending(reader) and not self._closed:
            await self._changed.wait()
        return self.take(reader)


def _bytes_of(value: object, depth: int = 3) -> int:
    """About what a value takes: arrays and texts, in lists and dictionaries too."""
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    if isinstance(value, dict):
        value = list(cast("dict[object, object]", value).values())
    if isinstance(value, list | tuple):
        # No deeper: a list may hold itself.
        parts = cast("list[object]", value) if depth else []
        return sum(_bytes_of(part, depth - 1) for part in parts)
    size: object = getattr(value, "nbytes", 0)
    return size if isinstance(size, int) else 0

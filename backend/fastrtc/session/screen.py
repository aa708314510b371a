"""What the client is about to see: a short queue of pictures with their times.

Live pictures (a function's answer to the camera's) are shown at once, and the newest
pushes the oldest out when the encoder can't keep up. Paced ones (a generator's) have
a time to be shown at, and their producer waits while enough are queued.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import SessionClosedError

if TYPE_CHECKING:
    import av

QUEUED = 2
"""One that is being encoded, and one to follow it."""
TICK_S = 1e-6
"""An event loop may fire a timer this much early."""


@dataclass(frozen=True)
class _Shown:
    frame: av.VideoFrame
    time_s: float
    due_s: float


class Screen:
    """One session's outgoing pictures."""

    def __init__(self) -> None:
        self._queue: deque[_Shown] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._space = asyncio.Event()
        self._space.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed = False
        self._last: av.VideoFrame | None = None
        self.shown = 0
        self.dropped = 0

    def show(self, frame: av.VideoFrame, time_s: float) -> None:
        """Show a live picture as soon as can be.

        Args:
            frame: yuv420p with even sides, nobody else's.
            time_s: of the moment it shows, on the event loop's clock.
        """
        while len(self._queue) >= QUEUED:
            self._queue.popleft()
            self.dropped += 1
        self._append(_Shown(frame, time_s, -1.0))

    async def room(self) -> None:
        """Wait until a picture more would be shown, and push no other out."""
        await self._space.wait()

    async def put(self, frame: av.VideoFrame, due_s: float) -> bool:
        """Have a picture shown at its time, after waiting for a place in the queue.

        Returns:
            False when the session has ended.
        """
        await self._space.wait()
        if self._closed:
            return False
        self._append(_Shown(frame, due_s, due_s))
        return True

    def _append(self, item: _Shown) -> None:
        if self._closed:
            return
        self._queue.append(item)
        self._empty.clear()
        if len(self._queue) >= QUEUED:
            self._space.clear()
        self._notify()

    async def next_picture(self) -> tuple[av.VideoFrame, float]:
        """The next picture, when it is due, and its time on the loop's clock.

        Raises:
            SessionClosedError: the session has ended.
        """
        loop = asyncio.get_running_loop()
        while not self._closed:
            if not self._queue:
                await self._wait(None)
            elif loop.time() < self._queue[0].due_s - TICK_S:
                await self._wait(self._queue[0].due_s)
            else:
                return self._take()
        raise SessionClosedError("The session has ended.")

    def _take(self) -> tuple[av.VideoFrame, float]:
        item = self._queue.popleft()
        self._last = item.frame
        self.shown += 1
        if len(self._queue) < QUEUED:
            self._space.set()
        if not self._queue:
            self._empty.set()
        return item.frame, item.time_s

    def show_again(self, now_s: float) -> None:
        """Show the last picture once more: a new client has seen none."""
        if self._last is not None and not self._queue:
            self.show(self._last, now_s)

    async def drained(self) -> None:
        """Wait until all pictures have been taken, or the session ends."""
        await self._empty.wait()

    def close(self) -> None:
        """End it: whoever waits is woken."""
        self._closed = True
        self._last = None
        self._queue.clear()
        self._space.set()
        self._empty.set()
        self._notify()

    async def _wait(self, until_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if until_s is None else loop.call_at(until_s, _wake, waiter)
        try:
            await waiter
        finally:
            if self._waiter is waiter:
                # Else another transport waits already.
                self._waiter = None
            if timer is not None:
                timer.cancel()

    def _notify(self) -> None:
        if self._waiter is not None:
            _wake(self._waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)

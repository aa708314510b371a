"""The user's pictures on their way to the handler: few, bounded, newest first to stay.

A picture that waits grows stale, and a queue of them is a lag that never ends: a
function of 100 ms behind a camera of 30 frames a second would fall behind by two
seconds in three. So a full queue drops its oldest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av

DRIFT = 0.001
"""How fast the two clocks may be thought to part, seconds a second: ten times what
quartz does, and slow enough that a burst of late pictures moves nothing."""


LONGEST_WAIT_S = 0.07
"""Between two pictures, for the next one to be waited for: of a slower camera the one
that is there is better."""
LATE = 1.25
"""Of a frame's time: so long after a picture the next one is waited for no more."""


@dataclass(frozen=True)
class Picture:
    """A picture of the user's camera.

    Attributes:
        frame: as it was decoded.
        time_s: when it was taken, on the event loop's clock: evenly spaced like the
            camera's own, whatever the network did to it.
        arrived_s: when it came, on the same clock.
    """

    frame: av.VideoFrame
    time_s: float
    arrived_s: float


class Camera:
    """One session's incoming pictures.

    Args:
        keep: how many may wait; when one more comes, the oldest is dropped. With 1, a
            picture that is half out of date is left for the next one: a slow function
            then answers pictures that are at most half a frame's time old, where they
            would be a whole one, and loses a tenth of its rate at most.

    Attributes:
        lag_ms: how long the picture waited that was taken last, a measure of how far
            the handler is behind.
        dropped: pictures that were never taken.
    """

    def __init__(self, keep: int) -> None:
        self._waiting: deque[Picture] = deque(maxlen=keep)
        self._waiter: asyncio.Future[None] | None = None
        self._offset_s: float | None = None
        self._last_s = 0.0
        self._media_s: float | None = None
        self._interval_s: float | None = None
        self.lag_ms = 0.0
        self.dropped = 0

    def push(self, frame: av.VideoFrame, media_s: float, now_s: float) -> None:
        """Take a picture as it comes.

        Args:
            media_s: its time on the camera's clock, seconds.
            now_s: the event loop's time.
        """
        if self._media_s is not None:
            self._interval_s = media_s - self._media_s
        self._media_s = media_s
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
        self._waiting.append(Picture(frame, self._to_loop(media_s, now_s), now_s))
        if self._waiter is not None:
            _wake(self._waiter)

    async def next(self) -> Picture:
        """The picture that waits longest, as soon as there is one."""
        loop = asyncio.get_running_loop()
        while not self._waiting:
            await self._change(None)
        if self._waiting.maxlen == 1:
            await self._await_fresher(loop.time() - self._waiting[0].arrived_s)
        picture = self._waiting.popleft()
        self.lag_ms = 1000 * (loop.time() - picture.arrived_s)
        return picture

    async def _await_fresher(self, age_s: float) -> None:
        """Wait for the next picture if it is due before this one is twice as old."""
        interval_s = self._interval_s
        if interval_s is None or not 0 < interval_s <= LONGEST_WAIT_S:
            return
        if age_s >= interval_s / 2:
            await self._change(max(0.0, LATE * interval_s - age_s))

    async def _change(self, timeout_s: float | None) -> None:
        """Wait for a picture to come, at most so long."""
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if timeout_s is None else loop.call_later(timeout_s, _wake, waiter)
        try:
            await waiter
        finally:
            if timer is not None:
                timer.cancel()

    def _to_loop(self, media_s: float, now_s: float) -> float:
        """The camera's time on the loop's clock, by the least delayed picture."""
        offset_s = now_s - media_s
        if self._offset_s is None or abs(offset_s - self._offset_s) > 1:
            self._offset_s = offset_s
        slack_s = max(0.0, now_s - self._last_s) * DRIFT
        self._offset_s = min(offset_s, self._offset_s + slack_s)
        self._last_s = now_s
        return media_s + self._offset_s


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)

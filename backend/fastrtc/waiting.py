"""A helper for `emit`: wait for an item, but not for ever."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def wait_for_item(queue: asyncio.Queue[T], timeout: float = 0.1) -> T | None:
    """The queue's next item, or None when none came within `timeout` seconds.

    No item is lost when the time is up, or the caller is cancelled.
    """
    if not queue.empty():
        return queue.get_nowait()
    try:
        return await asyncio.wait_for(queue.get(), timeout)
    except asyncio.TimeoutError:
        return None

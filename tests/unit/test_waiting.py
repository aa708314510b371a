"""fastrtc.wait_for_item."""

from __future__ import annotations

import asyncio

import pytest

from fastrtc import wait_for_item

pytestmark = pytest.mark.virtual_time


async def test_an_item_that_is_there() -> None:
    """Lost otherwise: handlers would lag behind their own queue."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(1)
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    assert await wait_for_item(queue) == 1
    assert loop.time() == before_s


async def test_an_item_that_comes() -> None:
    """Lost otherwise: audio would wait for the timeout."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    loop.call_later(0.05, queue.put_nowait, 1)
    assert await wait_for_item(queue) == 1
    assert loop.time() - before_s == pytest.approx(0.05)


@pytest.mark.parametrize("timeout_s", [0.1, 2.5])
async def test_none_when_nothing_comes(timeout_s: float) -> None:
    """Lost otherwise: emit would block for ever on an empty queue."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    assert await wait_for_item(queue, timeout_s) is None
    assert loop.time() - before_s == pytest.approx(timeout_s)


async def test_no_item_is_lost_by_cancelling_or_at_the_last_moment() -> None:
    """Lost otherwise: a word would be missing here and there."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    waiting = asyncio.ensure_future(wait_for_item(queue))
    await asyncio.sleep(0.01)
    waiting.cancel()
    queue.put_nowait(1)
    got = await asyncio.gather(waiting, return_exceptions=True)
    if isinstance(got[0], BaseException):
        assert queue.get_nowait() == 1
    else:
        assert got[0] == 1

    seen: list[int] = []
    loop = asyncio.get_running_loop()
    for n in range(20):
        loop.call_later(0.1 * n + 0.1, queue.put_nowait, n)
    while len(seen) < 20:
        item = await wait_for_item(queue, 0.1)
        if item is not None:
            seen.append(item)
    assert seen == list(range(20))

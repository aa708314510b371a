"""Pictures on their way to the client: the newest, or those that are due."""

from __future__ import annotations

import asyncio

import av
import pytest

from fastrtc.errors import SessionClosedError
from fastrtc.session import Screen

pytestmark = pytest.mark.virtual_time


def frame() -> av.VideoFrame:
    return av.VideoFrame(16, 16, "yuv420p")


async def soon() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_live_pictures_push_the_oldest_out() -> None:
    """Lost otherwise: a slow encoder would show the past, later and later."""
    screen = Screen()
    frames = [frame() for _ in range(4)]
    for number, picture in enumerate(frames):
        screen.show(picture, float(number))
    assert (await screen.next_picture()) == (frames[2], 2.0)
    assert (await screen.next_picture()) == (frames[3], 3.0)
    assert (screen.shown, screen.dropped) == (2, 2)


async def test_paced_pictures_come_when_they_are_due() -> None:
    """Lost otherwise: a generator's film would play as fast as it can compute."""
    screen = Screen()
    loop = asyncio.get_running_loop()
    await screen.put(frame(), 1.0)
    await screen.put(frame(), 1.5)
    seen: list[float] = []
    for _ in range(2):
        await screen.next_picture()
        seen.append(loop.time())
    assert seen == pytest.approx([1.0, 1.5])


async def test_a_producer_waits_for_a_place() -> None:
    """Lost otherwise: a fast generator would fill the memory with its film."""
    screen = Screen()
    await screen.put(frame(), 0.0)
    await screen.put(frame(), 0.0)
    third = asyncio.ensure_future(screen.put(frame(), 0.0))
    await soon()
    assert not third.done()
    await screen.next_picture()
    assert await third


@pytest.mark.parametrize("queued", [0, 1])
async def test_the_end_wakes_both_sides(queued: int) -> None:
    """Lost otherwise: a session with video could not end."""
    screen = Screen()
    for _ in range(2 * queued):
        await screen.put(frame(), 100.0)
    reader = asyncio.ensure_future(screen.next_picture())
    drained = asyncio.ensure_future(screen.drained())
    writer = asyncio.ensure_future(screen.put(frame(), 100.0)) if queued else None
    await soon()
    screen.close()
    with pytest.raises(SessionClosedError):
        await reader
    await drained
    if writer is not None:
        assert not await writer
    screen.show(frame(), 0.0)
    with pytest.raises(SessionClosedError):
        await screen.next_picture()


async def test_drained_waits_for_the_last_picture() -> None:
    """Lost otherwise: CloseStream would cut off the end of a film."""
    screen = Screen()
    await screen.drained()
    await screen.put(frame(), 2.0)
    drained = asyncio.ensure_future(screen.drained())
    await soon()
    assert not drained.done()
    await screen.next_picture()
    await drained


async def test_a_new_client_gets_the_last_picture() -> None:
    """Lost otherwise: after a reconnection a still picture would be black."""
    screen = Screen()
    screen.show_again(0.0)
    picture = frame()
    screen.show(picture, 1.0)
    await screen.next_picture()
    screen.show_again(9.0)
    assert await screen.next_picture() == (picture, 9.0)


async def test_a_new_reader_takes_over_from_a_cancelled_one() -> None:
    """Lost otherwise: after a reconnection the picture would stand still."""
    screen = Screen()
    old = asyncio.ensure_future(screen.next_picture())
    await soon()
    new = asyncio.ensure_future(screen.next_picture())
    await soon()
    old.cancel()
    await soon()
    picture = frame()
    screen.show(picture, 1.0)
    assert (await asyncio.wait_for(new, 1))[0] is picture

"""Which pictures a screen keeps, and for how long."""

from __future__ import annotations

import asyncio
import gc

import av
import numpy as np
import pytest

from fastrtc.handlers.camera import Camera
from fastrtc.session import Screen

pytestmark = pytest.mark.virtual_time


def frame() -> av.VideoFrame:
    return av.VideoFrame(16, 16, "yuv420p")


async def test_a_new_client_sees_what_waits_and_nothing_older() -> None:
    """Lost otherwise: after a reconnection a film would jump back by a picture."""
    screen = Screen()
    first, second = frame(), frame()
    await screen.put(first, 0.0)
    await screen.next_picture()
    await screen.put(second, 0.0)
    screen.show_again(1.0)
    assert (await screen.next_picture())[0] is second
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(screen.next_picture(), 1)


async def test_an_ended_screen_keeps_no_picture() -> None:
    """Lost otherwise: a handler that is kept would keep a picture of each call."""
    screen = Screen()
    screen.show(frame(), 0.0)
    await screen.next_picture()
    screen.show(frame(), 0.1)
    screen.close()
    gc.collect()
    kept = gc.get_referents(screen.__dict__)
    assert not any(isinstance(thing, av.VideoFrame) for thing in kept)
    assert not screen._queue


async def test_a_camera_that_runs_slow_does_not_fall_behind() -> None:
    """Lost otherwise: a slow clock would date pictures earlier and earlier."""
    camera = Camera(1)
    # 100 millionths slow, as bad quartz is: 0.36 s in an hour.
    for second in np.arange(0.0, 3600.0, 1.0):
        camera.push(frame(), second * (1 - 1e-4), 10 + second)
    picture = await camera.next()
    assert picture.arrived_s - picture.time_s < 0.01

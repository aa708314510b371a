"""Pictures that wait for the handler: bounded, dated, never a growing lag."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import av
import pytest

from fastrtc.handlers.camera import Camera

pytestmark = pytest.mark.virtual_time

FRAME = av.VideoFrame(16, 16, "yuv420p")


async def take(camera: Camera, count: int) -> list[float]:
    return [(await camera.next()).time_s for _ in range(count)]


async def test_a_full_queue_drops_its_oldest_pictures() -> None:
    """Lost otherwise: behind a slow handler the lag would grow without end."""
    camera = Camera(2)
    for number in range(5):
        camera.push(FRAME, number * 0.1, 10 + number * 0.1)
    assert await take(camera, 2) == pytest.approx([10.3, 10.4], abs=0.001)
    assert camera.dropped == 3


async def test_with_one_place_only_the_newest_is_taken() -> None:
    """Lost otherwise: skip_frames would hand a slow handler stale pictures."""
    camera = Camera(1)
    for number in range(5):
        camera.push(FRAME, number * 0.1, 10 + number * 0.1)
    assert await take(camera, 1) == pytest.approx([10.4], abs=0.001)


async def test_whoever_waits_gets_the_next_picture() -> None:
    """Lost otherwise: a handler faster than the camera would wait for ever."""
    camera = Camera(2)
    waiting = asyncio.ensure_future(camera.next())
    await asyncio.sleep(0)
    camera.push(FRAME, 0.0, 3.0)
    assert (await waiting).time_s == 3.0


async def test_pictures_keep_the_spacing_of_the_camera() -> None:
    """Lost otherwise: every hiccup of the network would be seen as a jerk."""
    camera = Camera(10)
    delays = [0.02, 0.05, 0.02, 0.09, 0.02]
    for number, delay_s in enumerate(delays):
        camera.push(FRAME, number / 30, 5 + number / 30 + delay_s)
    times = await take(camera, 5)
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps == pytest.approx([1 / 30] * 4, abs=0.001)


async def test_an_earlier_arrival_corrects_the_clock() -> None:
    """Lost otherwise: a slow first packet would delay the lips for the whole call."""
    camera = Camera(10)
    camera.push(FRAME, 0.0, 5.3)
    camera.push(FRAME, 0.1, 5.11)
    times = await take(camera, 2)
    assert times == pytest.approx([5.3, 5.11], abs=0.001)


async def test_a_camera_clock_that_jumps_starts_anew() -> None:
    """Lost otherwise: after a reconnection pictures would be dated hours ago."""
    camera = Camera(10)
    camera.push(FRAME, 1000.0, 5.0)
    camera.push(FRAME, 0.0, 6.0)
    assert await take(camera, 2) == pytest.approx([5.0, 6.0])


async def test_the_lag_is_told() -> None:
    """Lost otherwise: nobody could see that a handler is too slow."""
    camera = Camera(2)
    now_s = asyncio.get_running_loop().time()
    camera.push(FRAME, 0.0, now_s - 0.25)
    await camera.next()
    assert camera.lag_ms == pytest.approx(250, abs=20)


async def filmed(fps: float, age_s: float, goes_on: bool) -> float:
    """How old the picture is that a slow function gets, seconds."""
    camera = Camera(1)
    loop = asyncio.get_running_loop()

    async def film() -> None:
        for number in range(4 if goes_on else 3):
            camera.push(FRAME, number / fps, loop.time())
            await asyncio.sleep(1 / fps)

    filming = asyncio.ensure_future(film())
    # Busy until some time after the third picture.
    await asyncio.sleep(2 / fps + age_s)
    picture = await camera.next()
    filming.cancel()
    return loop.time() - picture.arrived_s


@pytest.mark.parametrize(
    ("fps", "age_ms", "goes_on", "lag_ms"),
    [
        (30, 10, True, 10),  # fresh enough
        (30, 25, True, 0),  # the next one is close
        (30, 25, False, 41.7),  # it doesn't come
        (5, 150, True, 150),  # it is far away
    ],
)
async def test_a_picture_half_out_of_date_is_left_for_the_next(
    fps: float, age_ms: float, goes_on: bool, lag_ms: float
) -> None:
    """Lost otherwise: a slow function would answer pictures a whole frame older."""
    lag_s = await filmed(fps, age_ms / 1000, goes_on)
    assert 1000 * lag_s == pytest.approx(lag_ms, abs=1)

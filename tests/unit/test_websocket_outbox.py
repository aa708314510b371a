"""fastrtc.transports.websocket: the outbox, the rate bound and the timers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastrtc.transports.websocket.bounds import MAX_WAITING_TEXTS
from fastrtc.transports.websocket.outbox import MAX_WAITING_FRAMES, Outbox
from fastrtc.transports.websocket.rate import RateBound
from fastrtc.transports.websocket.timers import IdleTimer, SendTimer


@pytest.fixture
def overflows() -> list[str]:
    return []


@pytest.fixture
async def outbox(overflows: list[str]) -> Outbox:
    return Outbox(lambda: overflows.append("overflow"))


async def rest(outbox: Outbox) -> list[Any]:
    """All that is left."""
    outbox.end()
    taken: list[Any] = []
    while (message := await outbox.take()) is not None:
        taken.append(message)
    return taken


async def test_texts_and_audio_leave_in_order(outbox: Outbox) -> None:
    """Lost otherwise: a caption would come after the word it belongs to."""
    outbox.put_text("a")
    outbox.put_audio(b"1")
    outbox.put_text("b")
    outbox.put_audio(b"2")
    assert await outbox.take() == "a"
    assert await rest(outbox) == [b"1", "b", b"2"]


async def test_late_audio_goes_oldest_first_and_texts_stay(outbox: Outbox) -> None:
    """Lost otherwise: a slow client would hear what was said seconds ago, or miss a
    message."""
    for number in range(MAX_WAITING_FRAMES + 3):
        outbox.put_text(f"t{number}")
        outbox.put_audio(bytes([number]))
    assert outbox.dropped_frames == 3
    left = await rest(outbox)
    audio = [m for m in left if isinstance(m, bytes)]
    assert audio == [bytes([n]) for n in range(3, MAX_WAITING_FRAMES + 3)]
    texts = [m for m in left if isinstance(m, str)]
    assert texts == [f"t{n}" for n in range(MAX_WAITING_FRAMES + 3)]


async def test_interrupted_audio_is_dropped(outbox: Outbox) -> None:
    """Lost otherwise: the bot would talk on for half a second on a slow line."""
    for _ in range(MAX_WAITING_FRAMES):
        outbox.put_audio(b"old")
    outbox.put_text("kept")
    outbox.drop_audio()
    for _ in range(MAX_WAITING_FRAMES):
        outbox.put_audio(b"new")
    assert outbox.dropped_frames == 0
    assert await rest(outbox) == ["kept", *[b"new"] * MAX_WAITING_FRAMES]


async def test_one_text_too_many_is_told_once(
    outbox: Outbox, overflows: list[str]
) -> None:
    """Lost otherwise: a client that doesn't read would fill the server's memory."""
    outbox.put_audio(b"1")
    for number in range(MAX_WAITING_TEXTS + 2):
        assert overflows == [] or number >= MAX_WAITING_TEXTS
        outbox.put_text(str(number))
    assert overflows == ["overflow"]
    assert len(outbox) == MAX_WAITING_TEXTS + 1


async def test_whoever_waits_is_woken(outbox: Outbox) -> None:
    """Lost otherwise: what is put into an empty outbox would stay there."""
    puts: list[tuple[Any, Any]] = [(outbox.put_text, "t"), (outbox.put_audio, b"a")]
    for put, message in puts:
        taking = asyncio.ensure_future(outbox.take())
        await asyncio.sleep(0)
        put(message)
        assert await taking == message
    taking = asyncio.ensure_future(outbox.take())
    await asyncio.sleep(0)
    outbox.end()
    assert await taking is None
    outbox.put_text("late")
    outbox.put_audio(b"late")
    assert len(outbox) == 0


def test_the_rate_bound_lets_bursts_through_and_then_the_rate() -> None:
    """Lost otherwise: a client could keep the server busy with audio of hours."""
    bound = RateBound(8.0, 1.0, now_s=100.0)
    assert bound.spend(1.0, 100.0) == 0
    assert bound.spend(0.8, 100.0) == pytest.approx(0.1)
    assert bound.spend(0.8, 100.1) == pytest.approx(0.1)
    # However long the rest, no more than the burst.
    assert bound.spend(1.0, 1_000.0) == 0
    assert bound.spend(0.4, 1_000.0) == pytest.approx(0.05)


@pytest.mark.virtual_time
async def test_the_idle_timer_counts_from_the_last_touch() -> None:
    """Lost otherwise: a call would end in the middle, or never."""
    loop = asyncio.get_running_loop()
    fired: list[tuple[float, float]] = []
    timer = IdleTimer(10, lambda limit_s: fired.append((loop.time(), limit_s)))
    timer.start()
    await asyncio.sleep(9)
    timer.touch(loop.time())
    await asyncio.sleep(9)
    assert fired == []
    await asyncio.sleep(5)
    assert fired == [(pytest.approx(19), 10)]


@pytest.mark.virtual_time
async def test_no_idle_limit_and_a_stopped_one() -> None:
    """Lost otherwise: who only listens would be cut off, or a closed call closed."""
    fired: list[float] = []
    endless, stopped = IdleTimer(None, fired.append), IdleTimer(1, fired.append)
    for timer in (endless, stopped):
        timer.start()
    stopped.stop()
    await asyncio.sleep(1_000)
    endless.stop()
    assert fired == []


@pytest.mark.virtual_time
async def test_the_send_timer_counts_each_message_by_itself() -> None:
    """Lost otherwise: a client that reads slowly but steadily would be cut off, or one
    that never reads would not."""
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    timer = SendTimer(10, lambda: fired.append(loop.time()))
    for _ in range(3):
        timer.begin()
        await asyncio.sleep(7)
        timer.end()
    assert fired == []
    timer.begin()
    await asyncio.sleep(20)
    assert fired == [pytest.approx(31)]
    timer.begin()
    timer.stop()
    await asyncio.sleep(20)
    assert len(fired) == 1

"""fastrtc.session.playout: an other end that queues audio itself, and a small lead."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from fastrtc.errors import SessionClosedError
from fastrtc.session.playout import Playout
from tests.support.handlers import clip

pytestmark = pytest.mark.virtual_time

FRAME_S = 0.02


class Taker:
    """A transport that takes frames as they are due."""

    def __init__(self, playout: Playout) -> None:
        self.times: list[float] = []
        self.positions: list[int] = []
        self.playout = playout
        self.task = asyncio.ensure_future(self._take())

    async def _take(self) -> None:
        with contextlib.suppress(SessionClosedError):
            while True:
                frame = await self.playout.next_frame()
                self.times.append(asyncio.get_running_loop().time())
                self.positions.append(frame.position // frame.samples.shape[1])

    async def end(self) -> None:
        self.playout.close()
        await self.task


async def test_what_has_left_is_not_heard_before_it_is_confirmed() -> None:
    """Lost otherwise: on the phone the bot would count as silent while it speaks."""
    playout, asked = Playout(), list[str]()
    playout.on_empty = lambda: asked.append("?")
    taker = Taker(playout)
    await playout.put(clip(0.1), 0, 1)
    drained = asyncio.ensure_future(playout.drained())
    await asyncio.sleep(1)
    assert asked == ["?"]
    assert not drained.done()
    assert not playout.idle
    playout.heard()
    assert await drained
    # It asks once for each time that nothing is left.
    await playout.put(clip(0.1), 0, 1)
    assert not playout.idle
    await asyncio.sleep(1)
    assert asked == ["?", "?"]
    await taker.end()


async def test_a_confirmation_of_before_confirms_nothing_new() -> None:
    """Lost otherwise: the bot's second sentence could not be interrupted."""
    playout, asked = Playout(), list[str]()
    playout.on_empty = lambda: asked.append("?")
    taker = Taker(playout)
    await playout.put(clip(0.1), 0, 1)
    await asyncio.sleep(0.2)
    await playout.put(clip(0.5), 0, 1)
    playout.heard()
    assert not playout.idle
    await asyncio.sleep(1)
    assert asked == ["?", "?"]
    assert not playout.idle
    playout.heard()
    assert playout.idle
    await taker.end()


async def test_after_an_interruption_it_is_asked_again() -> None:
    """Lost otherwise: an interrupted bot would count as speaking for ever."""
    playout, asked = Playout(), list[str]()
    playout.on_empty = lambda: asked.append("?")
    taker = Taker(playout)
    await playout.put(clip(1), 0, 2)
    await asyncio.sleep(0.5)
    playout.clear()
    await asyncio.sleep(0.5)
    assert asked == ["?"]
    playout.heard()
    assert playout.idle
    await taker.end()


async def test_a_lead() -> None:
    """Lost otherwise: a far end without audio of its own would stutter."""
    playout = Playout()
    playout.lead_s = 0.06
    taker = Taker(playout)
    for _ in range(2):
        await playout.put(clip(0.2), 0, 1)
        await asyncio.sleep(1)
    first, second = taker.times[:10], taker.times[10:]
    for times in (first, second):
        assert len(times) == 10
        for index, at_s in enumerate(times):
            due_s = times[0] + max(0, index - 3) * FRAME_S
            assert at_s == pytest.approx(due_s, abs=1e-3)
    # The clock goes on through the pause.
    assert taker.positions == [*range(10), *range(50, 60)]
    await taker.end()

"""fastrtc.session.outputs_log: AdditionalOutputs for several readers."""

from __future__ import annotations

import asyncio

import pytest

from fastrtc import AdditionalOutputs
from fastrtc.session.outputs_log import OutputsLog

pytestmark = pytest.mark.virtual_time


async def read(log: OutputsLog) -> list[int]:
    return [item.args[0] async for item in log.follow()]


async def test_every_reader_gets_every_output_in_order() -> None:
    """Lost otherwise: two pages of one session would share the outputs out."""
    log = OutputsLog()
    log.add(AdditionalOutputs(0))
    readers = [asyncio.ensure_future(read(log)) for _ in range(3)]
    for n in range(1, 5):
        await asyncio.sleep(1)
        log.add(AdditionalOutputs(n))
    log.close()
    assert await asyncio.gather(*readers) == [[0, 1, 2, 3, 4]] * 3
    assert await read(log) == [0, 1, 2, 3, 4]


async def test_a_slow_reader_loses_the_oldest_only() -> None:
    """Lost otherwise: outputs nobody reads would fill the memory."""
    log = OutputsLog(bound=3)
    for n in range(10):
        log.add(AdditionalOutputs(n))
    log.close()
    assert await read(log) == [7, 8, 9]
    assert log.take("a") is not None


async def test_named_readers_have_places_of_their_own() -> None:
    """Lost otherwise: fetch_latest_output would steal the page's outputs."""
    log = OutputsLog()
    log.add(AdditionalOutputs(0))
    log.add(AdditionalOutputs(1))

    def take(reader: str) -> int | None:
        item = log.take(reader)
        return None if item is None else item.args[0]

    assert [take("a"), take("b"), take("a")] == [0, 0, 1]
    assert not log.pending("a")
    assert log.pending("b")
    assert [take("a"), take("b"), take("b")] == [None, 1, None]


async def test_waiting_for_the_next() -> None:
    """Lost otherwise: fetch_latest_output would have to poll."""
    log = OutputsLog()
    waiting = asyncio.ensure_future(log.wait("a"))
    await asyncio.sleep(1)
    log.add(AdditionalOutputs("x"))
    item = await waiting
    assert item is not None
    assert item.args == ("x",)
    last = asyncio.ensure_future(log.wait("a"))
    await asyncio.sleep(1)
    log.close()
    assert await last is None


async def test_outputs_before_the_end_are_still_given() -> None:
    """Lost otherwise: the last output of a session would be missed."""
    log = OutputsLog()
    log.add(AdditionalOutputs(1))
    log.close()
    item = await log.wait("a")
    assert item is not None
    assert await log.wait("a") is None

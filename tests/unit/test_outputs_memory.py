"""How much memory AdditionalOutputs may take, live and after the end."""

from __future__ import annotations

import numpy as np
import pytest

from fastrtc import AdditionalOutputs
from fastrtc.options import MAX_OUTPUTS_BYTES
from fastrtc.session import SessionTable
from fastrtc.session.outputs_log import OutputsLog
from tests.support.handlers import AsyncHandler

pytestmark = pytest.mark.virtual_time

PICTURE = np.zeros((720, 1280, 3), np.uint8)
FIT = MAX_OUTPUTS_BYTES // PICTURE.nbytes


async def test_pictures_are_kept_up_to_a_number_of_bytes() -> None:
    """Lost otherwise: a picture beside each frame would take 3 GB in half a minute."""
    log = OutputsLog()
    for number in range(2 * FIT):
        log.add(AdditionalOutputs(number, PICTURE))
    log.close()
    numbers = [item.args[0] async for item in log.follow()]
    assert numbers == list(range(FIT, 2 * FIT))
    assert log.weight <= MAX_OUTPUTS_BYTES


@pytest.mark.parametrize("kind", [bytes, str, np.zeros])
async def test_what_is_too_big_is_kept_as_long_as_it_is_the_last(kind: type) -> None:
    """Lost otherwise: a big output would never reach its page."""
    big = "x" * 1000 if kind is str else kind(1000)
    log = OutputsLog(bound_bytes=999)
    log.add(AdditionalOutputs(0))
    log.add(AdditionalOutputs(big))
    assert log.take("page").args == (big,)  # type: ignore[union-attr]
    log.add(AdditionalOutputs(1))
    assert log.take("page").args == (1,)  # type: ignore[union-attr]
    assert log.weight < 999


async def test_ended_sessions_share_one_bound() -> None:
    """Lost otherwise: the pictures of 64 ended calls would fill the memory."""
    table = SessionTable(AsyncHandler)
    for number in range(4):
        session = table.open(str(number))
        for _ in range(FIT // 2):
            session.outputs.add(AdditionalOutputs(PICTURE))
        await session.close()
    assert [table.log(str(number)) is not None for number in range(4)] == [
        False,
        False,
        True,
        True,
    ]

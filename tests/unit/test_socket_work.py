"""The tasks of a socket's session: a failure ends it, and so they end."""

from __future__ import annotations

import asyncio

import pytest

from fastrtc.session import SessionTable
from fastrtc.transports.websocket.work import SocketWork
from tests.support.handlers import AsyncHandler
from tests.support.sessions import Transport

pytestmark = pytest.mark.virtual_time


async def test_a_task_that_fails_ends_the_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a call would be dead and go on, and hold its place."""
    table = SessionTable(AsyncHandler)
    work = SocketWork(table.open("me"), "call")

    async def broken() -> None:
        raise ValueError("a bug")

    async def forever() -> None:
        await asyncio.Event().wait()

    running = work.run(Transport(), lambda: [work.begin(broken())].clear(), forever)
    await asyncio.wait_for(running, 5)
    await work.stop()
    assert "me" not in table
    assert "its call failed" in caplog.text

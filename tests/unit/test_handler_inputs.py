"""fastrtc.handlers.base: how handlers come by the additional inputs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from fastrtc.errors import ArgsTimeoutError
from fastrtc.options import ARGS_TIMEOUT_S
from tests.support.handlers import AsyncHandler, SyncHandler
from tests.support.sessions import Client

pytestmark = pytest.mark.virtual_time


# -- inputs ----------------------------------------------------------------------------


def test_set_args() -> None:
    """Lost otherwise: handlers would find their inputs at another index."""
    handler = SyncHandler()
    handler.set_args([1, "a"])
    assert handler.latest_args == ["__webrtc_value__", 1, "a"]
    assert handler.args_set.is_set()
    handler.reset()
    assert not handler.args_set.is_set()


def test_set_args_of_the_textbox() -> None:
    """Lost otherwise: what the user typed would not reach the handler."""

    @dataclass
    class Data:
        webrtc_id: str
        textbox: str

    handler = SyncHandler()
    data = Data("x", "hello")
    handler.set_args([data, 1])
    assert handler.latest_args == [data, 1]


@pytest.mark.parametrize(("args", "error"), [((1,), TypeError), ([], ValueError)])
def test_set_args_errors(args: Any, error: type[Exception]) -> None:
    """Lost otherwise: wrong inputs would fail later, somewhere else."""
    with pytest.raises(error):
        SyncHandler().set_args(args)


async def test_wait_for_args() -> None:
    """Lost otherwise: a handler could not get at its additional inputs."""
    got: list[Any] = []

    async def start_up(self: Any) -> None:
        await self.wait_for_args()
        got.append(self.latest_args)

    client = Client(AsyncHandler(start_up=start_up))
    await asyncio.sleep(5)
    assert got == []
    assert client.of("send_input") == [[]]
    client.table.set_input(client.session.id, 3)
    await asyncio.sleep(0.1)
    assert got == [["__webrtc_value__", 3]]
    await client.hang_up()


async def test_wait_for_args_sync() -> None:
    """Lost otherwise: a sync handler could not get at its additional inputs."""
    got: list[Any] = []

    def start_up(self: Any) -> None:
        self.wait_for_args_sync()
        got.append(self.latest_args)
        self.wait_for_args_sync()
        got.append("again")

    client = Client(SyncHandler(start_up=start_up))
    await asyncio.sleep(5)
    assert got == []
    assert client.of("send_input") == [[]]
    client.table.set_input(client.session.id, 3)
    await asyncio.sleep(0.1)
    assert got == [["__webrtc_value__", 3], "again"]
    await client.hang_up()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_waiting_for_args_has_an_end(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: a page without inputs would pin a thread for ever."""
    raised: list[Any] = []

    def sync(self: Any) -> None:
        try:
            self.wait_for_args_sync()
        except ArgsTimeoutError as error:
            raised.append(error)

    async def asynchronous(self: Any) -> None:
        try:
            await self.wait_for_args()
        except TimeoutError as error:
            raised.append(error)

    made: Any = (
        SyncHandler(start_up=sync)
        if kind == "sync"
        else AsyncHandler(start_up=asynchronous)
    )
    client = Client(made)
    await asyncio.sleep(ARGS_TIMEOUT_S - 1)
    assert raised == []
    await asyncio.sleep(2)
    (error,) = raised
    assert "set_input" in str(error)
    await client.hang_up()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_the_sessions_end_ends_the_wait_for_args(kind: str) -> None:
    """Lost otherwise: each call that is hung up early would leave a thread."""

    def sync(self: Any) -> None:
        self.wait_for_args_sync()

    async def asynchronous(self: Any) -> None:
        await self.wait_for_args()

    made: Any = (
        SyncHandler(start_up=sync)
        if kind == "sync"
        else AsyncHandler(start_up=asynchronous)
    )
    client = Client(made)
    await asyncio.sleep(1)
    await client.hang_up()
    # Threads and tasks that were left are found after each test.


async def test_there_are_no_inputs_over_the_phone() -> None:
    """Lost otherwise: a phone call would wait for a page that isn't there."""
    handler = AsyncHandler()
    client = Client(handler)
    client.handler.phone_mode = True
    await asyncio.wait_for(client.handler.wait_for_args(), 0.1)
    assert client.of("send_input") == []
    await client.hang_up()


async def test_defaults_of_the_inputs_are_there_from_the_start() -> None:
    """Lost otherwise: a handler would wait for inputs nobody will touch."""
    client = Client(AsyncHandler(), defaults=lambda: [5, "x"])
    assert client.handler.latest_args == ["__webrtc_value__", 5, "x"]
    await asyncio.wait_for(client.handler.wait_for_args(), 0.1)
    await client.hang_up()


async def test_an_input_without_a_default_is_waited_for() -> None:
    """Lost otherwise: a reply would start without the file it needs."""
    client = Client(AsyncHandler(), defaults=lambda: [5, None])
    assert client.handler.latest_args == ["__webrtc_value__", 5, None]
    assert not client.handler.args_set.is_set()
    await client.hang_up()


async def test_announced_inputs_win_over_the_defaults() -> None:
    """Lost otherwise: the first reply would ignore what the page says."""
    handler = AsyncHandler()
    client = Client(handler, defaults=lambda: [5])
    await client.hang_up()
    session = client.table.open("page", inputs_announced=True)
    assert not session.handler.args_set.is_set()
    session.set_input(6)
    assert session.handler.latest_args == ["__webrtc_value__", 6]
    await session.close()


async def test_announced_inputs_that_never_come_are_given_up() -> None:
    """Lost otherwise: a page that breaks its promise would silence the bot."""
    client = Client(AsyncHandler())
    await client.hang_up()
    client.table._defaults = lambda: [5]
    session = client.table.open("page", inputs_announced=True)
    await asyncio.wait_for(session.handler.args_set.wait(), 3)
    assert session.handler.latest_args == ["__webrtc_value__", 5]
    await session.close()

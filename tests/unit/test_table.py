"""fastrtc.session.table: limits, names, early inputs, draining."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fastrtc import AdditionalOutputs
from fastrtc.errors import RefusedError
from fastrtc.options import MAX_PENDING_IDS, PENDING_CANDIDATES_S
from fastrtc.session import EarlyStore, Session, SessionTable, table
from fastrtc.session.table import MAX_ENDED
from tests.support.handlers import AsyncHandler, SyncHandler
from tests.support.sessions import Client, Transport

pytestmark = pytest.mark.virtual_time


def make(**options: Any) -> SessionTable:
    handler = AsyncHandler()
    return SessionTable(lambda: handler, **options)


def refusal(table: SessionTable, name: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        table.open(name)
    return caught.value


async def connect(sessions: SessionTable, name: str) -> Session:
    session = sessions.open(name)
    session.start(Transport())
    session.connected(sessions.time_limit_s)
    return session


async def test_the_limit_counts_all_and_frees_again() -> None:
    """Lost otherwise: four callers would pass a limit of one, or none get in."""
    sessions = make(limit=2)
    first = await connect(sessions, "a")
    second = sessions.open("b")
    error = refusal(sessions, "c")
    assert error.code == "concurrency_limit_reached"
    assert error.meta == {"limit": 2}
    await second.close()
    third = await connect(sessions, "c")
    assert len(sessions) == 2
    await first.close()
    await third.close()
    assert len(sessions) == 0


async def test_no_limit() -> None:
    """Lost otherwise: concurrency_limit=None would still mean one."""
    sessions = make(limit=None)
    opened = [sessions.open(str(n)) for n in range(50)]
    assert len(sessions) == 50
    await sessions.close_all("done")
    assert all(s.state == "closed" for s in opened)


async def test_a_live_session_can_not_be_taken_over() -> None:
    """Lost otherwise: whoever knows an id could end another user's session."""
    sessions = make(limit=5)
    session = await connect(sessions, "a")
    assert refusal(sessions, "a").code == "connection_already_exists"
    assert sessions.get("a") is session
    assert "a" in sessions
    assert session.state == "connected"
    await session.close()
    again = sessions.open("a")
    assert again is not session
    await again.close()


async def test_closing_an_old_session_leaves_its_successor() -> None:
    """Lost otherwise: a client that reconnects would lose its new session."""
    sessions = make()
    old = await connect(sessions, "a")
    await old.close()
    new = await connect(sessions, "a")
    await old.close()
    assert sessions.get("a") is new
    await new.close()


@pytest.mark.parametrize("problem", ["raises", "no handler"])
async def test_a_failing_copy_holds_no_slot(
    problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: an error in copy() would lock everyone out for good."""

    class Broken(AsyncHandler):
        def copy(self) -> Any:
            if problem == "raises":
                raise ZeroDivisionError("secret")
            return "no handler"

    handlers: list[Any] = [Broken()]
    sessions = SessionTable(lambda: handlers[0])
    error = refusal(sessions, "a")
    assert error.code == "handler_failed"
    assert "secret" not in str(error)
    assert "copy() raised" in caplog.text
    assert caplog.records[0].exc_info
    assert len(sessions) == 0
    handlers[0] = AsyncHandler()
    await sessions.open("a").close()


async def test_failing_defaults_hold_no_slot() -> None:
    """Lost otherwise: an odd component would lock everyone out for good."""

    def defaults() -> Any:
        raise ZeroDivisionError

    sessions = make(defaults=defaults)
    with pytest.raises(ZeroDivisionError):
        sessions.open("a")
    assert len(sessions) == 0


async def test_each_session_has_a_handler_of_its_own() -> None:
    """Lost otherwise: users would share one handler's state."""

    class Lazy(SyncHandler):
        def copy(self) -> Any:
            return self

    handler = Lazy()
    sessions = SessionTable(lambda: handler, limit=2)
    one, other = sessions.open("a"), sessions.open("b")
    assert len({id(handler), id(one.handler), id(other.handler)}) == 3
    one.set_input(1)
    assert other.handler.latest_args == []
    await sessions.close_all("done")


# -- inputs -----------------------------------------------------------------------


async def test_inputs_from_any_thread() -> None:
    """Lost otherwise: set_input in a FastAPI route would race with the session."""
    sessions = make()
    session = await connect(sessions, "a")
    await asyncio.to_thread(sessions.set_input, "a", 1, "x")
    await asyncio.sleep(0)
    assert session.handler.latest_args == ["__webrtc_value__", 1, "x"]
    await session.close()
    sessions.set_input("a", 2)


async def test_inputs_that_come_before_the_session() -> None:
    """Lost otherwise: inputs sent right before the offer would be lost."""
    sessions = make(defaults=lambda: ["default"])
    sessions.set_input("a", "old")
    sessions.set_input("a", "early")
    session = sessions.open("a")
    assert session.handler.latest_args == ["__webrtc_value__", "early"]
    await session.close()
    again = sessions.open("a")
    assert again.handler.latest_args == ["__webrtc_value__", "default"]
    await again.close()


async def test_a_failing_set_args_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: an error in a user's set_args would vanish."""

    class Broken(AsyncHandler):
        def set_args(self, args: list[Any]) -> None:
            raise ValueError("bad args")

        def copy(self) -> Any:
            return Broken()

    client = Client(Broken())
    client.table.set_input(client.session.id, 1)
    await asyncio.sleep(0)
    assert "set_args raised" in caplog.text
    assert len(client.of("error")) == 1
    await client.hang_up()


async def test_a_failing_set_args_with_early_inputs_holds_no_slot() -> None:
    """Lost otherwise: one bad set_input call would take the only slot for good."""

    class Broken(AsyncHandler):
        def set_args(self, args: list[Any]) -> None:
            raise ValueError("bad args")

        def copy(self) -> Any:
            return Broken()

    handler = Broken()
    sessions = SessionTable(lambda: handler)
    sessions.set_input("a", 1)
    try:
        session = sessions.open("a")
    except (ValueError, RefusedError):
        assert len(sessions) == 0
    else:
        await session.close()


# -- outputs ------------------------------------------------------------------------


async def test_outputs_are_waited_for_and_kept_a_while() -> None:
    """Lost otherwise: a page that subscribes first, or last, would get nothing."""
    sessions = make()
    waiting = asyncio.ensure_future(sessions.outputs("a"))
    await asyncio.sleep(1)
    session = await connect(sessions, "a")
    assert await waiting is session.outputs
    session.outputs.add(AdditionalOutputs(1))
    await session.close()
    assert await sessions.outputs("a") is session.outputs
    again = sessions.open("a")
    assert sessions.log("a") is again.outputs
    await again.close()


async def test_outputs_of_a_session_that_never_comes() -> None:
    """Lost otherwise: asking for an unknown id would hang for ever."""
    sessions = make()
    loop = asyncio.get_running_loop()
    assert await sessions.outputs("nobody") is None
    assert loop.time() == pytest.approx(PENDING_CANDIDATES_S)


async def test_ended_sessions_are_bounded() -> None:
    """Lost otherwise: a long-lived server would keep all outputs ever made."""
    sessions = make()
    for n in range(MAX_ENDED + 3):
        await sessions.open(str(n)).close()
    assert sessions.log("2") is None
    assert sessions.log("3") is not None


# -- draining -----------------------------------------------------------------------


async def test_closing_all_refuses_new_ones_until_reopened() -> None:
    """Lost otherwise: a server that stops would never be done."""
    sessions = make(limit=None)
    opened = [await connect(sessions, str(n)) for n in range(3)]
    await sessions.close_all("the server stops")
    assert all(s.state == "closed" for s in opened)
    assert refusal(sessions, "x").code == "server_stopping"
    sessions.reopen()
    await sessions.open("x").close()


async def test_a_stream_reaches_the_table_limit_by_memory_too() -> None:
    """Lost otherwise: limits would differ from transport to transport."""
    client = Client(AsyncHandler(), limit=1)
    assert refusal(client.table, "b").code == "concurrency_limit_reached"
    await client.hang_up()


# -- things kept for sessions that are not there yet -----------------------------------


class Clock:
    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(table, "time", clock)
    return clock


def test_early_things_are_bounded_in_number(clock: Clock) -> None:
    """Lost otherwise: requests with made-up ids would fill the memory."""
    store: EarlyStore[int] = EarlyStore(per_id=2)
    assert [store.add("a", n) for n in range(3)] == [True, True, False]
    for n in range(MAX_PENDING_IDS):
        store.add(f"x{n}", n)
    assert len(store) == MAX_PENDING_IDS
    assert store.pop("a") == []
    assert store.pop("x5") == [5]
    assert store.pop("x5") == []


def test_early_things_are_bounded_in_time(clock: Clock) -> None:
    """Lost otherwise: a stale candidate would be used for a later session."""
    store: EarlyStore[int] = EarlyStore(per_id=2)
    store.add("a", 1)
    clock.now_s = PENDING_CANDIDATES_S - 1
    store.add("b", 2)
    assert store.pop("a") == [1]
    store.add("a", 3)
    clock.now_s = 2 * PENDING_CANDIDATES_S - 1
    assert store.pop("b") == []
    store.add("c", 4)
    assert len(store) == 1


def test_one_thing_per_id_is_the_newest(clock: Clock) -> None:
    """Lost otherwise: a session would start with outdated inputs."""
    store: EarlyStore[int] = EarlyStore()
    assert store.add("a", 1)
    assert store.add("a", 2)
    assert store.pop("a") == [2]

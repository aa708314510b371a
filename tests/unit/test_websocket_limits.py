"""fastrtc.transports.websocket: limits, floods and garbage, on a virtual clock."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastrtc.testing import run_in_virtual_time
from fastrtc.transports.websocket import bounds
from fastrtc.transports.websocket.outbox import MAX_WAITING_FRAMES
from tests.support.handlers import AsyncHandler, tone
from tests.support.websocket import PCM, Ear, Mouth, Wire, door_to, now_s, talking

pytestmark = pytest.mark.virtual_time


# -- who gets in, and how long ---------------------------------------------------------


async def test_one_limit_counts_all() -> None:
    """Lost otherwise: a server would be overrun by WebSockets."""
    table, door = door_to(AsyncHandler(), limit=1)
    first = Wire(door)
    await first.started()
    second = Wire(door)
    second.start("another")
    meta = await second.refused()
    assert meta["error"] == "concurrency_limit_reached"
    assert meta["limit"] == 1
    assert second.close_code == 1013
    await first.hang_up()
    third = Wire(door)
    await third.started()
    await third.hang_up()
    assert len(table) == 0


async def test_a_live_id_can_not_be_taken_over() -> None:
    """Lost otherwise: whoever knows an id could end or overhear a stranger's call."""
    table, door = door_to(AsyncHandler(), limit=None)
    owner = Wire(door)
    await owner.started()
    session = table.get("me")
    thief = Wire(door)
    thief.start()
    assert (await thief.refused())["error"] == "connection_already_exists"
    assert table.get("me") is session
    await owner.hang_up()


@pytest.mark.parametrize("name", ["me", "other"])
async def test_a_second_start_on_a_socket_changes_nothing(name: str) -> None:
    """Lost otherwise: a client's retry would end its own call."""
    table, door = door_to(AsyncHandler(), limit=None)
    wire = Wire(door)
    await wire.started()
    session = table.get("me")
    wire.start(name)
    refusal = await wire.event("error")
    assert refusal["meta"]["error"] == "connection_already_exists"
    assert table.get("me") is session
    assert session is not None
    assert session.state == "connected"
    assert len(table) == 1
    await wire.hang_up()


async def test_the_time_limit() -> None:
    """Lost otherwise: a client could hold its slot for ever."""
    _, door = door_to(AsyncHandler(), time_limit_s=30)
    wire = Wire(door)
    wire.start(idle_timeout_s=3_600)
    await wire.serving
    assert now_s() == pytest.approx(30, abs=0.1)
    assert "time limit" in wire.events[-1]["data"]


async def test_no_start() -> None:
    """Lost otherwise: sockets that say nothing would pile up."""
    _, door = door_to(AsyncHandler())
    wire = Wire(door)
    for _ in range(20):
        wire.say({"event": "ping"})
    assert (await wire.refused())["error"] == "start_timeout"
    assert now_s() == pytest.approx(bounds.START_TIMEOUT_S, abs=0.1)


async def test_much_before_start() -> None:
    """Lost otherwise: a client could keep the server busy without taking a slot."""
    _, door = door_to(AsyncHandler())
    wire = Wire(door)
    for _ in range(bounds.MAX_EARLY_MESSAGES):
        wire.say(bytes(100))
    assert (await wire.refused())["error"] == "start_timeout"
    assert now_s() < 1


@pytest.mark.parametrize("end", [Wire.leave, lambda wire: wire.say({"event": "stop"})])
async def test_gone_before_start(end: Any) -> None:
    """Lost otherwise: every port scanner would leave a traceback, and a task."""
    table, door = door_to(AsyncHandler())
    wire = Wire(door)
    wire.media(b"early")
    end(wire)
    await wire.serving
    assert len(table) == 0


async def test_the_idle_limit_and_the_one_a_client_asks_for() -> None:
    """Lost otherwise: a client that vanished would keep its slot."""
    _, door = door_to(AsyncHandler())
    wire = Wire(door)
    wire.start()
    await asyncio.sleep(50)
    wire.say({"event": "ping"})
    await wire.serving
    assert now_s() == pytest.approx(50 + bounds.IDLE_TIMEOUT_S, abs=0.1)
    assert wire.events[-1]["type"] == "end_stream"
    began_s = now_s()
    wire = Wire(door)
    wire.start(idle_timeout_s=300)
    await wire.serving
    assert now_s() - began_s == pytest.approx(300, abs=0.1)


# -- too much, too fast, too slow ------------------------------------------------------


@pytest.mark.parametrize("size", [160, 8_000])
async def test_audio_sent_at_once_is_heard_whole(size: int) -> None:
    """Lost otherwise: a client that sends a recording, or comes out of a tunnel,
    would be heard in pieces."""
    ear = Ear()
    _, door = door_to(AsyncHandler(receive=ear.receive, input_sample_rate=8_000))
    wire = Wire(door)
    wire.start()
    for _ in range(80_000 // size):
        wire.media(bytes(size))
    await wire.hang_up()
    assert ear.seconds == pytest.approx(10)
    assert now_s() == pytest.approx((10 - bounds.AUDIO_BURST_S) / 8, abs=0.1)


async def test_a_flood_of_messages_is_slowed_down() -> None:
    """Lost otherwise: one client could take the whole processor."""
    _, door = door_to(AsyncHandler())
    wire = Wire(door)
    wire.start()
    for _ in range(2_000):
        wire.say({"event": "none"})
    await wire.hang_up()
    assert now_s() == pytest.approx(2, abs=0.1)


async def test_a_slow_client_hears_the_present() -> None:
    """Lost otherwise: on a slow line the bot's voice would lag more and more."""
    wire, _ = await talking()
    wire.gate.clear()
    before = len(wire.audio)
    await asyncio.sleep(3)
    wire.gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    assert len(wire.audio) - before <= MAX_WAITING_FRAMES + 1
    await wire.hang_up()


async def test_a_client_that_never_reads_loses_its_session() -> None:
    """Lost otherwise: it would hold its slot, and fill the memory."""
    wire, session = await talking()
    wire.gate.clear()
    blocked_s = now_s()
    await wire.serving
    assert now_s() - blocked_s == pytest.approx(bounds.SEND_TIMEOUT_S + 1.5, abs=0.1)
    assert session.state == "closed"


async def test_texts_nobody_reads_end_the_session() -> None:
    """Lost otherwise: the same by way of pongs."""
    table, door = door_to(AsyncHandler())
    wire = Wire(door)
    await wire.started()
    wire.gate.clear()
    for _ in range(bounds.MAX_WAITING_TEXTS + 2):
        wire.say({"event": "ping"})
    await wire.serving
    assert now_s() < bounds.SEND_TIMEOUT_S
    assert len(table) == 0


async def test_a_socket_that_breaks_while_it_is_written_to() -> None:
    """Lost otherwise: a lost client would be a traceback in the log."""
    wire, session = await talking()

    async def broken(message: Any) -> None:
        raise OSError("broken pipe")

    wire.websocket._send = broken
    await wire.serving
    assert session.state == "closed"


async def test_a_connection_that_can_not_be_made_frees_its_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lost otherwise: a codec that fails to open would take a slot for good."""

    def fail(*_: Any) -> None:
        raise RuntimeError("no codec")

    monkeypatch.setattr("fastrtc.transports.websocket.connection.AudioOut", fail)
    table, door = door_to(AsyncHandler())
    wire = Wire(door)
    wire.start()
    with pytest.raises(RuntimeError, match="no codec"):
        await wire.serving
    assert len(table) == 0


@pytest.mark.parametrize("late", [0, 1])
async def test_a_client_that_is_gone_in_the_handshake(late: int) -> None:
    """Lost otherwise: the same for a client that is gone at once."""
    table, door = door_to(AsyncHandler())
    wire = Wire(door)
    fine = wire.websocket._send

    async def broken(message: Any) -> None:
        nonlocal late
        if late == 0:
            raise OSError("broken pipe")
        late -= 1
        await fine(message)

    wire.websocket._send = broken
    wire.say({"event": "ping"})
    wire.say("garbage")
    await wire.serving
    assert len(table) == 0


async def test_an_error_of_ours_ends_the_session_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a defect would leave a session that does nothing."""
    table, door = door_to(AsyncHandler())
    wire = Wire(door)
    await wire.started()
    session: Any = table.get("me")
    session.receive_text = None
    wire.say({"type": "text", "data": "x"})
    with caplog.at_level(logging.ERROR, "fastrtc"):
        await wire.serving
    assert session.state == "closed"
    assert caplog.records


@pytest.mark.parametrize(
    ("message", "code", "closed_with"),
    [
        ("{", "invalid_message", 1008),
        (b"\0\0", "invalid_message", 1008),
        ("x" * (bounds.MAX_EVENT_CHARS + 1), "message_too_large", 1009),
        ({"event": "media", "media": {"payload": "a"}}, "invalid_message", 1008),
    ],
)
async def test_garbage_ends_the_session_with_a_reason(
    message: Any, code: str, closed_with: int
) -> None:
    """Lost otherwise: a developer would look for the mistake in the wrong place."""
    table, door = door_to(AsyncHandler())
    wire = Wire(door)
    await wire.started()
    wire.say(message)
    assert (await wire.refused())["error"] == code
    assert wire.close_code == closed_with
    assert len(table) == 0


async def test_half_a_sample_ends_the_session_with_a_reason() -> None:
    """Lost otherwise: a client that cuts samples in two would hear itself as noise."""
    _, door = door_to(AsyncHandler())
    wire = Wire(door)
    wire.start(format=PCM)
    wire.say(b"abc")
    assert (await wire.refused())["error"] == "invalid_audio"


MESSAGES = st.one_of(
    st.binary(max_size=50),
    st.text(max_size=50),
    st.sampled_from(
        [
            {"event": "start", "websocket_id": "a"},
            {"event": "start", "websocket_id": "b", "format": PCM},
            {"event": "start", "websocket_id": "a", "format": {"encoding": "opus"}},
            {"event": "media", "media": {"payload": "AAAA"}},
            {"event": "ping"},
            {"event": "unknown"},
            {"type": "text", "data": "hello"},
            {"event": "start"},
            {"event": "stop"},
        ]
    ),
)


@settings(max_examples=60)
@given(st.lists(st.lists(MESSAGES, max_size=6), min_size=1, max_size=3))
@pytest.mark.parametrize("_", [0])
def test_any_order_of_anything_leaves_nothing(_: int, clients: list[list[Any]]) -> None:
    """Lost otherwise: some sequence nobody thought of would leak a session."""

    async def run() -> None:
        mouth = Mouth((24_000, tone(0.1)))
        table, door = door_to(AsyncHandler(mouth.emit), limit=2)
        wires = [Wire(door) for _ in clients]
        for wire, messages in zip(wires, clients, strict=True):
            for message in messages:
                wire.say(message)
            wire.leave()
        for wire in wires:
            await wire.serving
        assert len(table) == 0

    logging.disable(logging.CRITICAL)
    try:
        run_in_virtual_time(run)
    finally:
        logging.disable(logging.NOTSET)

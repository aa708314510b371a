"""fastrtc.session.session: one client, from its start to its one end."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from fastrtc import AdditionalOutputs, Caption, CloseStream, WebRTCError
from fastrtc.options import CLOSE_GRACE_S
from fastrtc.outputs import parse_emission
from fastrtc.session import Session
from tests.support.handlers import AsyncHandler, SyncHandler, tone
from tests.support.sessions import FRAME, Client, Messages, Transport

pytestmark = pytest.mark.virtual_time


class Counting(AsyncHandler):
    """Counts what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.started = self.stopped = 0

    async def start_up(self) -> None:
        self.started += 1

    async def shutdown(self) -> None:
        self.stopped += 1

    def copy(self) -> Counting:
        return Counting()


def make() -> tuple[Session, Counting, Transport, Messages]:
    handler, transport, messages = Counting(), Transport(), Messages()
    session = Session("me", handler)
    session.start(transport)
    session.channel.open(messages)
    return session, handler, transport, messages


# -- the end -------------------------------------------------------------------------


async def test_closing_while_connecting() -> None:
    """Lost otherwise: a client that gives up early would hold its slot."""
    session, handler, transport, _ = make()
    ended: list[int] = []
    session.on_closed(lambda: ended.append(1))
    await session.close()
    assert session.state == "closed"
    assert transport.disconnects == 1
    # It never started, so there is nothing to shut down.
    assert (handler.started, handler.stopped, ended) == (0, 0, [1])


async def test_closing_while_connected() -> None:
    """Lost otherwise: the app's shutdown would not run, or run twice."""
    session, handler, transport, _ = make()
    session.connected(None)
    await asyncio.sleep(1)
    await asyncio.gather(*(session.close() for _ in range(5)))
    await session.close()
    session.close_soon("again")
    session.end("again")
    assert (handler.started, handler.stopped, transport.disconnects) == (1, 1, 1)


async def test_closing_before_the_transport_is_there() -> None:
    """Lost otherwise: an early failure would raise from the clean-up itself."""
    session = Session("me", Counting())
    await session.close()
    assert session.state == "closed"


async def test_nothing_comes_back_to_life() -> None:
    """Lost otherwise: a late event of the network would restart a dead session."""
    session, handler, _, messages = make()
    await session.close()
    session.connected(None)
    session.feed(FRAME)
    session.set_input(1)
    session.end("x")
    await asyncio.sleep(1)
    assert session.state == "closed"
    assert handler.started == 0
    assert handler.latest_args == []
    assert messages.all == []


async def test_connecting_twice_starts_once() -> None:
    """Lost otherwise: a flapping connection would start the app's code twice."""
    session, handler, _, _ = make()
    session.connected(None)
    session.connected(None)
    await asyncio.sleep(1)
    assert handler.started == 1
    await session.close()


async def test_a_cancelled_closer_does_not_stop_the_closing() -> None:
    """Lost otherwise: a request that is cancelled would leak its session."""
    session, handler, transport, _ = make()
    session.connected(None)
    await asyncio.sleep(0.1)
    closer = asyncio.ensure_future(session.close())
    await asyncio.sleep(0)
    closer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closer
    await session.close()
    assert (handler.stopped, transport.disconnects) == (1, 1)


async def test_closing_from_within_user_code() -> None:
    """Lost otherwise: a handler that ends its own session would deadlock."""
    ended = asyncio.Event()

    class Suicidal(Counting):
        session: Session

        async def start_up(self) -> None:
            self.session.close_soon("enough")

    handler = Suicidal()
    session = Session("me", handler)
    handler.session = session
    session.on_closed(ended.set)
    session.start(Transport())
    session.connected(None)
    await asyncio.wait_for(ended.wait(), 5)
    assert handler.stopped == 1


async def test_the_time_limit() -> None:
    """Lost otherwise: sessions would last for ever, and cost for ever."""
    session, handler, transport, messages = make()
    session.connected(60)
    await asyncio.sleep(59.9)
    assert session.state == "connected"
    await asyncio.sleep(0.2)
    await session.close()
    assert messages.of("end_stream") == ["The time limit of 60 s was reached."]
    assert (handler.stopped, transport.disconnects) == (1, 1)


async def test_timers_end_with_the_session() -> None:
    """Lost otherwise: ended sessions would stay in memory until their limit."""
    session, _, _, _ = make()
    fired: list[int] = []
    session.call_later(5, fired.append, 1)
    await session.close()
    await asyncio.sleep(10)
    assert fired == []


@pytest.mark.parametrize("problem", ["hangs", "raises"])
async def test_a_transport_that_does_not_end(
    problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: a stuck connection would hold its slot for good."""
    session, handler, transport, _ = make()
    transport.hang = problem == "hangs"
    transport.error = ValueError("socket") if problem == "raises" else None
    session.connected(None)
    await asyncio.sleep(0.1)
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    await session.close()
    assert loop.time() - before_s <= CLOSE_GRACE_S + 0.1
    assert handler.stopped == 1
    expected = {"hangs": "did not close in time", "raises": "connection failed"}
    assert expected[problem] in caplog.text


async def test_the_loops_end_closes_the_session() -> None:
    """Lost otherwise: a server killed by Ctrl-C would skip the app's shutdown."""
    session, handler, transport, _ = make()
    session.connected(None)
    await asyncio.sleep(0.1)
    assert session._keeper is not None
    session._keeper.cancel()  # as asyncio.run does with all tasks
    await asyncio.gather(session._keeper, return_exceptions=True)
    assert session.state == "closed"
    assert (handler.stopped, transport.disconnects) == (1, 1)


async def test_a_failing_callback_at_the_end_does_not_keep_the_others() -> None:
    """Lost otherwise: an ended session could stay in the table and hold its slot."""
    session, _, _, _ = make()
    called: list[str] = []
    session.on_closed(lambda: called.append("first"))
    await session.close()
    assert called == ["first"]
    assert session.channel.readyState == "closed"


# -- errors ---------------------------------------------------------------------------


async def test_errors_are_logged_whole_and_told_without_internals(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: nobody would know why, or users would see secrets."""
    session, _, _, messages = make()
    try:
        raise ZeroDivisionError("the password is 1234")
    except ZeroDivisionError as error:
        session.report("emit", error)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "emit raised" in record.getMessage()
    assert "ZeroDivisionError: the password is 1234" in caplog.text
    assert "Traceback" in caplog.text
    (text,) = messages.of("error")
    assert "1234" not in text
    assert "emit" in text
    assert session.user_errors == 1
    await session.close()


async def test_errors_are_told_once_a_second_from_each_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a broken receive would flood the page and the log."""
    session, _, _, messages = make()
    for _ in range(250):
        session.report("receive", ValueError("x"))
        await asyncio.sleep(0.01)
    session.report("emit", ValueError("x"))
    assert len(messages.of("error")) == 4
    loud = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(loud) == 4
    assert session.user_errors == 251
    await session.close()


async def test_a_webrtc_error_is_told_in_its_own_words() -> None:
    """Lost otherwise: apps could not tell their users what went wrong."""
    session, _, _, messages = make()
    session.report("emit", WebRTCError("Please log in."))
    assert messages.of("error") == ["Please log in."]
    await session.close()


async def test_a_webrtc_error_is_told_once() -> None:
    """Lost otherwise: users would see the same message twice."""

    async def receive(self: Any, frame: Any) -> None:
        raise WebRTCError("Please log in.")

    client = Client(AsyncHandler(receive=receive))
    client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    assert client.of("error") == ["Please log in."]
    await client.hang_up()


# -- delivery --------------------------------------------------------------------------


async def test_outputs_come_with_a_message() -> None:
    """Lost otherwise: pages would not know that there are outputs to fetch."""

    async def emit(self: Any) -> Any:
        if len(sent) < 3:
            sent.append(len(sent))
            return AdditionalOutputs(sent[-1])
        return await asyncio.Event().wait()

    sent: list[int] = []
    client = Client(AsyncHandler(emit=emit))
    log = client.session.outputs
    await asyncio.sleep(1)
    assert client.of("fetch_output") == [[], [], []]
    await client.hang_up()
    assert [item.args async for item in log.follow()] == [(0,), (1,), (2,)]


async def test_the_stream_closes_after_the_audio_was_heard() -> None:
    """Lost otherwise: the bot's goodbye would be cut off."""

    async def emit(self: Any) -> Any:
        return (24_000, tone(1.5)), CloseStream("Bye.")

    client = Client(AsyncHandler(emit=emit))
    loop = asyncio.get_running_loop()
    await client.closed()
    assert loop.time() == pytest.approx(1.5, abs=0.05)
    assert client.heard_s == pytest.approx(1.5, abs=0.021)
    assert client.of("end_stream") == ["Bye."]
    await client.hang_up()


async def test_user_code_that_ignores_its_end_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: one stubborn handler would block the server's shutdown."""
    release = asyncio.Event()

    async def emit(self: Any) -> Any:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    client = Client(AsyncHandler(emit=emit))
    await asyncio.sleep(0.1)
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    await client.hang_up()
    assert loop.time() - before_s <= CLOSE_GRACE_S + 0.1
    assert "ignore their cancellation" in caplog.text
    assert len(client.table) == 0
    release.set()
    await asyncio.sleep(0.1)


async def test_a_blocked_thread_does_not_keep_the_session() -> None:
    """Lost otherwise: one blocked model call would hold a slot for good."""
    release = threading.Event()

    def emit(self: Any) -> Any:
        while not release.is_set():
            try:
                release.wait()
            except BaseException:  # as rude as user code can be
                continue

    client = Client(SyncHandler(emit=emit))
    await asyncio.sleep(0.1)
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    await client.hang_up()
    assert loop.time() - before_s <= CLOSE_GRACE_S + 0.1
    assert len(client.table) == 0
    release.set()


# -- captions and text -----------------------------------------------------------------


async def test_captions_wait_while_the_client_is_lost() -> None:
    """Lost otherwise: a hole in the network would be one in the transcript too."""
    session, _, transport, messages = make()
    session.allow_resuming()
    session.connected(None, sends=())
    for word in ("one", "two", "three"):
        await session.deliver(parse_emission(Caption(word)), 0, 30)
        await session.deliver(parse_emission((24_000, tone(1.0))), 0, 30)
    await asyncio.sleep(1.5)
    session.lost(transport, "the network is gone")
    for task in session._unseen:
        task.cancel()
    await asyncio.sleep(5)
    assert [data["text"] for data in messages.of("caption")] == ["one", "two"]
    again = Transport()
    await session.resume(again)
    session.channel.open(messages)
    session.connected(None, sends=())
    await asyncio.sleep(1)
    assert [data["text"] for data in messages.of("caption")] == ["one", "two", "three"]
    await session.close()


async def test_a_caption_of_an_interrupted_reply_is_not_shown() -> None:
    """Lost otherwise: the transcript would go on after an interruption."""
    session, _, _, messages = make()
    session.connected(None)
    session.clear()
    assert not await session.deliver(parse_emission(Caption("stale")), 0, 30)
    assert await session.deliver(parse_emission(Caption("fresh")), 1, 30)
    assert [data["text"] for data in messages.of("caption")] == ["fresh"]
    await session.close()


async def test_text_needs_a_connection() -> None:
    """Lost otherwise: a handler would be asked before it began, or after its end."""
    got: list[str] = []

    class Reading(Counting):
        async def receive_text(self, text: str) -> None:
            got.append(text)

    session = Session("me", Reading())
    session.start(Transport())
    session.receive_text("early")
    session.connected(None)
    session.receive_text("in time")
    await asyncio.sleep(1)
    await session.close()
    session.receive_text("late")
    assert got == ["in time"]

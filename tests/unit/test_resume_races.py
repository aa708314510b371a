"""Two connections of one session at a time: what the old one does is nothing."""

from __future__ import annotations

import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import Any, cast

import av
import pytest
from aiortc import RTCConfiguration

from fastrtc.errors import RefusedError
from fastrtc.handlers.adapt import as_handler
from fastrtc.media import Media
from fastrtc.options import RECONNECT_GRACE_S
from fastrtc.outputs import CloseStream, Emission, parse_emission
from fastrtc.session import Session, SessionTable
from fastrtc.transports.webrtc import IceOptions, WebRTCDoor, signalling
from fastrtc.transports.webrtc.connection import WebRTCConnection
from tests.support.handlers import AsyncHandler, tone
from tests.support.sessions import Messages, Transport

pytestmark = pytest.mark.virtual_time


def call(
    media: Media | None = None, sends: tuple[str, ...] = ("audio", "video")
) -> tuple[SessionTable, Session, Transport]:
    """A connected session that may be resumed."""
    table = SessionTable(AsyncHandler, media=media or Media("audio"))
    session, transport = table.open("me"), Transport()
    session.start(transport)
    session.allow_resuming()
    session.connected(None, sends)
    return table, session, transport


async def test_an_old_connection_is_not_kept_by_its_timers() -> None:
    """Lost otherwise: each change of network would cost a connection's memory."""
    _, session, old = call()

    class Connection(Transport):
        def check(self) -> None:
            """It has connected in time."""

    for _ in range(3):
        session.lost(old, "no network")
        old = Connection()
        session.call_later(5, old.check)
        await session.resume(old)
        session.connected(None)
    gone = weakref.ref(old)
    session.lost(old, "no network")
    old = Connection()
    await session.resume(old)
    session.connected(None)
    await asyncio.sleep(10)
    gc.collect()
    assert gone() is None
    await session.close()


async def test_of_two_attempts_the_later_one_goes_on() -> None:
    """Lost otherwise: an impatient client would have two connections, or none."""
    table, session, old = call()
    session.lost(old, "no network")
    first, second = Transport(), Transport()
    attempts = asyncio.gather(
        session.resume(first), session.resume(second), return_exceptions=True
    )
    refused, fine = await attempts
    assert isinstance(refused, RefusedError)
    assert fine is None
    assert (first.disconnects, second.disconnects) == (1, 0)
    session.lost(first, "it was refused")
    session.connected(None)
    assert session.state == "connected"
    await session.close()
    assert second.disconnects == 1
    assert "me" not in table


async def test_coming_back_before_the_first_connection_was_there() -> None:
    """Lost otherwise: the handler would never start, or start twice."""
    table = SessionTable(AsyncHandler)
    session, first, second = table.open("me"), Transport(), Transport()
    session.start(first)
    session.allow_resuming()
    await session.resume(second)
    session.lost(first, "it was cut")
    assert (session.state, first.disconnects) == ("connecting", 1)
    session.connected(None)
    await asyncio.sleep(0.1)
    assert session.handler.channel_set.is_set()
    await session.close()


async def test_coming_back_while_it_closes_is_refused() -> None:
    """Lost otherwise: a connection would stay that nobody closes."""
    table, session, old = call()
    session.lost(old, "no network")
    attempt = Transport()
    resuming = asyncio.ensure_future(session.resume(attempt))
    await asyncio.sleep(0)
    await session.close("the page hung up")
    with pytest.raises(RefusedError):
        await resuming
    assert attempt.disconnects == 1
    assert "me" not in table


async def test_a_farewell_to_a_client_that_never_comes_back() -> None:
    """Lost otherwise: CloseStream would wait for a listener for ever."""
    table, session, old = call()
    session.lost(old, "no network")
    farewell = Emission(clip=parse_emission((24_000, tone(1.0))).clip)
    await session.deliver(farewell, session.generation, 1)
    closing = Emission(close=CloseStream("Goodbye."))
    waiting = session.spawn(_deliver(session, closing))
    await asyncio.sleep(RECONNECT_GRACE_S - 1)
    assert "me" in table
    assert not waiting.done()
    await asyncio.sleep(1.5)
    assert "me" not in table
    assert waiting.done()


async def _deliver(session: Session, emission: Emission) -> None:
    await session.deliver(emission, session.generation, 1)


async def test_nothing_is_played_to_nobody_while_the_client_is_away() -> None:
    """Lost otherwise: what a client without video gets would be ahead of its sound."""
    _, session, old = call(Media("audio-video"), sends=("video",))
    clip = parse_emission((24_000, tone(2.0))).clip
    assert clip is not None
    await session.playout.put(clip, 0, 5)
    session.playout.finish(0)
    await asyncio.sleep(0.5)
    session.lost(old, "no network")
    heard_ms = session.playout.played_ms
    await asyncio.sleep(10)
    assert session.playout.played_ms == pytest.approx(heard_ms, abs=21)
    await session.resume(Transport())
    session.connected(None, sends=("audio", "video"))
    waiting = session.playout.next_frame()
    await asyncio.wait_for(waiting, 1)
    await asyncio.sleep(5)
    assert session.playout.played_ms == pytest.approx(heard_ms, abs=41)
    await session.close()


@pytest.mark.parametrize("token", ["\ud800", "ü" * 64])
async def test_a_token_that_is_no_text_is_a_wrong_one(token: str) -> None:
    """Lost otherwise: JSON's half characters would be an error of the server's."""
    table, session, _ = call()
    with pytest.raises(RefusedError) as refused:
        table.reopen_session("me", token)
    assert refused.value.code == "connection_already_exists"
    await session.close()


class Slow(Transport):
    """A connection that takes offers, and notes its candidates."""

    def __init__(self, session: Session, *_: Any, **__: Any) -> None:
        super().__init__()
        self.early: list[Any] = []
        self.late: list[Any] = []

    async def answer(self, sdp: str, early: list[Any]) -> Any:
        self.early = early
        return signalling.RTCSessionDescription("v=0", "answer")

    async def add_candidate(self, candidate: Any) -> None:
        self.late.append(candidate)

    async def disconnect(self) -> None:
        await asyncio.sleep(1)


async def test_candidates_of_the_new_connection_never_go_to_the_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lost otherwise: a client that trickles could not come back."""
    made: list[Slow] = []

    def make(*args: Any, **fields: Any) -> Slow:
        made.append(Slow(*args, **fields))
        return made[-1]

    monkeypatch.setattr(signalling, "WebRTCConnection", make)
    table = SessionTable(AsyncHandler)
    door = WebRTCDoor(table, IceOptions(server={"iceServers": []}))
    offer = {"type": "offer", "sdp": "v=0", "webrtc_id": "me"}
    answer = await door.handle({**offer, "resumable": True})
    session = table.get("me")
    assert session is not None
    session.connected(None)
    again = {**offer, "resume_token": answer["resume_token"]}
    resuming = asyncio.ensure_future(door.handle(again))
    await asyncio.sleep(0.5)
    text = "candidate:1 1 udp 1 192.0.2.1 9 typ host"
    candidate = {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0}
    body = {"type": "ice-candidate", "candidate": candidate, "webrtc_id": "me"}
    assert await door.handle(body) == {"status": "success"}
    assert (await resuming)["type"] == "answer"
    old, new = made
    assert not old.late
    assert [c.text for c in new.early + new.late] == [text]
    await session.close()


async def test_an_ended_session_keeps_nothing_alive() -> None:
    """Lost otherwise: the last pictures of all callers would fill the memory."""
    table, session, old = call(Media("audio-video"))
    messages = Messages()
    session.channel.open(messages)
    session.lost(old, "no network")
    await session.resume(Transport())
    session.connected(None)
    gone = weakref.ref(session)
    await session.close()
    del session, old
    await asyncio.sleep(0)
    gc.collect()
    assert gone() is None
    assert table.log("me") is not None


class Channel:
    """A data channel that is open."""

    readyState = "open"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def on(self, *_: Any) -> None:
        """It has no events."""

    def send(self, text: str) -> None:
        self.sent.append(text)


async def test_a_connection_that_was_dropped_can_not_take_the_session_back() -> None:
    """Lost otherwise: messages would go into a connection that is about to be cut."""
    table = SessionTable(AsyncHandler)
    session = table.open("me")
    configuration = RTCConfiguration(iceServers=[])
    options: Any = {"time_limit_s": None, "allow_extra_tracks": False}
    old = WebRTCConnection(session, configuration, **options)
    session.start(old)
    session.allow_resuming()
    session.channel.send("hello")
    await session.resume(Transport())
    state = SimpleNamespace(connectionState="connected", getTransceivers=list)
    old.pc = cast("Any", state)
    channel: Any = Channel()
    old._on_state()
    old._on_channel(channel)
    assert session.state == "connecting"
    assert channel.sent == []
    assert session.channel.pending
    await session.close()


async def test_a_first_connection_that_fails_ends_the_session() -> None:
    """Lost otherwise: a client that can't connect at all would hold a place."""
    table = SessionTable(AsyncHandler)
    session, transport = table.open("me"), Transport()
    session.start(transport)
    session.allow_resuming()
    session.lost(transport, "the connection is failed")
    await asyncio.sleep(0.1)
    assert "me" not in table
    await session.close()


async def test_pictures_that_come_after_the_client_was_lost_are_not_kept() -> None:
    """Lost otherwise: the handler would begin with stale pictures after a tunnel."""
    calls: list[Any] = []
    handler = as_handler(calls.append, Media("video"))
    table = SessionTable(lambda: handler, media=Media("video"))
    session, transport = table.open("me"), Transport()
    session.start(transport)
    session.allow_resuming()
    session.connected(None, ("video",))
    session.lost(transport, "no network")
    session.feed_video(av.VideoFrame(16, 16, "yuv420p"), 1.0)
    await asyncio.sleep(1)
    assert not calls
    await session.close()

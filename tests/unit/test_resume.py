"""A client that loses its network and comes back: the same session goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import av
import numpy as np
import pytest

from fastrtc.errors import RefusedError
from fastrtc.messages import create_message
from fastrtc.options import RECONNECT_GRACE_S
from fastrtc.outputs import Clip
from fastrtc.session import Session, SessionTable
from tests.support.handlers import AsyncHandler
from tests.support.sessions import FRAME, Messages, Transport

pytestmark = pytest.mark.virtual_time

SECOND = Clip(24_000, np.full((1, 24_000), 1000, np.int16))


def call(time_limit_s: float | None = None) -> tuple[SessionTable, Session, Transport]:
    """A connected session that may be resumed."""
    table = SessionTable(AsyncHandler)
    session, transport = table.open("me"), Transport()
    session.start(transport)
    session.allow_resuming()
    session.connected(time_limit_s)
    return table, session, transport


async def test_the_handler_lives_through_a_lost_connection() -> None:
    """Lost otherwise: a lift would cost the user the whole conversation."""
    table, session, old = call()
    handler = session.handler
    session.feed(FRAME)
    session.lost(old, "no network")
    await asyncio.sleep(20)
    new = Transport()
    await session.resume(new)
    session.connected(None)
    session.feed(FRAME)
    await asyncio.sleep(0.1)
    assert (old.disconnects, new.disconnects) == (1, 0)
    assert table.get("me") is session
    assert session.handler is handler
    assert session.state == "connected"
    await session.close()
    assert new.disconnects == 1


async def test_after_the_grace_time_the_session_ends() -> None:
    """Lost otherwise: whoever closed a laptop would hold a place for ever."""
    table, session, transport = call()
    session.lost(transport, "no network")
    await asyncio.sleep(RECONNECT_GRACE_S - 1)
    assert "me" in table
    await asyncio.sleep(1.1)
    assert "me" not in table
    assert session.state == "closed"


async def test_the_grace_time_is_not_begun_anew_by_failed_attempts() -> None:
    """Lost otherwise: attempts that never connect would keep a place for ever."""
    table, session, transport = call()
    session.lost(transport, "no network")
    for _ in range(4):
        await asyncio.sleep(RECONNECT_GRACE_S / 5)
        attempt = Transport()
        await session.resume(attempt)
        session.lost(attempt, "failed")
    await asyncio.sleep(RECONNECT_GRACE_S / 5 + 0.1)
    assert "me" not in table


async def test_after_coming_back_the_grace_time_is_over() -> None:
    """Lost otherwise: a call would end 30 s after it healed."""
    table, session, transport = call()
    session.lost(transport, "no network")
    new = Transport()
    await session.resume(new)
    session.connected(None)
    await asyncio.sleep(2 * RECONNECT_GRACE_S)
    assert "me" in table
    await session.close()


async def test_without_a_token_a_lost_client_ends_its_session() -> None:
    """Lost otherwise: clients that can't come back would hold their places."""
    table = SessionTable(AsyncHandler)
    session, transport = table.open("me"), Transport()
    session.start(transport)
    session.connected(None)
    session.lost(transport, "no network")
    await asyncio.sleep(0)
    await session.close()
    assert "me" not in table


async def test_only_the_token_opens_a_live_session() -> None:
    """Lost otherwise: whoever knows a name could take a call over."""
    table, session, _ = call()
    with pytest.raises(RefusedError) as refused:
        table.reopen_session("me", "guess")
    assert refused.value.code == "connection_already_exists"
    with pytest.raises(RefusedError) as refused:
        table.reopen_session("nobody", "guess")
    assert refused.value.code == "unknown_session"
    token = session.allow_resuming()
    assert table.reopen_session("me", token) is session
    await session.close()


async def test_what_an_old_connection_says_is_nothing_to_the_new_one() -> None:
    """Lost otherwise: the late death of the old connection would end the call."""
    table, session, old = call()
    new = Transport()
    await session.resume(new)
    session.connected(None)
    session.lost(old, "failed")
    session.gone(old, "closed")
    await asyncio.sleep(1)
    assert session.state == "connected"
    session.gone(new, "closed")
    await session.close()
    assert "me" not in table


async def test_a_hang_up_ends_a_lost_session_at_once() -> None:
    """Lost otherwise: a place would stay taken after the user gave up."""
    table, session, old = call()
    session.lost(old, "no network")
    await session.close("the page hung up")
    assert "me" not in table
    with pytest.raises(RefusedError):
        await session.resume(Transport())


async def test_messages_of_the_meantime_are_sent_afterwards() -> None:
    """Lost otherwise: outputs made in a tunnel would never reach the page."""
    _, session, old = call()
    messages = Messages()
    session.channel.open(messages)
    session.lost(old, "no network")
    session.channel.send(create_message("warning", "in the tunnel"))
    assert not messages.all
    await session.resume(Transport())
    session.connected(None)
    session.channel.open(messages)
    assert messages.of("warning") == ["in the tunnel"]
    await session.close()


async def test_what_was_not_heard_yet_is_heard_afterwards() -> None:
    """Lost otherwise: the bot would go on talking while nobody can hear it."""
    _, session, old = call()
    await session.playout.put(SECOND, 0, 5)
    session.playout.finish(0)

    async def hear(seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            await session.playout.next_frame()

    await hear(0.4)
    waiting = asyncio.ensure_future(session.playout.next_frame())
    await asyncio.sleep(0)
    session.lost(old, "no network")
    waiting.cancel()
    await asyncio.sleep(20)
    assert session.playout.played_ms == pytest.approx(400)
    await session.resume(Transport())
    session.connected(None)
    await hear(0.6)
    assert session.playout.played_ms == pytest.approx(1000)
    await session.close()


async def test_a_still_picture_is_seen_by_the_new_connection() -> None:
    """Lost otherwise: a slide would be black after a tunnel."""
    _, session, old = call()
    picture = av.VideoFrame(16, 16, "yuv420p")
    session.show_picture(picture, 0.0)
    await session.screen.next_picture()
    session.lost(old, "no network")
    await session.resume(Transport())
    session.connected(None)
    shown = await asyncio.wait_for(session.screen.next_picture(), 1)
    assert shown[0] is picture
    await session.close()


async def test_the_time_limit_counts_from_the_first_connection() -> None:
    """Lost otherwise: pulling the plug now and then would make a call endless."""
    table, session, old = call(time_limit_s=40)
    await asyncio.sleep(15)
    session.lost(old, "no network")
    await asyncio.sleep(15)
    await session.resume(Transport())
    session.connected(40)
    await asyncio.sleep(9)
    assert "me" in table
    await asyncio.sleep(2)
    assert "me" not in table


async def test_the_server_can_stop_while_a_client_is_away() -> None:
    """Lost otherwise: a restart would wait for clients that are gone."""
    table, session, old = call()
    session.lost(old, "no network")
    await table.close_all("the server stops")
    assert session.state == "closed"


@pytest.mark.parametrize("token", [5, "x" * 65, ["a"]])
def test_tokens_of_other_kinds_are_refused(token: Any) -> None:
    """Lost otherwise: an odd token would be an error of the server's."""
    from fastrtc.messages import parse_signal

    body = {"type": "offer", "webrtc_id": "me", "sdp": "v=0", "resume_token": token}
    with pytest.raises(RefusedError):
        parse_signal(body)

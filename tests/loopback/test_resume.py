"""A client loses its network and comes back by a new connection."""

from __future__ import annotations

from typing import Any

import aioice.ice
import pytest

from .client import Client
from .echoes import assert_echoes
from .handlers import Echo
from .support import Server, serving
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback


class Counting(Echo):
    """Counts the frames it has heard in its session."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    async def receive(self, frame: Any) -> None:
        self.count += 1
        await super().receive(frame)

    def copy(self) -> Counting:
        return Counting()


async def call(server: Server, **fields: Any) -> Client:
    """A connected client whose offer holds these fields too."""
    client = Client(server.url, tone(LEFT_HZ), webrtc_id="me")
    await client.take(await client.post({**await client.offer(), **fields}))
    await client.until(lambda: client.opened, "the data channel")
    return client


@pytest.mark.parametrize("noticed", [True, False])
async def test_the_same_session_goes_on(
    noticed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, a change of network would cost the user the conversation."""
    if noticed:
        # The server sees its client's silence in 0.3 s, not in 30.
        monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
        monkeypatch.setattr(aioice.ice, "CONSENT_FAILURES", 3)
    async with serving(Counting()) as server:
        first = await call(server, resumable=True)
        await assert_echoes(server, first, LEFT_HZ)
        session: Any = server.stream.sessions.get("me")
        handler = session.handler
        first.vanish()
        if noticed:
            while session.state == "connected":
                await server.call(lambda: None)
            assert session.state == "lost"
        before = handler.count
        second = await call(server, resume_token=first.answer["resume_token"])
        await assert_echoes(server, second, LEFT_HZ)
        assert server.stream.sessions.get("me") is session
        assert session.handler is handler
        assert handler.count > before > 0
        assert session.user_errors == 0
        await first.close()
        await second.close()
        await server.closed("me")


async def test_the_old_connection_may_end_afterwards() -> None:
    """Without it, the goodbye of the old connection would end the new one."""
    async with serving(Counting()) as server:
        first = await call(server, resumable=True)
        second = await call(server, resume_token=first.answer["resume_token"])
        await first.close()
        await assert_echoes(server, second, LEFT_HZ)
        await second.close()
        await server.closed("me")


async def test_a_goodbye_ends_the_session_at_once() -> None:
    """Without it, a closed tab would hold its place for half a minute."""
    async with serving(Counting(), concurrency_limit=1) as server:
        first = await call(server, resumable=True)
        await first.close()
        await server.closed("me")
        assert await server.session_ids() == []


async def test_nobody_else_gets_in() -> None:
    """Without it, whoever knows a name could take a call over."""
    async with serving(Counting()) as server:
        first = await call(server, resumable=True)
        other = Client(server.url, tone(LEFT_HZ), webrtc_id="me")
        offer = await other.offer()
        for token in ("guess", ""):
            meta = await server.refusal({**offer, "resume_token": token})
            assert meta["error"] == "connection_already_exists"
        meta = await server.refusal(offer)
        assert meta["error"] == "connection_already_exists"
        token = first.answer["resume_token"]
        gone = {**offer, "webrtc_id": "other", "resume_token": token}
        assert (await server.refusal(gone))["error"] == "unknown_session"
        await assert_echoes(server, first, LEFT_HZ)
        await other.close()
        await first.close()


async def test_an_attempt_that_fails_can_be_repeated() -> None:
    """Without it, one bad offer in a tunnel would end the session."""
    async with serving(Counting()) as server:
        first = await call(server, resumable=True)
        first.vanish()
        token = first.answer["resume_token"]
        broken = {"type": "offer", "sdp": "v=0\r\n", "webrtc_id": "me"}
        meta = await server.refusal({**broken, "resume_token": token})
        assert meta["error"] == "invalid_offer"
        second = await call(server, resume_token=token)
        await assert_echoes(server, second, LEFT_HZ)
        third = await call(server, resume_token=token)
        await assert_echoes(server, third, LEFT_HZ)
        for client in (first, second, third):
            await client.close()
        await server.closed("me")


async def test_without_asking_there_is_no_token() -> None:
    """Without it, clients that can't come back would hold their places for longer."""
    async with serving(Counting()) as server:
        client = await call(server)
        assert "resume_token" not in client.answer
        await client.close()

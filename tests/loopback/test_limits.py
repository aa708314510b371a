"""How many at a time, how long, and whose name is whose."""

from __future__ import annotations

import asyncio

import pytest

from .client import Client, calling
from .echoes import assert_echoes
from .handlers import Echo
from .support import serving
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback


async def test_a_client_too_many_is_told_so_and_the_next_one_gets_the_slot() -> None:
    """Without it, a server would be overrun, or its slots lost for good."""
    async with serving(Echo(), concurrency_limit=1) as server:
        async with calling(server, tone(LEFT_HZ)) as first:
            second = Client(server.url)
            meta = await server.refusal(await second.offer())
            await second.close()
            assert meta["error"] == "concurrency_limit_reached"
            assert meta["limit"] == 1
            await assert_echoes(server, first, LEFT_HZ)
        await server.closed(first.id)
        async with calling(server, tone(LEFT_HZ)) as third:
            await third.listen(0.2)


async def test_many_at_once_never_pass_the_limit() -> None:
    """Without it, clients that come in the same moment would pass the limit."""
    async with serving(Echo(), concurrency_limit=2) as server:
        clients = [Client(server.url) for _ in range(5)]
        offers = [await client.offer() for client in clients]
        answers = await asyncio.gather(*(server.post(offer) for offer in offers))
        kinds = [answer.json().get("type", "refused") for answer in answers]
        assert sorted(kinds) == ["answer"] * 2 + ["refused"] * 3
        assert len(await server.session_ids()) == 2
        for client in clients:
            await client.close()


async def test_a_taken_name_is_refused_and_its_owner_untouched() -> None:
    """Without it, anybody who knows a name could take over a stranger's call."""
    async with (
        serving(Echo()) as server,
        calling(server, tone(LEFT_HZ), webrtc_id="mine") as owner,
    ):
        session = server.stream.sessions.get("mine")
        thief = Client(server.url, webrtc_id="mine")
        meta = await server.refusal(await thief.offer())
        await thief.close()
        assert meta["error"] == "connection_already_exists"
        assert server.stream.sessions.get("mine") is session
        await assert_echoes(server, owner, LEFT_HZ)


async def test_the_same_offer_twice_makes_one_session() -> None:
    """Without it, a page's retry would end the call it had just begun."""
    async with serving(Echo()) as server:
        client = Client(server.url, tone(LEFT_HZ))
        body = await client.offer()
        answers = await asyncio.gather(client.post(body), client.post(body))
        taken = [answer for answer in answers if answer.get("type") == "answer"]
        refused = [answer for answer in answers if answer.get("status") == "failed"]
        assert len(taken) == 1
        assert refused[0]["meta"]["error"] == "connection_already_exists"
        await client.take(taken[0])
        await client.listen(0.3)
        await client.close()


async def test_a_name_is_free_again_after_its_session() -> None:
    """Without it, a page could not reconnect under its name."""
    async with serving(Echo()) as server:
        for _ in range(2):
            async with calling(server, tone(LEFT_HZ), webrtc_id="again") as client:
                await client.listen(0.2)
            await server.closed("again")


async def test_the_time_limit_ends_the_call_and_says_so() -> None:
    """Without it, a call could hold its slot for ever."""
    async with (
        serving(Echo(), time_limit=0.5) as server,
        calling(server, tone(LEFT_HZ)) as client,
    ):
        message = await client.message("end_stream")
        assert "time limit" in message["data"]
        await client.closed()
        await server.closed(client.id)
        assert await server.session_ids() == []

"""The same check at every door of a running server."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fastrtc import get_current_context
from fastrtc.access import AccessOptions

from .client import Client
from .echoes import assert_echoes
from .handlers import Echo
from .support import serving
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback


async def by_key(connection: HTTPConnection) -> Any:
    """A visitor's name by the key in the query; None for strangers."""
    return {"1": "anna", "2": "bert"}.get(connection.query_params.get("key", ""))


class Knowing(Echo):
    """Notes whom it talks to."""

    names: list[Any] = []  # noqa: RUF012

    async def start_up(self) -> None:
        self.names.append(get_current_context().identity)

    def copy(self) -> Knowing:
        return Knowing()


async def test_only_who_is_let_in_can_call() -> None:
    """Without it, a paid model would answer everybody."""
    async with serving(Knowing(), authorize=by_key) as server:
        client = Client(server.url, tone(LEFT_HZ))
        meta = await server.refusal(await client.offer())
        assert meta["error"] == "not_authorized"
        assert await server.session_ids() == []
        client._url += "?key=1"
        await client.connect()
        await assert_echoes(server, client, LEFT_HZ)
        assert Knowing.names == ["anna"]
        assert client.answer["session_token"]
        assert server.stream.owns(client.id, client.answer["session_token"])
        await client.close()


async def test_nobody_may_touch_the_session_of_another() -> None:
    """Without it, a user could send candidates into somebody else's call."""
    async with serving(Knowing(), authorize=by_key) as server:
        client = Client(server.url, tone(LEFT_HZ))
        client._url += "?key=1"
        await client.connect()
        candidate = {"candidate": "candidate:1 1 udp 1 1.2.3.4 5 typ host"}
        body: dict[str, Any] = {
            "type": "ice-candidate",
            "webrtc_id": client.id,
            "candidate": {**candidate, "sdpMid": "0", "sdpMLineIndex": 0},
        }
        assert (await client.post(body))["status"] == "success"
        client._url = client._url.replace("key=1", "key=2")
        meta = (await client.post(body))["meta"]
        assert meta["error"] == "connection_already_exists"
        await client.close()


@pytest.mark.parametrize(
    ("query", "origin", "let_in"),
    [
        ("?key=1", None, True),
        ("", None, False),
        ("?key=1", "https://evil.example", False),
    ],
)
async def test_a_websocket_is_refused_before_its_handshake(
    query: str, origin: str | None, let_in: bool
) -> None:
    """Without it, a stranger's sockets would cost the server a task each."""
    async with serving(Knowing(), authorize=by_key) as server:
        url = server.url.replace("http", "ws") + "/websocket/offer" + query
        headers = {"Origin": origin} if origin else None
        if let_in:
            async with connect(url, additional_headers=headers) as socket:
                await socket.send('{"event": "ping"}')
                assert "pong" in str(await socket.recv())
            return
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 403


async def test_one_address_can_not_take_all_places() -> None:
    """Without it, one visitor could lock everybody out."""
    options = AccessOptions(sessions_per_address=1)
    async with serving(Echo(), access=options) as server:
        first = Client(server.url, tone(LEFT_HZ))
        await first.connect()
        second = Client(server.url, tone(LEFT_HZ))
        meta = await server.refusal(await second.offer())
        assert (meta["error"], meta["limit"]) == ("too_many_sessions", 1)
        await second.close()
        await first.close()

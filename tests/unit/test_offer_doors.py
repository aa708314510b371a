"""Offers by doors of the app's own, and those that come back to a call."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request

from fastrtc import Stream
from fastrtc.access import AccessOptions
from fastrtc.errors import ConfigurationError
from fastrtc.server import Body, answer
from tests.support.handlers import AsyncHandler
from tests.support.sessions import Transport

pytestmark = pytest.mark.virtual_time


def by_key(connection: HTTPConnection) -> Any:
    return connection.query_params.get("key")


def request(query: str = "") -> Request:
    scope = {
        "type": "http",
        "headers": [],
        "client": ("1.2.3.4", 5000),
        "query_string": query.encode(),
    }
    return Request(scope)


def stream(**options: Any) -> Stream:
    return Stream(AsyncHandler(), modality="audio", concurrency_limit=None, **options)


OFFER: dict[str, Any] = {"type": "offer", "sdp": "v=0\r\n", "webrtc_id": "me"}


async def test_an_own_route_cannot_forget_to_authorize() -> None:
    """Lost otherwise: `await stream.offer(body)` would let everybody in."""
    guarded = stream(authorize=by_key)
    with pytest.raises(ConfigurationError, match="request"):
        await guarded.offer(OFFER)
    refused = await guarded.offer(Body(**OFFER), request())
    assert refused["meta"]["error"] == "not_authorized"
    let_in = await guarded.offer(OFFER, request("key=1"))
    assert let_in["meta"]["error"] == "invalid_offer"


async def test_without_authorize_an_own_route_needs_nothing_more() -> None:
    """Lost otherwise: old programs with a route of their own would fail."""
    answered = await stream().offer(Body(**OFFER))
    assert answered["meta"]["error"] == "invalid_offer"


@pytest.mark.parametrize("right", [True, False])
async def test_whoever_comes_back_needs_no_second_place(right: bool) -> None:
    """Lost otherwise: with one call an address, no lost network would heal."""
    bounded = stream(access=AccessOptions(sessions_per_address=1))
    session = bounded.sessions.open("me")
    session.context.arrived_by(request())
    session.start(Transport())
    token = session.allow_resuming()
    session.connected(None)
    body = Body(**OFFER, resume_token=token if right else "guess")
    answered = await answer(bounded, body, request())
    wanted = "invalid_offer" if right else "too_many_sessions"
    assert answered["meta"]["error"] == wanted
    await session.close()

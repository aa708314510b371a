"""fastrtc.context: the request that brought a session, for user code to read."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection
from fastapi import FastAPI

from fastrtc import Stream
from fastrtc.context import Context
from tests.support.handlers import AsyncHandler


async def test_a_mounted_stream_knows_the_request() -> None:
    """Lost otherwise: a handler could not read the token its client sent along."""
    ice = {"iceServers": []}
    stream = Stream(AsyncHandler(), modality="audio", rtc_configuration=ice)
    app = FastAPI()
    stream.mount(app)
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.createDataChannel("text")
    await peer.setLocalDescription(await peer.createOffer())
    body = {"type": "offer", "sdp": peer.localDescription.sdp, "webrtc_id": "me"}
    before = asyncio.all_tasks()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        headers = {"Authorization": "Bearer x"}
        answer = await http.post("/webrtc/offer", json=body, headers=headers)
    assert answer.json()["type"] == "answer"
    session = stream.sessions.get("me")
    assert session is not None
    assert session.context.headers["authorization"] == "Bearer x"
    assert session.context.request.url.path == "/webrtc/offer"
    await session.close()
    await peer.close()
    # aiortc takes some moments to see that a connection it tries is closed.
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=5)


def test_sessions_without_a_request_have_no_headers() -> None:
    """Lost otherwise: a handler that reads a header would fail in its own tests."""
    context = Context("me")
    assert (dict(context.headers), context.request) == ({}, None)
    context.arrived_by(None)
    assert dict(context.headers) == {}


def test_the_first_request_counts() -> None:
    """Lost otherwise: a page that comes back would look like another caller."""
    context = Context("me")
    first = SimpleNamespace(headers={"X-Who": "ann"})
    context.arrived_by(first)
    context.arrived_by(SimpleNamespace(headers={"X-Who": "bob"}))
    assert context.headers == {"x-who": "ann"}
    assert context.request is first

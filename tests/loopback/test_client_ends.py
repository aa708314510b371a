"""fastrtc.client: refusals, ends, and a lost network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import aioice.ice
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from fastapi import FastAPI

from fastrtc.client import (
    Call,
    RefusedError,
    SessionClosedError,
    UnreachableError,
    connect,
)

from .handlers import Echo
from .python_client import BOTH, TRANSPORTS, hear
from .support import PATIENCE_S, Server, audio_stream, serving
from .tones import LEFT_HZ, clip, pitch_hz

pytestmark = pytest.mark.loopback

# -- refusals and ends -----------------------------------------------------------------


@BOTH
async def test_a_full_stream_refuses_with_its_limit(transport: Any) -> None:
    """Lost otherwise: a service would not know whether to try again."""
    async with serving(Echo(), concurrency_limit=1) as server:
        async with connect(server.url, transport=transport, webrtc_id="one"):
            for second in TRANSPORTS:
                with pytest.raises(RefusedError) as caught:
                    await connect(server.url, transport=second)
                assert caught.value.code == "concurrency_limit_reached"
                assert caught.value.meta["limit"] == 1
                assert "1 clients" in str(caught.value)
            assert await server.session_ids() == ["one"]
        await server.empty()
        async with connect(server.url, transport=transport):
            pass
        await server.empty()


@BOTH
async def test_a_server_that_stops_ends_the_call(transport: Any) -> None:
    """Lost otherwise: clients of a restarted server would wait for ever."""
    async with contextlib.AsyncExitStack() as stack:
        async with serving(Echo()) as server:
            call = await stack.enter_async_context(
                connect(server.url, transport=transport)
            )
        await asyncio.wait_for(call.wait_closed(), PATIENCE_S)
        with contextlib.suppress(SessionClosedError):
            async for _ in call.messages():
                pass


@BOTH
async def test_where_no_stream_is_that_is_said(transport: Any) -> None:
    """Lost otherwise: a wrong address would be a hang or a riddle."""
    async with serving(Echo(), path="/here") as server:
        elsewhere = server.url.replace("/here", "/there")
        with pytest.raises(UnreachableError, match="is a stream mounted there"):
            await connect(elsewhere, transport=transport)
        closed = "http://127.0.0.1:9"
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9"):
            await connect(closed, transport=transport)
        async with connect(server.url + "/", transport=transport):
            pass
        full = "/webrtc/offer" if transport == "webrtc" else "/websocket/offer"
        async with connect(server.url + full, transport=transport):
            pass
        await server.empty()


async def test_what_else_may_answer_is_told_apart() -> None:
    """Lost otherwise: a firewall or a wrong server would be a hang or a riddle."""
    stream = audio_stream(Echo())
    app = FastAPI()
    stream.mount(app, "/real")

    @app.post("/other/webrtc/offer")
    async def other() -> list[int]:
        return [1]

    @app.post("/dead/webrtc/offer")
    async def dead(body: dict[str, Any]) -> dict[str, str]:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        await pc.setRemoteDescription(RTCSessionDescription(body["sdp"], "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        answer = pc.localDescription.sdp
        await pc.close()
        return {"type": "answer", "sdp": answer}

    _ = other, dead
    server = Server(stream, app=app)
    await server.start()
    try:
        with pytest.raises(UnreachableError, match="is no stream"):
            await connect(server.url + "/other")
        with pytest.raises(UnreachableError, match="TURN"):
            await connect(server.url + "/dead", timeout_s=0.5)
    finally:
        await server.stop()


@BOTH
async def test_what_visitors_must_have_is_in_the_headers(transport: Any) -> None:
    """Lost otherwise: a bot could not enter a stream that has `authorize`."""

    def authorize(request: Any) -> str | None:
        right = request.headers.get("authorization") == "Bearer right"
        return "bot" if right else None

    async with serving(Echo(), authorize=authorize) as server:
        with pytest.raises((RefusedError, UnreachableError), match=r"allowed|headers"):
            await connect(server.url, transport=transport)
        headers = {"Authorization": "Bearer right"}
        async with connect(server.url, transport=transport, headers=headers) as call:
            if transport == "webrtc":
                assert call.session_token
                assert server.stream.owns(call.webrtc_id, call.session_token)
        await server.empty()


async def test_nothing_is_left_of_many_calls() -> None:
    """Lost otherwise: a bot that calls all day would slowly die."""

    async def come_and_go(number: int) -> None:
        async with connect(server.url, transport=TRANSPORTS[number % 2]) as call:
            if number % 3:
                await call.say((24_000, clip(LEFT_HZ, 0.25, 24_000)))
            if number % 5 == 0:
                await call.close()

    async with serving(Echo()) as server:
        before = await server.tasks()
        for _ in range(2):
            await asyncio.gather(*(come_and_go(number) for number in range(8)))
        await server.empty()
        await server.ended_since(before)


# -- a lost network --------------------------------------------------------------------


class Counting(Echo):
    """Knows how often it was made."""

    made = 0

    def copy(self) -> Counting:
        type(self).made += 1
        return Counting()


@contextlib.asynccontextmanager
async def vanishing(call: Call) -> AsyncGenerator[None, None]:
    """Cut the network under its connection."""
    line: Any = call._line
    pc = line._call.pc
    for transport in {t.receiver.transport for t in pc.getTransceivers()}:
        for protocol in transport.transport._connection._protocols:
            protocol.transport.sendto = lambda *_: None
            protocol.datagram_received = lambda *_: None
    yield


@pytest.mark.parametrize("resumable", [True, False])
async def test_a_lost_network_is_survived(
    resumable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: a robot that drives out of the Wi-Fi would lose its talk."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr(aioice.ice, "CONSENT_FAILURES", 3)
    Counting.made = 0
    async with serving(Counting()) as server:
        async with connect(server.url, resumable=resumable) as call:
            saying = asyncio.ensure_future(
                call.say((24_000, clip(LEFT_HZ, 60.0, 24_000)))
            )
            await hear(call, 0.3)
            session = server.stream.sessions.get(call.webrtc_id)
            async with vanishing(call):
                if resumable:
                    line: Any = call._line
                    lost = line._call
                    await lost.ended
                    while line._call is lost:
                        assert not call.closed
                        await server.call(lambda: None)
                    heard = await hear(call, 1.0)
                    assert pitch_hz(np.repeat(heard[-12_000:], 2)) == pytest.approx(
                        LEFT_HZ, abs=5
                    )
                    assert server.stream.sessions.get(call.webrtc_id) is session
                    assert Counting.made == 1
                    call.hush()
                    await saying
                else:
                    with pytest.raises(SessionClosedError, match="lost"):
                        await asyncio.wait_for(hear(call, 600), PATIENCE_S)
                    with pytest.raises(SessionClosedError, match="lost"):
                        await saying
        await server.empty()

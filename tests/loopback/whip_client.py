"""A client of WHIP or WHEP on aiortc, and a server for it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator
from typing import Any

import httpx
from aiortc import RTCPeerConnection, RTCSessionDescription
from fastapi import APIRouter, FastAPI

from fastrtc import Stream
from fastrtc.whip_route import add_whip_routes

from .client import Client, without_candidates
from .support import NO_ICE_SERVERS, PATIENCE_S, Server
from .tones import LEFT_HZ, tone

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


@contextlib.asynccontextmanager
async def serving(
    handler: Any, modality: Any, mode: Any, **options: Any
) -> AsyncGenerator[Server, None]:
    """A running server with the routes under /live; nothing of it may stay."""
    options.setdefault("concurrency_limit", None)
    options.setdefault("server_rtc_configuration", NO_ICE_SERVERS)
    stream = Stream(handler, modality=modality, mode=mode, **options)
    app, router = FastAPI(), APIRouter(prefix="/live")
    add_whip_routes(router, stream)
    app.include_router(router)
    stream.mount(app, "/page")
    server = Server(stream, app=app)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    assert not len(stream.sessions), "a session outlived its server"
    assert not server.left_tasks, server.left_tasks


class WhipClient(Client):
    """A `Client` that signals by WHIP or WHEP, without a data channel.

    Attributes:
        resource: the URL of its session.
        response: the server's answer.
    """

    resource: str
    response: httpx.Response

    def __init__(self, endpoint: str, mode: str) -> None:
        self._mode = mode
        self.endpoint = endpoint
        super().__init__(endpoint, tone(LEFT_HZ))

    def _add_media(self) -> None:
        # A peer connection without the channel that Client makes.
        self.pc = RTCPeerConnection(self.pc._RTCPeerConnection__configuration)  # pyright: ignore
        if self._mode == "send":
            self.pc.addTransceiver(self.microphone, direction="sendonly")
        else:
            self.pc.addTransceiver("audio", direction="recvonly")

    async def connect(self, trickle: Any = "no") -> None:
        sdp = (await self.offer())["sdp"]
        candidates: list[dict[str, Any]] = []
        if trickle != "no":
            sdp, candidates = without_candidates(sdp, "")
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            headers = {"Content-Type": SDP}
            self.response = await http.post(self.endpoint, content=sdp, headers=headers)
            assert self.response.status_code == 201, self.response.text
            location = self.response.headers["location"]
            self.resource = str(httpx.URL(self.endpoint).join(location))
            description = RTCSessionDescription(self.response.text, "answer")
            await self.pc.setRemoteDescription(description)
            if trickle != "no":
                patched = await self.patch(http, fragment(sdp, candidates))
                assert patched.status_code == 204, patched.text
                assert patched.content == b""
                assert "etag" not in patched.headers
        await self.until(lambda: self.pc.connectionState == "connected", "connection")

    async def patch(
        self, http: httpx.AsyncClient, body: str, **headers: str
    ) -> httpx.Response:
        """Send candidates, with these headers in the place of the right ones."""
        usual = {"Content-Type": FRAGMENT, "If-Match": self.response.headers["etag"]}
        chosen = {**usual, **{k.replace("_", "-"): v for k, v in headers.items()}}
        sent = {name: value for name, value in chosen.items() if value}
        return await http.patch(self.resource, content=body, headers=sent)

    async def hang_up(self) -> int:
        """DELETE the session."""
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            return (await http.delete(self.resource)).status_code


def fragment(sdp: str, candidates: list[dict[str, Any]], ufrag: str = "") -> str:
    """What RFC 9725, 4.3.2 shows."""
    found = re.search("a=ice-ufrag:(.*)\r\n", sdp)
    assert found is not None
    lines = [
        f"a=ice-ufrag:{ufrag or found[1]}",
        "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
        "m=audio 9 RTP/AVP 0",
        "a=mid:0",
        *(f"a={body['candidate']['candidate']}" for body in candidates),
        "a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
        "a=end-of-candidates",
    ]
    return "\r\n".join(lines) + "\r\n"


@contextlib.asynccontextmanager
async def calling(
    server: Server, protocol: str, **options: Any
) -> AsyncGenerator[WhipClient, None]:
    mode = "send" if protocol == "whip" else "receive"
    client = WhipClient(f"{server.url}/live/{protocol}", mode)
    try:
        await client.connect(**options)
        yield client
    finally:
        await client.close()

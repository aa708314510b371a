"""Calling a server: offer, answer, connection."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import httpx
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from ..errors import BenchmarkError

CONNECT_TIMEOUT_S = 60.0

OnTrack = Callable[[MediaStreamTrack], None]


async def call(
    url: str, track: MediaStreamTrack, on_track: OnTrack | None = None
) -> RTCPeerConnection:
    """A connection over which media can flow.

    Raises:
        BenchmarkError: the server refuses, or doesn't connect in time.
    """
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    # The page has one too, and the predecessor waits for it.
    channel = pc.createDataChannel("text")
    is_open = asyncio.Event()
    channel.on("open", is_open.set)
    pc.addTrack(track)
    if on_track is not None:
        pc.on("track", on_track)
    try:
        await asyncio.wait_for(_connect(pc, url, is_open), CONNECT_TIMEOUT_S)
    except (asyncio.TimeoutError, httpx.HTTPError) as error:
        await pc.close()
        said = str(error) or f"no connection after {CONNECT_TIMEOUT_S:g} s"
        raise BenchmarkError(f"can't call {url}: {said}") from error
    return pc


async def _connect(pc: RTCPeerConnection, url: str, is_open: asyncio.Event) -> None:
    await pc.setLocalDescription(await pc.createOffer())
    body = {
        "sdp": pc.localDescription.sdp,
        "type": pc.localDescription.type,
        "webrtc_id": uuid.uuid4().hex,
    }
    async with httpx.AsyncClient(timeout=CONNECT_TIMEOUT_S, trust_env=False) as http:
        response = await http.post(url + "/webrtc/offer", json=body)
    answer: dict[str, Any] = response.raise_for_status().json()
    if "sdp" not in answer:
        raise BenchmarkError(f"the server refuses an offer: {answer}")
    await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    await is_open.wait()

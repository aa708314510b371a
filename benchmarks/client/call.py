"""Calling a server: offer, answer, connection."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

import httpx
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from ..errors import BenchmarkError

CONNECT_TIMEOUT_S = 60.0

HANG_UP_TIMEOUT_S = 5.0
"""When a measurement is broken off, aiortc may wait for a task that never ran."""
MEASUREMENT_TIMEOUT_S = 900.0
"""The longest, the ramp, takes about 4 minutes."""

T = TypeVar("T")


def run(measurement: Coroutine[Any, Any, T]) -> T:
    """What a measurement gives, on an event loop of its own.

    Raises:
        BenchmarkError: it takes far too long.
    """
    try:
        return asyncio.run(asyncio.wait_for(measurement, MEASUREMENT_TIMEOUT_S))
    except asyncio.TimeoutError as error:
        text = f"nothing after {MEASUREMENT_TIMEOUT_S:g} s"
        raise BenchmarkError(text) from error


async def hang_up(pcs: Iterable[RTCPeerConnection]) -> None:
    """End connections, or leave them to the process's end."""
    closing = asyncio.gather(*(pc.close() for pc in pcs))
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(closing, HANG_UP_TIMEOUT_S)


async def call(
    url: str, track: MediaStreamTrack, webrtc_id: str | None = None
) -> RTCPeerConnection:
    """A connection over which media can flow.

    Args:
        webrtc_id: by which the server shall know it; any other one if None.

    Raises:
        BenchmarkError: the server refuses, or doesn't connect in time.
    """
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    # The page has one too, and the predecessor waits for it.
    channel = pc.createDataChannel("text")
    is_open = asyncio.Event()
    channel.on("open", is_open.set)
    pc.addTrack(track)
    try:
        name = webrtc_id or uuid.uuid4().hex
        await asyncio.wait_for(_connect(pc, url, name, is_open), CONNECT_TIMEOUT_S)
    except (asyncio.TimeoutError, httpx.HTTPError) as error:
        await hang_up([pc])
        said = str(error) or f"no connection after {CONNECT_TIMEOUT_S:g} s"
        raise BenchmarkError(f"can't call {url}: {said}") from error
    return pc


async def _connect(
    pc: RTCPeerConnection, url: str, webrtc_id: str, is_open: asyncio.Event
) -> None:
    await pc.setLocalDescription(await pc.createOffer())
    body = {
        "sdp": pc.localDescription.sdp,
        "type": pc.localDescription.type,
        "webrtc_id": webrtc_id,
    }
    async with httpx.AsyncClient(timeout=CONNECT_TIMEOUT_S, trust_env=False) as http:
        response = await http.post(url + "/webrtc/offer", json=body)
    answer: dict[str, Any] = response.raise_for_status().json()
    if "sdp" not in answer:
        raise BenchmarkError(f"the server refuses an offer: {answer}")
    await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    await is_open.wait()

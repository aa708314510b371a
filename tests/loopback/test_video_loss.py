"""Video between two real peer connections, over a network that loses packets."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import aioice.ice
import av
import pytest
from aiortc import (
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.codecs import vpx
from aiortc.rtp import is_rtcp

from fastrtc.transports.webrtc._aiortc import divert_video
from fastrtc.transports.webrtc.video_in import VideoReceiver

from ..support.video import number_of, picture

pytestmark = pytest.mark.loopback

FREEZE_S = 0.7
BURST = 30
CODECS = pytest.mark.parametrize("codec", ["VP8", "H264"])


class Camera(VideoStreamTrack):
    """Numbered pictures at 30 a second."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = picture(self.number)
        frame.pts, frame.time_base = pts, time_base
        self.number += 1
        return frame


class Loss:
    """Loses what a DTLS transport sends.

    Args:
        share: of all packets, at random.
    """

    def __init__(self, transport: Any, share: float, seed: int) -> None:
        self.lost = 0
        self.to_lose = 0
        self._share = share
        self._dice = random.Random(seed)
        self._send = transport._send_rtp
        transport._send_rtp = self._send_or_lose

    async def _send_or_lose(self, data: bytes) -> None:
        if self._loses(is_rtcp(data)):
            self.lost += 1
        else:
            await self._send(data)

    def _loses(self, rtcp: bool) -> bool:
        if self.to_lose and not rtcp:
            self.to_lose -= 1
            return True
        return self._dice.random() < self._share


class Call:
    """A client with a camera and a server that looks."""

    def __init__(self, codec: str) -> None:
        self.client, self.server = RTCPeerConnection(), RTCPeerConnection()
        self.receiver = VideoReceiver(self.on_picture)
        self.shown: list[tuple[int, float]] = []
        self.ended = asyncio.Event()
        self.losses: list[Loss] = []
        self._arrived = asyncio.Event()
        self._codec = codec
        self.server.on("track", self._on_track)

    def _on_track(self, track: Any) -> None:
        receiver = self.server.getReceivers()[0]
        self.take(receiver)

    def take(self, receiver: RTCRtpReceiver) -> None:
        divert_video(receiver, self.receiver, self.ended.set)

    def on_picture(self, frame: av.VideoFrame, time_s: float) -> None:
        self.shown.append((number_of(frame), time.monotonic()))
        self._arrived.set()

    async def start(self) -> None:
        client, server = self.client, self.server
        client.addTrack(Camera())
        capabilities = RTCRtpSender.getCapabilities("video")
        assert capabilities is not None
        wanted = [c for c in capabilities.codecs if c.name in (self._codec, "rtx")]
        client.getTransceivers()[0].setCodecPreferences(wanted)
        await client.setLocalDescription(await client.createOffer())
        offer = RTCSessionDescription(client.localDescription.sdp, "offer")
        await server.setRemoteDescription(offer)
        await server.setLocalDescription(await server.createAnswer())
        answer = RTCSessionDescription(server.localDescription.sdp, "answer")
        await client.setRemoteDescription(answer)
        await self.until(lambda: len(self.shown) > 3)

    def lose(self, share: float) -> None:
        """Lose this share of packets, questions and answers from now on."""
        for seed, pc in enumerate((self.client, self.server)):
            transport = pc.getTransceivers()[0].receiver.transport
            self.losses.append(Loss(transport, share, seed))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for pictures until it is so."""
        while not condition():
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), 10)

    def longest_freeze_s(self) -> float:
        return max(after - before for (_, before), (_, after) in pairwise(self.shown))

    async def close(self) -> None:
        self.receiver.close()
        await self.client.close()
        await self.server.close()


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
    # A browser's rate for 360p; aiortc would send one packet for each picture.
    monkeypatch.setattr(vpx, "DEFAULT_BITRATE", 1_500_000)


@CODECS
async def test_one_packet_of_twenty_is_lost(codec: str) -> None:
    """Lost otherwise: on an ordinary wireless network the picture would freeze."""
    call = Call(codec)
    await call.start()
    call.lose(0.05)
    end = call.shown[-1][0] + 100
    await call.until(lambda: call.shown[-1][0] > end)
    await call.close()
    numbers = [number for number, _ in call.shown]
    assert numbers == sorted(set(numbers))
    assert sum(loss.lost for loss in call.losses) > 5
    assert call.longest_freeze_s() < FREEZE_S
    assert len(numbers) > 90


async def test_a_burst_of_packets_is_lost() -> None:
    """Lost otherwise: a moment without network would freeze the picture for long."""
    call = Call("VP8")
    await call.start()
    call.lose(0.0)
    call.losses[0].to_lose = BURST
    end = call.shown[-1][0] + 60
    await call.until(lambda: call.shown[-1][0] > end)
    await call.close()
    assert call.losses[0].lost == BURST
    assert call.longest_freeze_s() < FREEZE_S


async def test_what_is_never_repeated_costs_a_keyframe() -> None:
    """Lost otherwise: clients that repeat nothing would freeze for good."""
    call = Call("VP8")
    await call.start()
    call.lose(0.0)
    sender: Any = call.client.getSenders()[0]

    async def repeat_nothing(sequence_number: int) -> None:
        pass

    sender._retransmit = repeat_nothing
    call.losses[0].to_lose = 1
    end = call.shown[-1][0] + 45
    await call.until(lambda: call.shown[-1][0] > end)
    await call.close()
    assert call.receiver.keyframes_requested == 1
    assert call.receiver.packets_lost == 1
    assert call.longest_freeze_s() < FREEZE_S


async def test_a_goodbye_is_told() -> None:
    """Lost otherwise: sessions of clients that leave would stay."""
    call = Call("VP8")
    await call.start()
    await call.client.close()
    await asyncio.wait_for(call.ended.wait(), 10)
    await call.close()

"""Offers whose kinds of media go different ways, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastrtc import AsyncAudioVideoStreamHandler
from tests.support.handlers import tone as sine
from tests.support.pictures import BLUE, RED, halves, plain

from .video_client import VideoClient, serving_stream

pytestmark = pytest.mark.loopback


class Show(AsyncAudioVideoStreamHandler):
    """Plays and shows all the time, and counts what it gets."""

    def __init__(self) -> None:
        super().__init__(fps=15)
        self.frames = 0
        self.pictures = 0
        self.given = 0

    async def receive(self, frame: Any) -> None:
        self.frames += 1

    async def emit(self) -> Any:
        self.given += 1
        return 24_000, sine(0.1)

    async def video_receive(self, frame: Any) -> None:
        self.pictures += 1

    async def video_emit(self) -> Any:
        return plain(RED, 120, 160)

    def copy(self) -> Any:
        return Show()


class Mixed(VideoClient):
    """A client that offers each kind its own way."""

    def __init__(self, url: str, audio: str, video: str) -> None:
        self.ways: Any = {"audio": audio, "video": video}
        super().__init__(url, ("audio", "video"), "send-receive", film)

    def _add_media(self) -> None:
        super()._add_media()
        for transceiver in self.pc.getTransceivers():
            transceiver.direction = self.ways[transceiver.kind]


def film(_: int) -> Any:
    return halves(BLUE, RED, 120, 160)


@pytest.mark.parametrize(
    ("audio", "video"),
    [
        ("sendrecv", "recvonly"),
        ("recvonly", "sendrecv"),
        ("sendonly", "recvonly"),
        ("inactive", "sendrecv"),
        ("sendrecv", "inactive"),
    ],
)
async def test_each_kind_goes_its_own_way(audio: str, video: str) -> None:
    """Without it, a user without a camera could not see the bot, or not be heard."""
    async with serving_stream(Show(), "audio-video", "send-receive") as server:
        client = Mixed(server.url, audio, video)
        await client.connect()
        session: Any = server.stream.sessions.get(client.id)
        handler = session.handler
        if video.endswith("recv") or video == "recvonly":
            assert await client.watch(3)
        if audio in ("sendrecv", "recvonly"):
            assert np.abs(await client.listen(0.3)).max() > 1000
        if audio.startswith("send"):
            await client.until(lambda: handler.frames > 3, "frames")
        if video.startswith("send"):
            await client.until(lambda: handler.pictures > 3, "pictures")
        # What nobody takes is played all the same, at its own pace.
        await client.until(lambda: handler.given > 8, "emit to be asked")
        if "send" not in audio:
            assert not handler.frames
        if "send" not in video:
            assert not handler.pictures
        await client.close()


async def test_a_rejected_section_is_refused_at_once() -> None:
    """Without it, a client whose offer aiortc can't take would wait 30 s in vain."""
    async with serving_stream(Show(), "audio-video", "send-receive") as server:
        client = Mixed(server.url, "sendrecv", "sendrecv")
        body = await client.offer()
        head, *sections = body["sdp"].split("m=")
        head = head.replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 2")
        rejected = "video 0 UDP/TLS/RTP/SAVPF 97\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n"
        sections[1] = rejected + "a=rtpmap:97 VP8/90000\r\na=inactive\r\n"
        meta = await server.refusal({**body, "sdp": "m=".join([head, *sections])})
        assert meta["error"] == "invalid_offer"
        assert await server.session_ids() == []
        await client.close()

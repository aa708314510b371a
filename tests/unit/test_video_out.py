"""fastrtc.transports.webrtc.video_out: from pictures to a client's screen."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from itertools import pairwise
from typing import Any

import aioice.ice
import numpy as np
import pytest
from aiortc import (
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.clock import current_ntp_time
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    pack_remb_fci,
)
from av.video.frame import VideoFrame as Picture

from fastrtc._virtual_time import run_in_virtual_time
from fastrtc.errors import SessionClosedError
from fastrtc.session.playout import Playout
from fastrtc.transports.webrtc.audio_out import PlayoutTrack
from fastrtc.transports.webrtc.video_codecs import H264Encoder, Vp8Encoder
from fastrtc.transports.webrtc.video_out import VideoTrack

SIZE = 160, 120
RED, BLUE = (81, 90, 240), (41, 240, 110)
"""Y, Cb and Cr."""


def picture(color: tuple[int, int, int] = RED) -> Picture:
    width, height = SIZE
    y, u, v = color
    array = np.full((height * 3 // 2, width), y, np.uint8)
    array[height : height * 5 // 4] = u
    array[height * 5 // 4 :] = v
    return Picture.from_ndarray(array, "yuv420p")


class Pictures:
    """A source that gives what a test puts into it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[Picture, float] | None] = asyncio.Queue()

    def show(self, frame: Picture, time_s: float | None = None) -> None:
        now_s = asyncio.get_running_loop().time()
        self._queue.put_nowait((frame, now_s if time_s is None else time_s))

    def close(self) -> None:
        self._queue.put_nowait(None)

    async def next_picture(self) -> tuple[Picture, float]:
        item = await self._queue.get()
        if item is None:
            raise SessionClosedError("The session has ended.")
        return item


def virtually(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test in virtual time that must leave no task."""

    async def main() -> None:
        await test()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def run() -> None:
        run_in_virtual_time(main)

    run.__doc__, run.__name__ = test.__doc__, test.__name__
    return run


@virtually
async def test_times_become_rtp_times_that_grow() -> None:
    """Lost otherwise: browsers drop pictures whose times stand still or go back."""
    source = Pictures()
    track = VideoTrack(source)
    got: list[int] = []
    for time_s in (5.0, 5.1, 5.1, 5.05, 5.2):
        source.show(picture(), time_s)
        frame = await track.recv()
        assert frame.time_base == pytest.approx(1 / 90_000)
        got.append(frame.pts or 0)
    assert got == [450_000, 459_000, 459_001, 459_002, 468_000]
    track.stop()
    await asyncio.sleep(0)


@virtually
async def test_the_end_of_the_session_ends_the_track() -> None:
    """Lost otherwise: each ended session would log an error, or leave a task."""
    source = Pictures()
    track = VideoTrack(source)
    source.show(picture())
    source.close()
    await track.recv()
    for _ in range(2):
        with pytest.raises(MediaStreamError):
            await track.recv()
    assert track.readyState == "ended"


@virtually
async def test_a_sender_that_stops_leaves_nothing_waiting() -> None:
    """Lost otherwise: hanging up would leave a task, and later a warning."""
    source = Pictures()
    track = VideoTrack(source)
    waiting = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    source.close()
    track.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@virtually
async def test_a_still_picture_is_repeated_each_second() -> None:
    """Lost otherwise: a lost packet of the last picture would never be noticed."""
    loop = asyncio.get_running_loop()
    source = Pictures()
    track = VideoTrack(source)
    start_s = loop.time()
    shown = picture()
    source.show(shown)
    times: list[float] = []
    for _ in range(4):
        assert await track.recv() is shown
        assert shown.pts == pytest.approx(loop.time() * 90_000, abs=1)
        times.append(loop.time() - start_s)
    assert times == pytest.approx([0, 1, 2, 3])
    following = picture(BLUE)
    loop.call_later(0.5, source.show, following)
    assert await track.recv() is following
    assert loop.time() - start_s == pytest.approx(3.5)
    track.stop()
    await asyncio.sleep(0)


@virtually
async def test_nothing_is_repeated_before_the_first_picture() -> None:
    """Lost otherwise: a handler that thinks first would end the video."""
    loop = asyncio.get_running_loop()
    source = Pictures()
    track = VideoTrack(source)
    track.repeat_soon()
    shown = picture()
    loop.call_later(7, source.show, shown)
    assert await track.recv() is shown
    track.stop()


@virtually
async def test_a_client_that_asks_gets_a_still_picture_sooner() -> None:
    """Lost otherwise: a client that lost a keyframe stays black for a second."""
    loop = asyncio.get_running_loop()
    source = Pictures()
    track = VideoTrack(source)
    source.show(picture())
    await track.recv()
    start_s = loop.time()
    times: list[float] = []
    loop.call_later(0.1, track.repeat_soon)
    loop.call_later(0.36, track.repeat_soon)
    for _ in range(3):
        await track.recv()
        times.append(loop.time() - start_s)
    assert times == pytest.approx([0.35, 0.7, 1.7])
    track.stop()
    await asyncio.sleep(0)


class Call:
    """A client and a server whose video and audio tracks are sent to it."""

    def __init__(self, codec: str | None = None) -> None:
        self.client, self.server = RTCPeerConnection(), RTCPeerConnection()
        self.source, self.playout = Pictures(), Playout()
        self.track = VideoTrack(self.source)
        self.server.addTrack(PlayoutTrack(self.playout))
        self.server.addTrack(self.track)
        self.client.addTransceiver("audio", "recvonly")
        transceiver = self.client.addTransceiver("video", "recvonly")
        if codec is not None:
            capabilities = RTCRtpSender.getCapabilities("video")
            assert capabilities is not None
            wanted = codec, "video/rtx"
            transceiver.setCodecPreferences(
                [c for c in capabilities.codecs if c.mimeType in wanted]
            )

    async def connect(self) -> None:
        await self.client.setLocalDescription(await self.client.createOffer())
        offer = self.client.localDescription.sdp
        await self.server.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.server.setLocalDescription(await self.server.createAnswer())
        self.track.prepare(self.server.getTransceivers()[1], bit_rate=600_000)
        await self.client.setRemoteDescription(
            RTCSessionDescription(self.server.localDescription.sdp, "answer")
        )

    @property
    def sender(self) -> Any:
        return self.server.getSenders()[1]

    @property
    def encoder(self) -> Any:
        return self.sender._RTCRtpSender__encoder._encoder

    def note_encoded(self) -> asyncio.Queue[bool]:
        """A queue of what will be encoded: whether it is a keyframe."""
        encoded: asyncio.Queue[bool] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        encode = self.encoder.encode

        def note(frame: Picture, force_keyframe: bool = False) -> Any:
            packet = encode(frame, force_keyframe)
            loop.call_soon_threadsafe(encoded.put_nowait, packet.is_keyframe)
            return packet

        self.encoder.encode = note
        return encoded

    async def until_seen(self, color: tuple[int, int, int]) -> None:
        """Show a color until the client sees it."""
        track = self.client.getReceivers()[1].track
        means = [0.0, 0.0, 0.0]
        for _ in range(100):
            # A receiver knows by the next picture that one is complete.
            self.source.show(picture(color))
            self.source.show(picture(color))
            frame: Any = await asyncio.wait_for(track.recv(), 10)
            means = _means(frame)
            if np.abs(np.subtract(means, color)).max() < 4:
                return
        raise AssertionError(f"{color} was not seen, but {means}")


def _means(frame: Picture) -> list[float]:
    array = frame.to_ndarray()
    height = frame.height
    bounds = (0, height, height * 5 // 4, height * 3 // 2)
    return [float(array[first:last].mean()) for first, last in pairwise(bounds)]


@pytest.fixture
async def calls(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[deque[Call]]:
    """Calls that a test opened and that are hung up after it."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
    opened: deque[Call] = deque()
    yield opened
    for call in opened:
        await call.client.close()
        await call.server.close()


@pytest.mark.parametrize(
    ("codec", "encoder"),
    [
        (None, Vp8Encoder),
        ("video/VP8", Vp8Encoder),
        ("video/H264", H264Encoder),
    ],
)
async def test_a_client_sees_the_right_colors(
    calls: deque[Call], codec: str | None, encoder: type
) -> None:
    """Lost otherwise: no client would see anything, or not in the codec it wants."""
    calls.append(call := Call(codec))
    await call.connect()
    assert type(call.encoder) is encoder
    await call.until_seen(RED)
    await call.until_seen(BLUE)
    assert call.encoder.bit_rate == 600_000


async def test_audio_and_video_are_one_stream(calls: deque[Call]) -> None:
    """Lost otherwise: browsers would not keep lips and voice together."""
    calls.append(call := Call())
    await call.connect()
    await call.until_seen(RED)
    lines = call.server.localDescription.sdp.splitlines()
    streams = [line.split()[0] for line in lines if line.startswith("a=msid:")]
    assert len(streams) == 2
    assert len(set(streams)) == 1
    names = {line.split("cname:")[1] for line in lines if "cname:" in line}
    assert len(names) == 1


async def test_a_client_asks_for_a_keyframe_and_gets_it(calls: deque[Call]) -> None:
    """Lost otherwise: a client that lost a packet of a still picture stays black."""
    calls.append(call := Call())
    await call.connect()
    await call.until_seen(RED)
    encoded = call.note_encoded()
    ssrc = call.sender._ssrc
    request = RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=ssrc)
    await call.sender._handle_rtcp_packet(request)
    # Nothing new is shown.
    assert await asyncio.wait_for(encoded.get(), 10)


async def test_a_client_s_report_lowers_the_bit_rate(calls: deque[Call]) -> None:
    """Lost otherwise: a weak network would be flooded."""
    calls.append(call := Call())
    await call.connect()
    await call.until_seen(RED)
    limits: list[int] = []
    call.encoder.limit = limits.append
    fci = pack_remb_fci(200_000, [call.sender._ssrc])
    report = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci)
    await call.sender._handle_rtcp_packet(report)
    assert limits == [pytest.approx(200_000, rel=0.01)]


@pytest.mark.parametrize("late_s", [0.0, 0.25])
async def test_reports_tell_when_a_picture_was_to_be_seen(
    calls: deque[Call], late_s: float
) -> None:
    """Lost otherwise: lips would follow the voice by the time that encoding takes."""
    calls.append(call := Call())
    await call.connect()
    loop = asyncio.get_running_loop()
    encoded = call.note_encoded()
    shown_s = loop.time() - late_s
    for number in range(4):
        call.source.show(picture(), shown_s + number / 1000)
        await asyncio.wait_for(encoded.get(), 10)
    sent: list[bytes] = []

    async def keep(data: bytes) -> None:
        sent.append(data)

    call.sender.transport._send_rtp = keep
    sender = call.sender
    raw = RtcpSenderInfo(
        ntp_timestamp=current_ntp_time(),
        rtp_timestamp=sender._RTCRtpSender__rtp_timestamp,
        packet_count=3,
        octet_count=3,
    )
    await sender._send_rtcp([RtcpSrPacket(ssrc=sender._ssrc, sender_info=raw)])
    (report,) = RtcpPacket.parse(sent[-1])
    assert isinstance(report, RtcpSrPacket)
    info = report.sender_info
    age_s = (current_ntp_time() - info.ntp_timestamp) / (1 << 32)
    assert age_s == pytest.approx(loop.time() - shown_s, abs=0.02)
    assert info.rtp_timestamp == sender._RTCRtpSender__rtp_timestamp
    # The client's answer names the report by this.
    assert sender._RTCRtpSender__lsr == (info.ntp_timestamp >> 16) & 0xFFFFFFFF


async def test_the_end_of_a_session_is_quiet(
    calls: deque[Call], caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: each hang-up would fill the log."""
    calls.append(call := Call())
    await call.connect()
    await call.until_seen(RED)
    ended = asyncio.Event()
    call.track.on("ended", ended.set)
    call.source.close()
    await asyncio.wait_for(ended.wait(), 10)
    await call.server.close()
    assert not caplog.records

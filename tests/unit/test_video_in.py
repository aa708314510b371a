"""fastrtc.transports.webrtc.video_in: packets in, pictures out."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import av
import pytest

from fastrtc.transports.webrtc import video_in
from fastrtc.transports.webrtc.frame_assembly import EncodedFrame
from fastrtc.transports.webrtc.packet_loss import WAIT_MS
from fastrtc.transports.webrtc.video_in import MAX_FRAMES, VideoReceiver
from fastrtc.transports.webrtc.video_payloads import VideoPacket

from ..support.video import FRAME_S, LossyCall, VideoSender, number_of

pytestmark = pytest.mark.virtual_time

CODECS = pytest.mark.parametrize("codec", ["VP8", "H264"])


def never() -> bool:
    return False


@CODECS
async def test_every_frame_is_shown_with_its_time(codec: str) -> None:
    """Lost otherwise: the camera would not be seen, or at the wrong speed."""
    call = LossyCall(VideoSender(codec, 65_500), never)
    await call.run(20)
    call.receiver.close()
    assert call.numbers == list(range(20))
    assert call.times_s == pytest.approx([n / 30 for n in range(20)], abs=1e-4)
    assert call.receiver.frames_decoded == 20
    assert call.receiver.frames_dropped == call.receiver.packets_lost == 0
    assert call.asked_packets == []


@CODECS
async def test_a_network_that_loses_and_reorders(codec: str) -> None:
    """Lost otherwise: on wireless networks the picture would freeze or break."""
    dice = random.Random(3)
    call = LossyCall(
        VideoSender(codec), lambda: dice.random() < 0.05, jitter=random.Random(4)
    )
    await call.run(150)
    call.receiver.close()
    assert call.numbers == list(range(150))
    assert call.asked_packets
    assert call.longest_freeze_s() < 0.2


@CODECS
@pytest.mark.parametrize("seed", range(3))
async def test_a_network_that_loses_a_third(codec: str, seed: int) -> None:
    """Lost otherwise: on bad networks rubbish would be shown, or nothing ever again."""
    dice = random.Random(seed)
    call = LossyCall(VideoSender(codec), lambda: dice.random() < 0.33, one_way_s=0.1)
    await call.run(150)
    call.receiver.close()
    # Broken pictures raise in `number_of`.
    assert call.numbers == sorted(set(call.numbers))
    for before, after in pairwise(call.numbers):
        assert after == before + 1 or after in call.sender.keyframes
    assert call.receiver.packets_lost
    assert call.receiver.keyframes_requested


@CODECS
async def test_an_outage_is_followed_by_a_keyframe(codec: str) -> None:
    """Lost otherwise: a second in a tunnel would freeze the picture for good."""
    loop = asyncio.get_running_loop()
    call = LossyCall(VideoSender(codec), lambda: 1 < loop.time() < 2.5)
    await call.run(120)
    call.receiver.close()
    first_after = next(time for _, time in call.shown if time > 2)
    # What is lost at last is waited for, then a keyframe takes a round trip.
    assert first_after < 2.5 + (WAIT_MS + 50) / 1000 + 3 * FRAME_S
    assert call.numbers[-1] == 119


async def test_a_lost_last_packet_does_not_wait_for_another() -> None:
    """Lost otherwise: a still picture (a shared screen) would stay broken."""
    receiver = VideoReceiver(lambda _, __: None)
    asked = Asked()
    receiver.connect(asked)
    sender = VideoSender("VP8")
    for packet in sender.next_frame():
        receiver.on_packet(packet)
    sender.force_keyframe()
    first, *others = sender.next_frame()
    assert first.kind.key
    for packet in others:
        receiver.on_packet(packet)
    await asyncio.sleep(WAIT_MS / 1000 + 0.002)
    assert asked.packets
    assert asked.keyframes == 1
    await asyncio.sleep(0.5)
    assert asked.keyframes == 2
    receiver.close()
    await asyncio.sleep(10)
    assert asked.keyframes == 2
    assert asked.closed


class Asked:
    """Notes what a receiver asks for."""

    def __init__(self) -> None:
        self.packets: list[int] = []
        self.keyframes = 0
        self.closed = False

    def ask_packets(self, ssrc: int, sequences: list[int]) -> None:
        self.packets += sequences

    def ask_keyframe(self, ssrc: int) -> None:
        self.keyframes += 1

    def close(self) -> None:
        self.closed = True


class Looking:
    """A receiver, what it shows and what it asks for."""

    def __init__(self) -> None:
        self.asked = Asked()
        self.receiver = VideoReceiver(self._show)
        self.receiver.connect(self.asked)
        self.numbers: list[int] = []
        self.on_show: Callable[[], None] = lambda: None

    def _show(self, frame: av.VideoFrame, time_s: float) -> None:
        self.numbers.append(number_of(frame))
        self.on_show()

    def feed(self, *packets: VideoPacket) -> None:
        for packet in packets:
            self.receiver.on_packet(packet)

    async def settle(self) -> None:
        """Until nothing is decoded any more."""
        while self.receiver._decoding is not None:
            await self.receiver._decoding


@CODECS
async def test_a_broken_frame_gets_a_keyframe_at_once(codec: str) -> None:
    """Lost otherwise: what could not be decoded would freeze or spoil the picture."""
    looking, sender = Looking(), VideoSender(codec)
    looking.feed(*sender.next_frame(), *sender.next_frame())
    await looking.settle()
    broken = [
        replace(p, data=b"\x00\x00\x00\x01\x65" + b"\xff" * 30)
        for p in sender.next_frame()
    ]
    looking.feed(*broken)
    await looking.settle()
    assert looking.asked.keyframes == 1
    looking.feed(*sender.next_frame())
    sender.force_keyframe()
    looking.feed(*sender.next_frame(), *sender.next_frame())
    await looking.settle()
    looking.receiver.close()
    assert looking.numbers == [0, 1, 4, 5]
    assert looking.receiver.frames_dropped == 2


async def test_a_broken_frame_before_a_keyframe_that_waits() -> None:
    """Lost otherwise: a keyframe that is there would be thrown away for another."""
    looking, sender = Looking(), VideoSender("VP8")
    looking.feed(*sender.next_frame())
    looking.feed(*(replace(p, data=b"\xff" * 9) for p in sender.next_frame()))
    looking.feed(*sender.next_frame())
    sender.force_keyframe()
    looking.feed(*sender.next_frame(), *sender.next_frame())
    await looking.settle()
    looking.receiver.close()
    assert looking.numbers == [0, 3, 4]
    assert looking.asked.keyframes == 0


async def test_too_many_frames_are_dropped_up_to_a_keyframe() -> None:
    """Lost otherwise: a busy machine would show the past, and fill its memory."""
    looking, sender = Looking(), VideoSender("VP8")
    for _ in range(MAX_FRAMES + 5):
        looking.feed(*sender.next_frame())
    assert not looking.receiver._frames
    assert looking.receiver._frames_bytes == 0
    assert looking.asked.keyframes == 1
    sender.force_keyframe()
    looking.feed(*sender.next_frame())
    await looking.settle()
    looking.receiver.close()
    assert looking.numbers == [MAX_FRAMES + 5]


async def test_too_many_frames_with_a_keyframe_among_them() -> None:
    """Lost otherwise: a keyframe that is there would be thrown away for another."""
    looking, sender = Looking(), VideoSender("VP8")
    for number in range(MAX_FRAMES + 5):
        if number == 20:
            sender.force_keyframe()
        looking.feed(*sender.next_frame())
    await looking.settle()
    looking.receiver.close()
    assert looking.numbers == list(range(20, MAX_FRAMES + 5))
    assert looking.asked.keyframes == 0


async def test_frames_come_in_order_one_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lost otherwise: pictures would be decoded on each other's remains."""
    at_once: list[int] = []
    running = 0
    decode = video_in._Decoder.decode

    def counted(decoder: Any, frame: EncodedFrame) -> Any:
        nonlocal running
        assert threading.current_thread() is not threading.main_thread()
        running += 1
        at_once.append(running)
        pictures = decode(decoder, frame)
        running -= 1
        return pictures

    monkeypatch.setattr(video_in._Decoder, "decode", counted)
    looking, sender = Looking(), VideoSender("VP8")
    for _ in range(10):
        looking.feed(*sender.next_frame())
    await looking.settle()
    looking.receiver.close()
    assert at_once == [1] * 10
    assert looking.numbers == list(range(10))


async def test_nothing_is_shown_after_the_close() -> None:
    """Lost otherwise: an ended session would be given pictures."""
    looking, sender = Looking(), VideoSender("VP8")
    looking.feed(*sender.next_frame(), *sender.next_frame())
    await asyncio.sleep(0)
    decoding = looking.receiver._decoding
    assert decoding is not None
    looking.receiver.close()
    looking.feed(*sender.next_frame())
    await asyncio.sleep(1)
    assert looking.numbers == []
    assert decoding.cancelled()


async def test_who_shows_may_close() -> None:
    """Lost otherwise: a session that ends at a picture would go on decoding."""
    looking, sender = Looking(), VideoSender("VP8")
    looking.on_show = looking.receiver.close
    for _ in range(3):
        looking.feed(*sender.next_frame())
    await asyncio.sleep(1)
    assert looking.numbers == [0]
    assert looking.receiver._decoding is None


async def test_giant_pictures_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: one small packet could take gigabytes of memory."""
    monkeypatch.setattr(video_in, "MAX_PIXELS", 320 * 240)
    looking, sender = Looking(), VideoSender("VP8")
    looking.feed(*sender.next_frame())
    await looking.settle()
    looking.receiver.close()
    assert looking.numbers == []
    assert looking.asked.keyframes == 1


@CODECS
async def test_the_camera_changes_its_size(codec: str) -> None:
    """Lost otherwise: a phone that is turned, or a slow network, would end video."""
    sizes: list[tuple[int, int]] = []
    receiver = VideoReceiver(lambda frame, _: sizes.append((frame.width, frame.height)))
    from ..support import video

    sender = VideoSender(codec)
    original = video.picture
    for width, height in ((640, 360), (320, 240)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                video, "picture", lambda n, w=width, h=height: original(n, w, h)
            )
            for packet in sender.next_frame():
                receiver.on_packet(packet)
    while receiver._decoding is not None:
        await receiver._decoding
    receiver.close()
    assert sizes == [(640, 360), (320, 240)]

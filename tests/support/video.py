"""Video that tells which frame it is, and a sender of it without a network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
from aiortc.codecs import CODECS, depayload, get_encoder
from numpy.typing import NDArray

from fastrtc.transports.webrtc.video_in import VideoReceiver
from fastrtc.transports.webrtc.video_payloads import VideoPacket, payload_kind

BITS = 16
DARK, BRIGHT = 40, 210
FRAME_S = 1 / 30
PACING_S = 0.0001


def picture(number: int, width: int = 640, height: int = 360) -> av.VideoFrame:
    """A frame of moving noise with its number as 16 dark or bright fields on top."""
    noise = np.random.default_rng(7).integers(60, 190, (height // 8, width // 8 + 64))
    shift = number % 64
    luma = noise[:, shift : shift + width // 8].repeat(8, 0).repeat(8, 1)
    field = width // BITS
    for bit in range(BITS):
        value = BRIGHT if number >> bit & 1 else DARK
        luma[: height // 4, bit * field : (bit + 1) * field] = value
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = luma
    frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
    frame.pts = number * 3000
    frame.time_base = Fraction(1, 90_000)
    return frame


def number_of(frame: av.VideoFrame) -> int:
    """The number that `picture` put on a frame.

    Raises:
        AssertionError: a field is neither dark nor bright: the picture is broken.
    """
    luma = frame.to_ndarray(format="gray").astype(np.int16)
    field = frame.width // BITS
    number = 0
    for bit in range(BITS):
        inner = luma[8 : frame.height // 4 - 8, bit * field + 8 : (bit + 1) * field - 8]
        error = min(_error(inner, DARK), _error(inner, BRIGHT))
        assert error < 60, f"a broken picture: {error}"
        number |= int(inner.mean() > (DARK + BRIGHT) / 2) << bit
    return number


def _error(pixels: NDArray[np.int16], value: int) -> int:
    return int(np.abs(pixels - value).max())


class VideoSender:
    """Encodes with aiortc's encoders and answers as a browser does."""

    def __init__(self, codec: str, first_sequence: int = 0, ssrc: int = 7) -> None:
        self._parameters = next(c for c in CODECS["video"] if c.name == codec)
        self._encoder = get_encoder(self._parameters)
        self._codec = codec
        self._ssrc = ssrc
        self._sequence = first_sequence
        self._keyframe = True
        self.number = 0
        self.sent: dict[int, VideoPacket] = {}
        self.keyframes: list[int] = []

    def force_keyframe(self) -> None:
        self._keyframe = True

    def next_frame(self) -> list[VideoPacket]:
        """The packets of the next frame."""
        if self._keyframe:
            self.keyframes.append(self.number)
        payloads, timestamp = self._encoder.encode(picture(self.number), self._keyframe)
        self._keyframe = False
        self.number += 1
        packets = [self._packet(payload, timestamp) for payload in payloads]
        packets[-1].marker = True
        for packet in packets:
            self.sent[packet.sequence] = packet
        return packets

    def _packet(self, payload: bytes, timestamp: int) -> VideoPacket:
        data = depayload(self._parameters, payload)
        kind = payload_kind(self._codec, payload, data)
        sequence, self._sequence = self._sequence, (self._sequence + 1) & 0xFFFF
        return VideoPacket(
            self._ssrc, sequence, timestamp, False, self._codec, kind, data
        )


class LossyCall:
    """A sender, a receiver and a network of losses between them, in virtual time.

    The first frame comes whole.

    Args:
        loses: asked for every packet, question and answer: whether it is lost.
        one_way_s: the time from one end to the other.
    """

    def __init__(
        self,
        sender: VideoSender,
        loses: Callable[[], bool],
        one_way_s: float = 0.025,
        jitter: random.Random | None = None,
    ) -> None:
        self.sender = sender
        self.receiver = VideoReceiver(self._show)
        self.receiver.connect(self)
        self.shown: list[tuple[int, float]] = []
        self.times_s: list[float] = []
        self.asked_packets: list[int] = []
        self._loses = loses
        self._one_way_s = one_way_s
        self._jitter = jitter
        self._loop = asyncio.get_running_loop()

    def _show(self, frame: av.VideoFrame, time_s: float) -> None:
        self.shown.append((number_of(frame), self._loop.time()))
        self.times_s.append(time_s)

    @property
    def numbers(self) -> list[int]:
        return [number for number, _ in self.shown]

    def longest_freeze_s(self) -> float:
        """The longest time in which no new frame was shown."""
        return max(after - before for (_, before), (_, after) in pairwise(self.shown))

    async def run(self, frames: int) -> None:
        """Send so many frames, and wait until the last has come."""
        for number in range(frames):
            for position, packet in enumerate(self.sender.next_frame()):
                if number:
                    self._send(packet, position * PACING_S)
                else:
                    self.receiver.on_packet(packet)
            await asyncio.sleep(FRAME_S)
        await asyncio.sleep(1)

    def _send(self, packet: VideoPacket, late_s: float = 0.0) -> None:
        if self._jitter is not None:
            late_s += self._jitter.uniform(0, 0.02)
        self._travel(lambda: self.receiver.on_packet(packet), late_s)

    def _travel(self, arrive: Callable[[], None], late_s: float = 0.0) -> None:
        if not self._loses():
            self._loop.call_later(self._one_way_s + late_s, arrive)

    # What the receiver asks for.

    def ask_packets(self, ssrc: int, sequences: list[int]) -> None:
        self.asked_packets += sequences
        self._travel(lambda: self._repeat(sequences))

    def _repeat(self, sequences: list[int]) -> None:
        for sequence in sequences:
            self._send(self.sender.sent[sequence])

    def ask_keyframe(self, ssrc: int) -> None:
        self._travel(self.sender.force_keyframe)

    def close(self) -> None:
        """Nothing is under way that would have to be ended."""

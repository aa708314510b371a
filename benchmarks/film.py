"""The moving pictures that the clients send: made here, the same in every run.

A person moves before a room, seen by a camera that is held in a hand and has a little
noise, so that a codec has as much to do as in a call. Each picture has its number on
it, in blocks that survive the codec: what comes back tells which one it was, and,
since they can only be read where they belong, that it was really flipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal, TypeAlias, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.uint8]
Way: TypeAlias = Literal["as it is", "upside down", "mirrored"]

CLOCK_HZ = 90_000
LASTS_S = 10
KEYFRAME_S = 3
"""A client that is asked for a keyframe jumps to the next one in the film."""
BITS = 9
"""Of a number. A bright block is before it, and the same bits inverted and a dark
block follow, so that nothing else reads as one, nor it the wrong way round."""
BLOCKS = 2 * BITS + 2
ROWS = 15
"""The blocks are so many times less high than the picture."""
DARK, BRIGHT = 24, 226
BITS_PER_PIXEL = 0.07
"""What browsers give a person before a room: 1.9 Mbit/s for 1280x720 at 30 Hz."""
MARGIN = 32
"""How far the camera may shake, pixels to both sides; even, for the colours."""


@dataclass(frozen=True)
class Coded:
    """One picture, encoded."""

    data: bytes
    is_key: bool


@dataclass(frozen=True)
class Film:
    """Pictures in VP8, to be shown in a loop: the first is a keyframe.

    Attributes:
        fps: how many a second.
        coded: all of them; each has its place in this list written on it.
    """

    fps: int
    coded: tuple[Coded, ...]


@cache
def film(width: int, height: int, fps: int) -> Film:
    """Ten seconds of it; about 5 s of work at 1280x720."""
    scene = _Scene(width, height)
    encoder = _encoder(width, height, fps)
    packets: list[Any] = []
    for number in range(LASTS_S * fps):
        frame = scene.picture(number, number / fps)
        frame.pts, frame.time_base = number, Fraction(1, fps)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    coded = tuple(Coded(bytes(packet), packet.is_keyframe) for packet in packets)
    if len(coded) != LASTS_S * fps:
        raise ValueError(f"{len(coded)} of {LASTS_S * fps} pictures were encoded")
    return Film(fps, coded)


def read_number(frame: VideoFrame, way: Way) -> int | None:
    """The number on a picture that was turned so; None when it can't be read."""
    plane = _plane(frame, 0)
    height, width = plane.shape
    row = height // (2 * ROWS)
    if way == "upside down":
        row = height - 1 - row
    places = (2 * np.arange(BLOCKS) + 1) * width // (2 * BLOCKS)
    if way == "mirrored":
        places = width - 1 - places
    bits = plane[row, places] > (DARK + BRIGHT) // 2
    number, inverted = bits[1 : BITS + 1], bits[BITS + 1 : -1]
    if not bits[0] or bits[-1] or not np.array_equal(number, ~inverted):
        return None
    return int(np.dot(number, 1 << np.arange(BITS)))


def _encoder(width: int, height: int, fps: int) -> VideoCodecContext:
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(fps), Fraction(1, fps)
    encoder.bit_rate = round(width * height * fps * BITS_PER_PIXEL)
    encoder.gop_size = KEYFRAME_S * fps
    encoder.thread_count = 1
    # As a browser encodes a call: at once, and at a constant rate.
    encoder.options = {"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0"}
    return encoder


class _Scene:
    """A person before a room, by the number and time of a picture."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        dice = np.random.default_rng(5)
        room = width + 2 * MARGIN, height + 2 * MARGIN
        self._room = _texture(dice, *room, 90, 60)
        self._person = _texture(dice, width // 3, height * 3 // 4, 150, 50)
        self._outline = _ellipse(width // 3, height * 3 // 4)
        self._noise = dice.normal(0, 2, (4, height, width)).astype(np.int16)
        self._colours = [
            _texture(dice, room[0] // 2, room[1] // 2, 128, 24) for _ in range(2)
        ]

    def picture(self, number: int, time_s: float) -> VideoFrame:
        width, height = self._size
        left = MARGIN + 2 * round(MARGIN / 4 * np.sin(1.3 * time_s))
        top = MARGIN + 2 * round(MARGIN / 4 * np.sin(0.9 * time_s + 1))
        luma = self._room[top : top + height, left : left + width].copy()
        self._paint_person(luma, time_s)
        luma = np.clip(luma + self._noise[number % 4], 16, 235).astype(np.uint8)
        _paint_number(luma, number)
        frame = VideoFrame(width, height, "yuv420p")
        _plane(frame, 0)[...] = luma
        for plane, colour in enumerate(self._colours, 1):
            part = colour[top // 2 :, left // 2 :][: height // 2, : width // 2]
            _plane(frame, plane)[...] = part
        return frame

    def _paint_person(self, luma: Plane, time_s: float) -> None:
        width, height = self._size
        left = width // 3 + round(width / 8 * np.sin(1.7 * time_s))
        top = height // 4 + round(height / 40 * np.sin(4.1 * time_s))
        rows = min(self._person.shape[0], height - top)
        place = luma[top : top + rows, left : left + self._person.shape[1]]
        np.copyto(place, self._person[:rows], where=self._outline[:rows])


def _texture(
    dice: np.random.Generator, width: int, height: int, mean: float, spread: float
) -> Plane:
    """Large shapes and small ones, as things in a room have."""
    total = np.full((height, width), mean, np.float64)
    for cell, share in ((96, 0.7), (24, 0.25), (6, 0.08)):
        coarse = dice.integers(0, 256, (height // cell + 2, width // cell + 2))
        small = VideoFrame.from_ndarray(coarse.astype(np.uint8), "gray")
        smooth = small.reformat(width, height, "gray", interpolation="BICUBIC")
        total += spread * share * (_plane(smooth, 0).astype(np.float64) / 128 - 1)
    return np.clip(total, 16, 235).astype(np.uint8)


def _ellipse(width: int, height: int) -> NDArray[np.bool_]:
    across = np.linspace(-1, 1, width)
    down = np.linspace(-1, 1, height)[:, np.newaxis]
    return across**2 + down**2 < 1


def _paint_number(luma: Plane, number: int) -> None:
    height, width = luma.shape
    bits = (number >> np.arange(BITS)) & 1
    blocks = np.concatenate([[1], bits, 1 - bits, [0]])
    columns = blocks[np.arange(width) * BLOCKS // width]
    luma[: height // ROWS] = np.where(columns, BRIGHT, DARK)


def _plane(frame: VideoFrame, index: int) -> Plane:
    """A plane of a frame, in place."""
    plane = frame.planes[index]
    shape, strides = (plane.height, plane.width), (plane.line_size, 1)
    return np.ndarray(shape, np.uint8, cast("Any", plane), strides=strides)

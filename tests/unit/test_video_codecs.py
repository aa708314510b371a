"""fastrtc.transports.webrtc.video_codecs: a scene in, the same scene out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from av.video.frame import VideoFrame as Picture

from fastrtc.transports.webrtc.video_codecs import (
    TIME_BASE,
    H264Encoder,
    VideoEncoder,
    Vp8Encoder,
    default_bit_rate,
)

BOTH = pytest.mark.parametrize("make", [Vp8Encoder, H264Encoder])
Make = Callable[..., VideoEncoder]

SIZE = 480, 272
BIT_RATE = 400_000
LARGE = 800, 448
"""More than the least default bit rate, at 10 pictures a second too."""


@cache
def texture(width: int, height: int) -> Any:
    """Patches of all sizes from 4 to 32, as in a photograph."""
    random = np.random.default_rng(1)
    picture = np.full((height + 32, width + 32), 120.0)
    for patch, depth in ((32, 30), (16, 20), (8, 15), (4, 8)):
        small = random.normal(0, depth, (height // patch + 10, width // patch + 10))
        large = np.kron(small, np.ones((patch, patch)))
        picture += large[: height + 32, : width + 32]
    return picture.clip(16, 235)


@cache
def noise(index: int, width: int, height: int) -> Any:
    """Of a sensor."""
    return np.random.default_rng(index).normal(0, 3, (height, width))


def scene(index: int, size: tuple[int, int] = SIZE, rate_hz: float = 30.0) -> Picture:
    """A camera that swings across a photograph, with its noise."""
    width, height = size
    swing = 0.1 * index
    left, top = round(16 + 15 * np.sin(swing)), round(16 + 15 * np.cos(swing))
    luma = texture(width, height)[top : top + height, left : left + width]
    lit = (luma + noise(index % 7, width, height)).clip(0, 255)
    planes = lit, np.full((height // 2, width), 128)
    array = np.concatenate(planes).astype(np.uint8)
    frame = Picture.from_ndarray(array, "yuv420p")
    frame.pts, frame.time_base = round(index * 90_000 / rate_hz), TIME_BASE
    return frame


@dataclass
class Stream:
    """What an encoder made of a scene."""

    sizes: list[int]
    keyframes: list[int]
    packets: list[bytes]

    def bit_rate(self, first: int, last: int, rate_hz: float = 30.0) -> float:
        return 8 * sum(self.sizes[first:last]) * rate_hz / (last - first)


def encode(
    encoder: VideoEncoder,
    frames: Iterable[Picture],
    before: Callable[[int], bool] = lambda _: False,
) -> Stream:
    """Encode a scene; `before` a picture says whether it has to be a keyframe."""
    stream = Stream([], [], [])
    for index, frame in enumerate(frames):
        packet = encoder.encode(frame, before(index))
        data = b"" if packet is None else bytes(packet)
        stream.packets.append(data)
        stream.sizes.append(len(data))
        if packet is not None and packet.is_keyframe:
            stream.keyframes.append(index)
    return stream


def decode(make: Make, packets: Iterable[bytes]) -> list[Picture]:
    codec: Any = av.CodecContext.create("libvpx" if make is Vp8Encoder else "h264", "r")
    return [frame for data in packets for frame in codec.decode(av.Packet(data))]


def psnr_db(one: Picture, other: Picture) -> float:
    difference = one.to_ndarray().astype(float) - other.to_ndarray()
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


def scenes(count: int, rate_hz: float = 30.0) -> Iterable[Picture]:
    return (scene(index, SIZE, rate_hz) for index in range(count))


@BOTH
def test_a_scene_comes_out_as_it_went_in(make: Make) -> None:
    """Lost otherwise: the user would see grey or smeared pictures."""
    stream = encode(make(1_500_000), scenes(30))
    got = decode(make, stream.packets)
    assert len(got) == 30
    assert stream.keyframes == [0]
    for frame, original in zip(got[10:], list(scenes(30))[10:], strict=True):
        assert psnr_db(frame, original) > 33


@BOTH
def test_a_forced_keyframe_is_one(make: Make) -> None:
    """Lost otherwise: after a lost packet the picture would stay broken for good."""
    stream = encode(make(BIT_RATE), scenes(60), lambda index: index == 20)
    assert stream.keyframes == [0, 20]
    # A viewer who comes now sees all that follows.
    assert len(decode(make, stream.packets[20:])) == 60 - 20 - stream.sizes.count(0)


@BOTH
def test_keyframes_have_a_distance(make: Make) -> None:
    """Lost otherwise: a client asking for keyframes all the time would get nothing
    else, and blurred ones."""
    stream = encode(make(BIT_RATE), scenes(30), lambda index: index in (3, 10, 12))
    assert stream.keyframes == [0, 9, 18]


@BOTH
def test_a_camera_s_keyframes_are_not_copied(make: Make) -> None:
    """Lost otherwise: an echo would repeat each keyframe that came in."""
    frames = list(scenes(20))
    for frame in frames:
        frame.pict_type = PictureType.I
    assert encode(make(BIT_RATE), frames).keyframes == [0]


@BOTH
@pytest.mark.parametrize("rate_hz", [15.0, 30.0])
def test_the_bit_rate_is_kept(make: Make, rate_hz: float) -> None:
    """Lost otherwise: video would fill the network's buffers and come late."""
    encoder = make(BIT_RATE, rate_hz)
    seconds = round(3 * rate_hz)
    stream = encode(encoder, scenes(seconds, rate_hz))
    made = stream.bit_rate(0, seconds, rate_hz)
    assert made == pytest.approx(BIT_RATE, rel=0.25)


@BOTH
def test_pictures_too_hard_for_the_bit_rate_do_not_exceed_it(make: Make) -> None:
    """Lost otherwise: confetti on a weak network would come seconds late."""
    frames = list(scenes(90))
    random = np.random.default_rng(1)
    for frame in frames:
        plane: Any = frame.planes[0]
        plane.update(random.integers(0, 255, plane.buffer_size, np.uint8))
    encoder = make(BIT_RATE)
    stream = encode(encoder, frames)
    assert stream.bit_rate(30, 90) < 1.25 * BIT_RATE


@BOTH
@pytest.mark.parametrize("rate_hz", [15.0, 60.0])
def test_an_unexpected_frame_rate_keeps_the_bit_rate(
    make: Make, rate_hz: float
) -> None:
    """Lost otherwise: a handler at 15 pictures a second would look half as good."""
    until_fixed = round(7 * rate_hz)
    stream = encode(make(BIT_RATE), scenes(until_fixed + 60, rate_hz))
    made = stream.bit_rate(until_fixed, until_fixed + 60, rate_hz)
    assert made == pytest.approx(BIT_RATE, rel=0.25)
    assert len(stream.keyframes) <= 2


def at_two_rates(
    count: int, change: int, before: float, after: float, size: tuple[int, int] = LARGE
) -> list[Picture]:
    """A scene whose frame rate changes at a picture."""
    frames = [scene(index, size) for index in range(count)]
    for index, frame in enumerate(frames):
        later = max(0, index - change)
        frame.pts = round(90_000 * ((index - later) / before + later / after))
    return frames


@BOTH
def test_few_pictures_get_no_more_bits_each(make: Make) -> None:
    """Lost otherwise: a slow handler's pictures would take a third longer each, and
    make it slower."""
    stream = encode(make(None, 30.0), at_two_rates(100, 40, 30, 10))
    made = stream.bit_rate(80, 100, 10)
    assert made == pytest.approx(default_bit_rate(*LARGE, 10), rel=0.25)
    assert len(stream.keyframes) <= 3


@BOTH
def test_pictures_that_come_often_again_get_their_bits(make: Make) -> None:
    """Lost otherwise: a video that came slowly for a moment would be blurred for good.

    A second keyframe may have to wait for 5 s."""
    stream = encode(make(None, 30.0), at_two_rates(230, 30, 10, 30))
    made = stream.bit_rate(200, 230)
    assert made == pytest.approx(default_bit_rate(*LARGE, 30), rel=0.25)


def test_a_burst_is_no_higher_frame_rate() -> None:
    """Lost otherwise: what had to wait would come as a flood."""
    frames = at_two_rates(220, 170, 30, 200, SIZE)
    assert encode(Vp8Encoder(None, 30.0), frames).keyframes == [0]


@BOTH
def test_a_narrow_network_is_obeyed_at_once_and_left_slowly(make: Make) -> None:
    """Lost otherwise: on a weak mobile network the picture would stand still."""
    encoder = make(1_000_000)
    limits = {30: 300_000, 120: 900_000}

    def before(index: int) -> bool:
        if index in limits:
            encoder.limit(limits[index])
        return False

    stream = encode(encoder, scenes(270), before)
    assert stream.bit_rate(40, 120) == pytest.approx(300_000, rel=0.25)
    # 5 s after the last change.
    assert stream.keyframes == [0, 30, 180]
    assert stream.bit_rate(180, 270) == pytest.approx(900_000, rel=0.25)


@BOTH
def test_small_changes_cost_no_keyframe(make: Make) -> None:
    """Lost otherwise: the picture would pump each second, when the client reports."""
    encoder = make(BIT_RATE)
    wishes = [0.9, 1.0, 0.95, 0.9, 1.2, 0.92, 0.88, 1.1]

    def before(index: int) -> bool:
        if index % 30 == 0:
            encoder.limit(round(BIT_RATE * wishes[index // 30]))
        return False

    stream = encode(encoder, scenes(30 * len(wishes)), before)
    assert stream.keyframes == [0]


def test_h264_gives_way_without_a_keyframe() -> None:
    """Lost otherwise: each report of a crowded network would crowd it more."""
    encoder = H264Encoder(BIT_RATE)

    def before(index: int) -> bool:
        if index == 60:
            encoder.limit(round(0.6 * BIT_RATE))
        return False

    stream = encode(encoder, scenes(300), before)
    assert stream.keyframes == [0]
    assert stream.bit_rate(90, 300) == pytest.approx(0.6 * BIT_RATE, rel=0.25)


@BOTH
def test_a_quiet_picture_is_no_narrow_network(make: Make) -> None:
    """Lost otherwise: after a still slide all would be blurred for half a minute,
    because the client knows of the network what was sent, and no more."""
    encoder = make(BIT_RATE)
    slide = np.full((SIZE[1] * 3 // 2, SIZE[0]), 99, np.uint8)
    slides = [Picture.from_ndarray(slide, "yuv420p") for _ in range(90)]
    for index, frame in enumerate(slides):
        frame.pts, frame.time_base = 3000 * index, TIME_BASE
    sent = encode(encoder, slides).bit_rate(60, 90)
    assert sent < BIT_RATE / 8
    encoder.limit(round(1.5 * sent))
    for index in range(90, 95):
        encoder.encode(scene(index))
    assert encoder.bit_rate == BIT_RATE


def test_h264_names_its_colors() -> None:
    """Lost otherwise: Chrome would show red as orange from 1280 x 720 on."""
    stream = encode(H264Encoder(BIT_RATE), scenes(2))
    frame = decode(H264Encoder, stream.packets)[0]
    smpte170m, limited = 6, 1
    assert (frame.colorspace, frame.color_range) == (smpte170m, limited)


@BOTH
def test_a_client_cannot_raise_what_the_user_set(make: Make) -> None:
    """Lost otherwise: a set bit rate would cost more than was planned."""
    encoder = make(BIT_RATE)
    encoder.limit(10 * BIT_RATE)
    encode(encoder, scenes(1))
    assert encoder.bit_rate == BIT_RATE


@BOTH
def test_a_client_cannot_lower_it_to_nothing(make: Make) -> None:
    """Lost otherwise: a client that reports 0 would make the encoder fail."""
    encoder = make(BIT_RATE)
    encode(encoder, scenes(30))
    encoder.limit(0)
    encoder.encode(scene(30))
    assert encoder.bit_rate == 100_000


@BOTH
def test_another_size_begins_with_a_keyframe(make: Make) -> None:
    """Lost otherwise: turning the phone would end the video."""
    turned = SIZE[1], SIZE[0]
    frames = [scene(index, SIZE if index < 10 else turned) for index in range(20)]
    stream = encode(make(1_500_000), frames)
    assert stream.keyframes == [0, 10]
    got = decode(make, stream.packets)
    assert [(frame.width, frame.height) for frame in got] == [SIZE] * 10 + [turned] * 10
    assert psnr_db(got[-1], frames[-1]) > 33


def test_h264_is_constrained_baseline_and_keyframes_stand_alone() -> None:
    """Lost otherwise: Safari and phones could not decode it."""
    stream = encode(H264Encoder(BIT_RATE), scenes(30), lambda index: index == 15)
    assert stream.keyframes == [0, 15]
    for index in stream.keyframes:
        sps = stream.packets[index].split(b"\x00\x00\x01")[1]
        assert sps[0] & 0x1F == 7
        assert sps[1] == 66
        assert sps[2] & 0x40


@pytest.mark.parametrize(
    ("width", "height", "rate_hz", "expected"),
    [
        (160, 120, 30, 250_000),
        (640, 480, 30, 645_120),
        (1280, 720, 30, 1_935_360),
        (1280, 720, 15, 967_680),
        (1920, 1080, 30, 4_000_000),
    ],
)
def test_the_default_bit_rate_fits_the_pictures(
    width: int, height: int, rate_hz: float, expected: int
) -> None:
    """Lost otherwise: large pictures would be mud, small ones a waste."""
    assert default_bit_rate(width, height, rate_hz) == expected


@BOTH
def test_without_a_set_bit_rate_the_size_decides(make: Make) -> None:
    """Lost otherwise: nobody's video would look right before they set a number."""
    encoder = make()
    assert encoder.bit_rate == 0
    encoder.encode(scene(0))
    # x264 counts in thousands.
    assert encoder.bit_rate == pytest.approx(default_bit_rate(*SIZE, 30), rel=0.01)

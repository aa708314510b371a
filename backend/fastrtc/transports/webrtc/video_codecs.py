"""From pictures to VP8 and H.264, at a bit rate that follows the client's network.

The settings are those of a live call: no picture is held back, and the bits follow a
constant rate. Compared with what aiortc sets, by CPU time and PSNR of a person before
a room and of a camera that swings across a photograph with noise, at 1280 x 720 and
2 Mbit/s, on a core that had other work too:

| encoder                                  | ms a picture | dB, person | dB, swing |
|------------------------------------------|--------------|------------|-----------|
| VP8, aiortc: speed 6, denoiser           | 9.0 to 9.9   | 40.9       | 34.7      |
| VP8, ours: speed 11, no denoiser         | 4.8 to 5.3   | 42.3       | 34.9      |
| H.264, aiortc: preset medium             | 18 to 31     | 42.9       | 35.0      |
| H.264, ours: preset superfast, one slice | 4.1 to 5.5   | 42.7       | 34.9      |

A second thread makes VP8's pictures ready 1.5 ms sooner for a quarter more CPU.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any, cast

import av
from av.packet import Packet
from av.video.frame import PictureType
from av.video.frame import VideoFrame as Picture
from av.video.stream import VideoStream

from .video_rates import RATE_PICTURES, RTP_CLOCK_HZ, FrameRate, SentRate

TIME_BASE = Fraction(1, RTP_CLOCK_HZ)

BITS_PER_PIXEL = 0.07
"""Of the default bit rate. 1280 x 720 at 30 pictures a second get 1.9 Mbit/s, with
which a person before a room has 42 dB; browsers give it 1.5 to 2.5."""
MIN_DEFAULT_BIT_RATE = 250_000
MAX_DEFAULT_BIT_RATE = 4_000_000
MIN_BIT_RATE = 100_000
"""However little the client says its network carries."""

PATIENCE_S = 5.0
"""Least time between two keyframes that only change the bit rate."""
FEWER, MORE = 0.87, 1.25
"""Of the bit rate at hand: a wish between them isn't worth a keyframe."""
TOO_MANY = 2.0
"""So many times the bits wished for are stopped at once: they'd fill every buffer on
their way, and arrive late."""
KEYFRAME_S = 0.3
"""Least time between two keyframes that were asked for; Chrome's own. A client asks
again while the first is still on its way."""

FAST_PIXELS = 1280 * 720
"""From here on VP8 is encoded at speed 11, not 8: 4.7 ms a picture, not 6.3. A person
before a room loses 0.1 dB by it, the same out of a client's encoder 0.3; a swinging
camera 0 to 0.4. Speed 12 takes 0.2 ms less and loses half as much again, speed 16
takes 3.4 ms and loses 1 to 2.5 dB."""

SLOWER, FASTER = 0.5, 1.5
"""Of the frame rate that the default bit rate is for: it changes when the pictures come
less often than that, or again more often. At 10 pictures a second, the bits of 30 cost
9 ms of a core for each, their own 5."""

BUSY = 0.8
"""A client's limit below all before is believed when at least so much of it is sent.
Chrome also reports 1.5 times what it gets, when pictures need few bits; where its
network is too narrow, it reports 0.85 times what gets through."""


def default_bit_rate(width: int, height: int, frame_rate_hz: float) -> int:
    """Bits per second for pictures of this size, where the user sets none."""
    wished = round(BITS_PER_PIXEL * width * height * frame_rate_hz)
    return max(MIN_DEFAULT_BIT_RATE, min(wished, MAX_DEFAULT_BIT_RATE))


class VideoEncoder(ABC):
    """Encodes a stream of pictures, one packet each.

    A picture of another size begins with a keyframe. So does another bit rate, where
    the codec can't change it otherwise: then small changes are left, and others wait
    until the last is `PATIENCE_S` old, or the wish is below half of what is made.

    `encode` may be called in a thread, `limit` meanwhile in another.

    Args:
        bit_rate: highest, per second. None: `default_bit_rate`.
        frame_rate_hz: pictures a second, as far as is known. The default bit rate is
            lower when fewer come, see `SLOWER`.
    """

    def __init__(
        self, bit_rate: int | None = None, frame_rate_hz: float = 30.0
    ) -> None:
        self._highest = bit_rate
        self._limit: int | None = None
        self._expected_hz = frame_rate_hz
        self._frame_rate_hz = frame_rate_hz
        self._far = 0
        self._rate = FrameRate(frame_rate_hz)
        self._sent = SentRate()
        self._codec: Any = None
        self._opened_pts = 0
        self._keyframe_pts = 0
        self._keyframe_asked = False

    @property
    def bit_rate(self) -> int:
        """Bits per second that are made now; 0 before the first picture."""
        return 0 if self._codec is None else self._codec.bit_rate

    def limit(self, bit_rate: int) -> None:
        """Say how many bits a second the client's network carries, by the client."""
        lower = self._limit is None or bit_rate < self._limit
        if lower and self._sent.bit_rate < BUSY * bit_rate:
            return
        self._limit = max(MIN_BIT_RATE, bit_rate)

    def encode(
        self, frame: Picture, force_keyframe: bool = False
    ) -> Packet[VideoStream] | None:
        """The picture's packet; None when its bits have to be saved.

        Args:
            frame: yuv420p with even sides; pts grow, in units of `TIME_BASE`. Its
                `pict_type` is overwritten.
            force_keyframe: make it a keyframe, or the first picture that comes
                `KEYFRAME_S` after the last one.
        """
        pts = cast("int", frame.pts)
        self._keyframe_asked |= force_keyframe
        self._rate.feed(pts)
        self._adapt()
        if not self._serves(frame):
            self._codec = self._open(frame)
            self._opened_pts = pts
        wait = KEYFRAME_S * RTP_CLOCK_HZ
        due = self._keyframe_asked and pts - self._keyframe_pts >= wait
        # Decoded pictures come with the type they had on their way here.
        frame.pict_type = PictureType.I if due else PictureType.NONE
        packets: list[Packet[VideoStream]] = self._codec.encode(frame)
        self._sent.feed(pts, sum(packet.size for packet in packets))
        if not packets:
            return None
        if packets[0].is_keyframe:
            self._keyframe_asked, self._keyframe_pts = False, pts
        return packets[0]

    def _adapt(self) -> None:
        """Take another frame rate for the default bit rate, if it is far from the last.

        More than was expected is none: pictures that had to wait come so.
        """
        measured_hz = min(self._rate.rate_hz, self._expected_hz)
        last_hz = self._frame_rate_hz
        near = SLOWER * last_hz <= measured_hz <= FASTER * last_hz
        self._far = 0 if near else self._far + 1
        # The pictures before the change have left the measure too.
        if self._far == RATE_PICTURES:
            self._frame_rate_hz, self._far = measured_hz, 0

    def _serves(self, frame: Picture) -> bool:
        """Whether the codec is open for such pictures, and for about this bit rate."""
        codec = self._codec
        if codec is None or (codec.width, codec.height) != (frame.width, frame.height):
            return False
        wished = self._wished(frame)
        made = self._made(wished)
        if made > TOO_MANY * wished:
            return False
        old = cast("int", frame.pts) - self._opened_pts >= PATIENCE_S * RTP_CLOCK_HZ
        return not old or FEWER * made <= wished <= MORE * made

    def _wished(self, frame: Picture) -> int:
        highest = self._highest
        if highest is None:
            size = frame.width, frame.height
            highest = default_bit_rate(*size, self._frame_rate_hz)
        return highest if self._limit is None else min(highest, self._limit)

    @abstractmethod
    def _made(self, wished: int) -> float:
        """Bits per second that the codec makes, after it was told of the wish."""

    @abstractmethod
    def _open(self, frame: Picture) -> Any:
        """A codec for such pictures."""


class Vp8Encoder(VideoEncoder):
    """libvpx. Its bit rate can't be changed through FFmpeg, nor need it be told when
    the frame rate changes: it looks at the pictures' times."""

    def _made(self, wished: int) -> float:
        return self._codec.bit_rate

    def _open(self, frame: Picture) -> Any:
        bit_rate = self._wished(frame)
        large = frame.width * frame.height >= FAST_PIXELS
        codec = _create("libvpx", frame, bit_rate, self._frame_rate_hz)
        codec.qmin, codec.qmax = 2, 56
        codec.options = {
            "deadline": "realtime",
            "cpu-used": "-11" if large else "-8",
            "lag-in-frames": "0",
            "noise-sensitivity": "0",
            "static-thresh": "1",
            # The three that are equal mean a constant rate, over a second.
            "minrate": str(bit_rate),
            "maxrate": str(bit_rate),
            "bufsize": str(bit_rate),
            "undershoot-pct": "100",
            "overshoot-pct": "15",
            # Pictures are left out before the rate is exceeded for long, and a keyframe
            # has at most the bits of 4.5 average ones: 150 ms of the network's time at
            # 30 pictures a second.
            "drop-threshold": "30",
            "max-intra-rate": "450",
        }
        return codec


class H264Encoder(VideoEncoder):
    """libx264, constrained baseline, which every browser decodes.

    Its bit rate can be changed down to a half of what it was opened with. It counts
    pictures, not time: another frame rate is a change of the bit rate.
    """

    def __init__(
        self, bit_rate: int | None = None, frame_rate_hz: float = 30.0
    ) -> None:
        super().__init__(bit_rate, frame_rate_hz)
        self._opened_bit_rate = 0
        self._opened_rate_hz = frame_rate_hz

    def _made(self, wished: int) -> float:
        faster = self._rate.rate_hz / self._opened_rate_hz
        highest = self._opened_bit_rate
        set_to = round(min(wished / faster, highest))
        if set_to * TOO_MANY < highest:
            return highest * faster
        if abs(set_to - self._codec.bit_rate) > 0.05 * self._codec.bit_rate:
            self._codec.bit_rate = set_to
        return self._codec.bit_rate * faster

    def _open(self, frame: Picture) -> Any:
        self._opened_bit_rate = bit_rate = self._wished(frame)
        self._opened_rate_hz = self._rate.rate_hz
        codec = _create("libx264", frame, bit_rate, self._opened_rate_hz)
        codec.profile = "Baseline"
        codec.options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "forced-idr": "1",
            # A cut in the picture is no reason for a keyframe; a lost one is.
            "sc_threshold": "0",
            # What all pictures of WebRTC are; untold, browsers take large ones for
            # BT.709, and red turns to orange.
            "x264-params": "colorprim=smpte170m:transfer=smpte170m:"
            "colormatrix=smpte170m:range=tv",
            "maxrate": str(bit_rate),
            "bufsize": str(bit_rate // 2),
        }
        return codec


def _create(name: str, frame: Picture, bit_rate: int, frame_rate_hz: float) -> Any:
    codec = cast("Any", av.CodecContext.create(name, "w"))
    codec.width, codec.height = frame.width, frame.height
    codec.pix_fmt = "yuv420p"
    codec.time_base = TIME_BASE
    codec.framerate = Fraction(frame_rate_hz).limit_denominator(1001)
    codec.bit_rate = bit_rate
    # Keyframes are sent when somebody needs one.
    codec.gop_size = 100_000
    codec.thread_count = 1
    return codec

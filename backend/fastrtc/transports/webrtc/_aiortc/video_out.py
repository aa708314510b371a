"""Our encoders in the place of aiortc's, reports that say when a picture shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from aiortc import RTCRtpTransceiver
from aiortc.clock import current_ntp_time
from aiortc.codecs import get_encoder
from aiortc.rtp import RTP_HISTORY_SIZE, RtcpSrPacket
from av.video.frame import VideoFrame

RESENT_SHARE = 0.25
"""Of the bit rate, for video packets that are sent again. On a network that is too
narrow every lost packet is asked for, and sending all of them again keeps it full: at
600 kbit/s, Chrome saw nothing at all for as long as it was tried. With this it sees
pictures after 4 to 8 s, and at a random loss of 8 % no fewer than without it."""
RESENT_AT_ONCE = 32
"""Packets that may be sent again in one go."""
RESENT_AGAIN_S = 0.005
"""Least time between two times that a packet is sent again. Chrome asks once in a round
trip, and gives up after ten times."""

_RTP_TIMES = 1 << 32
_VIDEO_CLOCK_HZ = 90_000
MAX_VIDEO_PAYLOAD = 1300
"""Bytes; aiortc's."""


class PictureEncoder(Protocol):
    """What encodes for a sender: a `VideoEncoder`."""

    @property
    def bit_rate(self) -> int:
        """Bits per second that are made now."""
        ...

    def encode(self, frame: VideoFrame, force_keyframe: bool = False) -> Any:
        """The picture's packet, or None."""
        ...

    def limit(self, bit_rate: int) -> None:
        """Take note of what the client's network carries."""
        ...


class _VideoSending:
    """Stands in for a sender's encoder, and sets its reports right.

    The pictures' pts are their times on the event loop's clock, in 1/90000 s.
    """

    def __init__(self, sender: Any, codec: Any, encoder: PictureEncoder) -> None:
        self._sender = sender
        self._encoder = encoder
        # Its `pack` splits an encoded picture into payloads.
        self._packer = get_encoder(codec)
        self._loop = asyncio.get_running_loop()
        self._send_rtcp = self._sender._send_rtcp
        self._pts: int | None = None
        self._origin: int | None = None

    def encode(
        self, frame: VideoFrame, force_keyframe: bool = False
    ) -> tuple[list[bytes], int]:
        """The payloads of a picture's packets, and its RTP time; called in a thread."""
        if self._pts is not None and self._origin is None:
            # All of the picture before this one has been sent.
            sent: int = self._sender._RTCRtpSender__rtp_timestamp
            self._origin = (sent - self._pts) % _RTP_TIMES
        pts = cast("int", frame.pts)
        packet = self._encoder.encode(frame, force_keyframe)
        if packet is None:
            return [], pts
        self._pts = pts
        return self._packer.pack(packet)[0], pts

    @property
    def target_bitrate(self) -> int:
        """Set by aiortc when the client reports what its network carries (REMB)."""
        return self._encoder.bit_rate

    @target_bitrate.setter
    def target_bitrate(self, bit_rate: int) -> None:
        self._encoder.limit(bit_rate)

    async def send_rtcp(self, packets: list[Any]) -> None:
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                self._correct(packet.sender_info)
        await self._send_rtcp(packets)

    def _correct(self, info: Any) -> None:
        """Let a report say when a picture was to be seen, not when it was encoded."""
        pts, origin = self._pts, self._origin
        if pts is None or origin is None:
            return
        ahead = (info.rtp_timestamp - origin - pts) % _RTP_TIMES
        if ahead >= _RTP_TIMES // 2:
            ahead -= _RTP_TIMES
        age_s = self._loop.time() - (pts + ahead) / _VIDEO_CLOCK_HZ
        info.ntp_timestamp = current_ntp_time() - round(age_s * (1 << 32))
        # With it the client's answers to this report are recognised.
        self._sender._RTCRtpSender__lsr = (info.ntp_timestamp >> 16) & 0xFFFFFFFF


class _Resending:
    """Stands in for a sender's `_retransmit`: it sends less again."""

    def __init__(self, sender: Any, encoder: PictureEncoder) -> None:
        self._usual = sender._retransmit
        self._history: dict[int, Any] = sender._RTCRtpSender__rtp_history
        self._encoder = encoder
        self._loop = asyncio.get_running_loop()
        self._resent: dict[int, tuple[int, float]] = {}
        self._allowed = float(RESENT_AT_ONCE * MAX_VIDEO_PAYLOAD)
        self._now_s = self._loop.time()

    async def __call__(self, sequence_number: int) -> None:
        slot = sequence_number % RTP_HISTORY_SIZE
        packet = self._history.get(slot)
        if packet is None or packet.sequence_number != sequence_number:
            return
        self._earn()
        resent, time_s = self._resent.get(slot, (None, 0.0))
        if resent == sequence_number and self._now_s - time_s < RESENT_AGAIN_S:
            return
        size = len(packet.payload)
        if size > self._allowed:
            return
        self._allowed -= size
        self._resent[slot] = sequence_number, self._now_s
        await self._usual(sequence_number)

    def _earn(self) -> None:
        last_s, self._now_s = self._now_s, self._loop.time()
        earned = (self._now_s - last_s) * self._encoder.bit_rate / 8 * RESENT_SHARE
        most = RESENT_AT_ONCE * MAX_VIDEO_PAYLOAD
        self._allowed = min(self._allowed + earned, most)


def prepare_video(
    transceiver: RTCRtpTransceiver,
    make_encoder: Callable[[str], PictureEncoder],
    on_keyframe_request: Callable[[], None],
) -> None:
    """Let a sender's pictures be encoded by an encoder of ours.

    aiortc's own can't be given a bit rate, make a keyframe of every change of it,
    and take three times our CPU time for H.264. Still it is aiortc that calls the
    encoder, in the event loop's default executor. What a client asks for again is
    bounded, see `RESENT_SHARE`.

    To be called after `setLocalDescription`, before the connection is up.

    Args:
        make_encoder: from a codec's MIME type, such as `video/VP8`.
        on_keyframe_request: called when the client asks for a keyframe. The next
            picture will be encoded as one.
    """
    codec = cast("Any", transceiver)._codecs[0]
    sender: Any = transceiver.sender
    encoder = make_encoder(codec.mimeType)
    sending = _VideoSending(sender, codec, encoder)
    usual = sender._send_keyframe

    def send_keyframe() -> None:
        usual()
        on_keyframe_request()

    sender._RTCRtpSender__encoder = sending
    sender._send_keyframe = send_keyframe
    sender._send_rtcp = sending.send_rtcp
    sender._retransmit = _Resending(sender, encoder)

"""What the first bytes of a video packet tell of its frame.

VP8: RFC 7741, 4.2 (payload descriptor) and 4.3 (the P bit of the frame header).
H.264: RFC 6184, 5.2 to 5.8 (single NAL units, STAP-A, FU-A).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_FU_A = 28
_STAP_A = 24
_IDR = 5
_SPS = 7


class PayloadKind(NamedTuple):
    """What a packet is to its frame."""

    starts: bool
    """A frame may begin with it."""
    key: bool
    """It begins a keyframe, or what belongs to one."""
    complete: bool
    """A keyframe that begins with it needs nothing from before."""
    picture: bool
    """It carries a part of a picture, and not only parameters."""


PADDING = PayloadKind(starts=True, key=False, complete=False, picture=False)
MIDDLE = PayloadKind(starts=False, key=False, complete=False, picture=True)
DELTA_START = PayloadKind(starts=True, key=False, complete=False, picture=True)
KEY_START = PayloadKind(starts=True, key=True, complete=True, picture=True)


def vp8_kind(payload: bytes, data: bytes) -> PayloadKind:
    """Read a VP8 packet.

    Args:
        payload: as in the RTP packet.
        data: the same without its payload descriptor.
    """
    if not payload or not data:
        return PADDING
    # The first partition (PID 0) starts here (S 1).
    if payload[0] & 0x17 != 0x10:
        return MIDDLE
    return DELTA_START if data[0] & 1 else KEY_START


def h264_kind(payload: bytes) -> PayloadKind:
    """Read an H.264 packet."""
    if len(payload) < 2:
        return PADDING
    if payload[0] & 0x1F == _FU_A and not payload[1] & 0x80:
        return MIDDLE
    types = set(_nal_types(payload))
    return PayloadKind(
        starts=True,
        key=bool(types & {_IDR, _SPS}),
        complete=_SPS in types,
        picture=any(1 <= nal_type <= _IDR for nal_type in types),
    )


def _nal_types(payload: bytes) -> Iterator[int]:
    outer = payload[0] & 0x1F
    if outer == _FU_A:
        yield payload[1] & 0x1F
    elif outer != _STAP_A:
        yield outer
    else:
        position = 1
        while position + 2 < len(payload):
            yield payload[position + 2] & 0x1F
            position += 2 + int.from_bytes(payload[position : position + 2], "big")


@dataclass(slots=True)
class VideoPacket:
    """One RTP packet of video.

    Attributes:
        ssrc: the source's number.
        sequence: of 16 bits.
        timestamp: of 32 bits, at 90 kHz.
        marker: whether the frame ends with it.
        codec: "VP8" or "H264".
        data: what the decoder wants of it; empty if it is padding.
    """

    ssrc: int
    sequence: int
    timestamp: int
    marker: bool
    codec: str
    kind: PayloadKind
    data: bytes


def payload_kind(codec: str, payload: bytes, data: bytes) -> PayloadKind:
    """Read a packet of either codec; see `vp8_kind`."""
    return vp8_kind(payload, data) if codec == "VP8" else h264_kind(payload)

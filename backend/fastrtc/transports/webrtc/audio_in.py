"""From RTP packets to the frames a handler gets."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from ...handlers.base import AudioFrame
from ._aiortc import RtpPacket
from .opus import RTP_CLOCK_HZ, OpusDecoder
from .reorder import Packet, ReorderBuffer

MAX_GAP_SAMPLES = RTP_CLOCK_HZ
"""A longer gap in a stream's timestamps is filled with 1 s of silence only."""


class AudioReceiver:
    """Orders and decodes one client's audio.

    Handlers see a continuous stream: what was lost, or not sent because the
    client was silent, becomes silence, so that turn taking keeps its time.

    Args:
        sample_rate_hz: of the frames.
        layout: of the frames.
        deliver: gets every frame; called on the event loop.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        layout: Literal["mono", "stereo"],
        deliver: Callable[[AudioFrame], None],
    ) -> None:
        self._rate_hz = sample_rate_hz
        self._deliver = deliver
        self._decoder = OpusDecoder(sample_rate_hz, layout)
        self._reorder = ReorderBuffer()
        self._expected: int | None = None

    def on_packet(self, packet: RtpPacket) -> None:
        """Take a packet as it arrives."""
        received = Packet(packet.sequence_number, packet.timestamp, packet.payload)
        for ready in self._reorder.push(received, time.monotonic() * 1000):
            self._decode(ready)

    def _decode(self, packet: Packet) -> None:
        if not packet.payload:
            return
        self._fill_gap(packet.timestamp)
        samples = _opus_duration(packet.payload)
        self._expected = (packet.timestamp + samples) & 0xFFFFFFFF
        arrays = self._decoder.decode(packet.payload)
        for array in arrays:
            self._deliver((self._rate_hz, array))

    def _fill_gap(self, timestamp: int) -> None:
        if self._expected is None:
            return
        gap = (timestamp - self._expected) & 0xFFFFFFFF
        if not 0 < gap < 0x80000000:
            return
        left = min(gap, MAX_GAP_SAMPLES)
        while left > 0:
            step = min(left, RTP_CLOCK_HZ // 50)
            for array in self._decoder.silence(step):
                self._deliver((self._rate_hz, array))
            left -= step


_FRAME_MS = (
    *(10, 20, 40, 60) * 3,  # SILK: narrow, medium, wide band
    *(10, 20) * 2,  # hybrid
    *(2.5, 5, 10, 20) * 4,  # CELT
)


def _opus_duration(payload: bytes) -> int:
    """Samples at 48 kHz in an Opus packet, from its first bytes (RFC 6716, 3.1)."""
    toc = payload[0]
    frames = (1, 2, 2)[toc & 3] if toc & 3 < 3 else 0
    if toc & 3 == 3 and len(payload) > 1:
        frames = payload[1] & 0x3F
    return int(_FRAME_MS[toc >> 3] * frames * RTP_CLOCK_HZ / 1000)

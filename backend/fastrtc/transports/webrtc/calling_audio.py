"""The voice of a client that calls, and its ear."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from numpy.typing import NDArray

from ...errors import SessionClosedError
from ...session import Frame
from ..opus import RTP_CLOCK_HZ, EncodedAudio, OpusDecoder, OpusEncoder
from ._aiortc import RtpPacket
from .reorder import Packet, ReorderBuffer

MAX_LOST_SAMPLES = RTP_CLOCK_HZ // 8
"""A longer gap is a pause of the other side's, and not lost packets: those who listen
have no use for a second of silence before each answer."""


class AudioSource(Protocol):
    """What is to be said."""

    async def next_frame(self) -> Frame:
        """The next 20 ms when they are due.

        Raises:
            SessionClosedError: nothing more comes.
        """
        ...


class VoiceTrack(MediaStreamTrack):
    """The track that aiortc's sender reads: packets, encoded here."""

    kind = "audio"

    def __init__(self, voice: AudioSource) -> None:
        super().__init__()
        self._voice = voice
        self._encoder = OpusEncoder()

    async def recv(self) -> EncodedAudio:
        """The next packet, when it is due.

        Raises:
            MediaStreamError: nothing more comes.
        """
        if self.readyState != "live":
            raise MediaStreamError
        try:
            frame = await self._voice.next_frame()
        except SessionClosedError:
            self.stop()
            raise MediaStreamError from None
        return self._encoder.encode(frame)


class SpeechReceiver:
    """Orders and decodes what the other side says; its pauses are left out.

    Args:
        rate_hz: of the arrays.
        deliver: gets int16 (1, samples), on the event loop.
    """

    def __init__(
        self, rate_hz: int, deliver: Callable[[NDArray[np.int16]], None]
    ) -> None:
        self._deliver = deliver
        self._decoder = OpusDecoder(rate_hz)
        self._reorder = ReorderBuffer()
        self._expected: int | None = None

    def on_packet(self, packet: RtpPacket) -> None:
        """Take a packet as it arrives."""
        came = Packet(packet.sequence_number, packet.timestamp, packet.payload)
        for ready in self._reorder.push(came, time.monotonic() * 1000):
            if ready.payload:
                self._decode(ready)

    def _decode(self, packet: Packet) -> None:
        if self._expected is not None:
            gap = (packet.timestamp - self._expected) & 0xFFFFFFFF
            if 0 < gap <= MAX_LOST_SAMPLES:
                self._pass_on(self._decoder.silence(gap))
        arrays = self._decoder.decode(packet.payload)
        # The server's frames all have 20 ms.
        self._expected = (packet.timestamp + RTP_CLOCK_HZ // 50) & 0xFFFFFFFF
        self._pass_on(arrays)

    def _pass_on(self, arrays: list[NDArray[np.int16]]) -> None:
        for array in arrays:
            if array.shape[1]:
                self._deliver(array)

"""Audio that goes around aiortc's decoding, and most of its way from the socket."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pylibsrtp
from aiortc import RTCRtpReceiver

from .receiver import NoDecoding

logger = logging.getLogger("fastrtc")

MAX_DATAGRAM = 4096
"""Bytes read at a time. Neither SRTP nor DTLS takes more than 1500 here, and asyncio
would allocate 256 KiB for every packet."""

_RTP_VERSION = 2
_HEADER = struct.Struct("!BBHLL")
_SSRC = struct.Struct("!L")


class RtpPacket(Protocol):
    """The fields that are read of aiortc's RTP packet."""

    sequence_number: int
    timestamp: int
    payload: bytes


class _Diverter:
    """Stands in for a receiver's jitter buffer: it hands every packet on."""

    def __init__(self, on_packet: Callable[[RtpPacket], None]) -> None:
        self._on_packet = on_packet

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        self._on_packet(packet)
        return False, None


def divert_audio(
    receiver: RTCRtpReceiver,
    on_packet: Callable[[RtpPacket], None],
    on_end: Callable[[], None],
) -> None:
    """Give a receiver's packets to `on_packet` as they arrive, undecoded.

    To be called before the receiver starts, that is in the `track` event.

    Args:
        on_end: called when the client has said goodbye or the receiver stops.
    """
    private: Any = receiver
    private._RTCRtpReceiver__jitter_buffer = _Diverter(on_packet)
    private._RTCRtpReceiver__decoder_queue = NoDecoding(on_end)


@dataclass(slots=True)
class _Received:
    """A packet that took the short cut."""

    sequence_number: int
    timestamp: int
    payload: bytes


class _ShortCut:
    """Stands in for a socket's `datagram_received`: audio leaves here.

    Everything else goes on to aioice, and so does audio that aiortc doesn't know
    yet: an SSRC's first packet makes it known, to its router and its statistics.
    """

    __slots__ = (
        "_codecs",
        "_on_packet",
        "_queue",
        "_receiver",
        "_receivers",
        "_statistics",
        "_unprotect",
        "_usual",
    )

    def __init__(
        self, protocol: Any, receiver: Any, on_packet: Callable[[RtpPacket], None]
    ) -> None:
        dtls = receiver.transport
        self._usual = protocol.datagram_received
        self._receiver = receiver
        self._on_packet = on_packet
        self._unprotect = dtls._rx_srtp.unprotect
        self._queue = dtls.transport._connection._queue
        self._receivers = dtls._rtp_router.ssrc_table
        self._statistics = receiver._RTCRtpReceiver__remote_streams
        self._codecs = receiver._RTCRtpReceiver__codecs

    def __call__(self, data: bytes, address: Any) -> None:
        if not self._is_known_audio(data):
            self._usual(data, address)
            return
        try:
            plain = self._unprotect(data)
        except pylibsrtp.Error:
            # Forged, or seen before: aiortc drops it too.
            return
        packet = _parse(plain)
        if packet is not None:
            self._statistics[_ssrc(plain)].add(packet)
            self._on_packet(packet)

    def _is_known_audio(self, data: bytes) -> bool:
        """Whether it is Opus for the receiver, and nothing older still waits.

        The fields asked are in the clear in SRTP too.
        """
        if len(data) < _HEADER.size or data[0] >> 6 != _RTP_VERSION:
            return False
        codec = self._codecs.get(data[1] & 0x7F)
        if codec is None or codec.mimeType != "audio/opus":
            return False
        ssrc = _ssrc(data)
        return (
            ssrc in self._statistics
            and self._receivers.get(ssrc) is self._receiver
            and self._receiver._enabled
            and self._queue.empty()
        )


def _ssrc(data: bytes) -> int:
    return _SSRC.unpack_from(data, 8)[0]


def _parse(data: bytes) -> _Received | None:
    """A packet without its header's extensions and its padding (RFC 3550, 5.1)."""
    first, _, sequence_number, timestamp, _ = _HEADER.unpack_from(data)
    start = _HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data)
    if first & 0x20:
        end -= data[-1] or end
    if start > end:
        return None
    return _Received(sequence_number, timestamp, data[start:end])


def shorten_audio(
    receiver: RTCRtpReceiver, on_packet: Callable[[RtpPacket], None]
) -> None:
    """Give a connected client's audio to `on_packet` as it leaves the socket.

    A packet's usual way is an attempt to read it as STUN, a queue, the wakening of a
    task, five coroutines, the parsing of extensions that nobody asks for, and two
    looks at the calendar: 15 us with ten sessions whose turns keep the caches warm,
    100 us with a single one. Statistics for RTCP are
    kept as ever; the sources `getSynchronizationSources` tells of aren't.

    To be called when the connection is connected.
    Where an aiortc has none of what this touches, the packets keep going their usual
    way.
    """
    private: Any = receiver
    try:
        protocols = list(private.transport.transport._connection._protocols)
        short_cuts = [_ShortCut(p, private, on_packet) for p in protocols]
    except AttributeError as error:
        logger.debug("audio goes its usual way", exc_info=error)
        return
    for protocol, short_cut in zip(protocols, short_cuts, strict=True):
        protocol.datagram_received = short_cut
        if hasattr(protocol.transport, "max_size"):
            protocol.transport.max_size = MAX_DATAGRAM

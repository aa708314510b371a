"""What is touched of aiortc's and aioice's private parts.

A caller that only makes load needs neither codec nor jitter buffer: its packets
are made beforehand, and what comes back is counted, not decoded. That is what
lets one core call another with hundreds of sessions. One that listens has a jitter
buffer of its own, since aiortc's keeps the last 80 ms of a reply until the next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aioice.ice
from aiortc import RTCRtpSender
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_PLI,
    RtcpPsfbPacket,
    pack_remb_fci,
)


def use_loopback_only() -> None:
    """Let aioice offer 127.0.0.1 and nothing else; it never would by itself."""
    aioice.ice.get_host_addresses = _loopback_only


def _loopback_only(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return ["127.0.0.1"]


class RawMedia:
    """The packets of one connection, past senders and receivers.

    Args:
        sender: of a connected peer connection.
        on_packet: given each RTP packet that arrives, decrypted.
    """

    def __init__(
        self, sender: RTCRtpSender, on_packet: Callable[[bytes], None]
    ) -> None:
        transport: Any = sender.transport
        self._on_packet = on_packet
        transport._handle_rtp_data = self._take
        transport._handle_rtcp_data = self._ignore
        self.send: Callable[[bytes], Awaitable[None]] = transport._send_rtp
        """Encrypts and sends one RTP packet; ConnectionError when it is closed."""

    async def _take(self, data: bytes, arrival_time_ms: int) -> None:
        self._on_packet(data)

    async def _ignore(self, data: bytes) -> None:
        return None


class VideoWire:
    """What comes of one connection's video, past aiortc's receiver.

    aiortc's jitter buffer gives a picture when the first packet of the next one has
    come; a browser shows it when its last packet is there, and so does who listens
    here. What the sender is asked for still reaches it.

    Args:
        sender: of a connected peer connection.
        on_packet: given each RTP packet that arrives, decrypted.
        on_keyframe_request: called when the server asks for a keyframe.
    """

    def __init__(
        self,
        sender: RTCRtpSender,
        on_packet: Callable[[bytes], None],
        on_keyframe_request: Callable[[], None],
    ) -> None:
        private, transport = cast("Any", sender), cast("Any", sender.transport)
        self._on_packet = on_packet
        self._ssrc: int = private._ssrc
        self._send: Callable[[bytes], Awaitable[None]] = transport._send_rtp
        transport._handle_rtp_data = self._take
        private._send_keyframe = on_keyframe_request

    async def _take(self, data: bytes, arrival_time_ms: int) -> None:
        self._on_packet(data)

    async def ask_keyframe(self, ssrc: int) -> None:
        """Ask the server for a keyframe (PLI)."""
        await self._report(RTCP_PSFB_PLI, ssrc, b"")

    async def report_bandwidth(self, ssrc: int, bit_rate: int) -> None:
        """Tell the server what the network carries (REMB)."""
        await self._report(RTCP_PSFB_APP, 0, pack_remb_fci(bit_rate, [ssrc]))

    async def _report(self, fmt: int, ssrc: int, fci: bytes) -> None:
        packet = RtcpPsfbPacket(fmt=fmt, ssrc=self._ssrc, media_ssrc=ssrc, fci=fci)
        with contextlib.suppress(ConnectionError):
            await self._send(bytes(packet))

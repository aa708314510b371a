"""What is touched of aiortc's and aioice's private parts.

A caller that only makes load needs neither codec nor jitter buffer: its packets
are made beforehand, and what comes back is counted, not decoded. That is what
lets one core call another with hundreds of sessions. One that listens has a jitter
buffer of its own, since aiortc's keeps the last 80 ms of a reply until the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aioice.ice
from aiortc import RTCRtpSender


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

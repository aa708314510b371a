"""All that is touched of aiortc's and aioice's private parts, in one place.

`tests/unit/test_aiortc_privates.py` fails when one of them changes.

Why at all: aiortc decodes in a thread for each receiver, joined at the
interpreter's exit, behind a jitter buffer of a fixed 80 ms whose delay grows with
every loss. `divert_audio` takes the packets before all that. `bound_gathering`
shortens the 5 s that aioice waits for a STUN server which doesn't answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from aiortc import RTCPeerConnection, RTCRtpReceiver


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


class _NoDecoding:
    """Stands in for a receiver's decoder queue: its thread ends as it starts."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end

    def get(self) -> None:
        return None

    def put(self, task: object) -> None:
        if task is None:
            self._on_end()


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
    private._RTCRtpReceiver__decoder_queue = _NoDecoding(on_end)


def bound_gathering(pc: RTCPeerConnection, timeout_s: float) -> None:
    """Let gathering wait at most `timeout_s` for STUN and TURN servers.

    To be called after `setRemoteDescription`, before `setLocalDescription`.
    """
    private: Any = pc
    for transport in private._RTCPeerConnection__iceTransports:
        connection = transport.iceGatherer._connection
        connection.get_component_candidates = partial(
            connection.get_component_candidates, timeout=timeout_s
        )


async def close_transports(pc: RTCPeerConnection) -> None:
    """Close a connection's sockets even if its own `close` failed halfway.

    Does nothing where `close` was successful.
    """
    private: Any = pc
    for transport in list(private._RTCPeerConnection__iceTransports):
        await transport.stop()

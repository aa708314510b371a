"""How long a connection gathers, whether it was lost, and that it is closed."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiortc import RTCPeerConnection


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


def network_is_lost(pc: RTCPeerConnection) -> bool:
    """Whether a connection ended because nothing came from the client any more.

    By then aioice has begun to close by itself; when a client says goodbye (DTLS's
    close_notify, RTCP's BYE) it hasn't.
    """
    private: Any = pc
    transports = private._RTCPeerConnection__iceTransports
    return any(transport._connection._closing for transport in transports)


async def close_transports(pc: RTCPeerConnection) -> None:
    """Close a connection's sockets even if its own `close` failed halfway.

    Does nothing where `close` was successful.
    """
    private: Any = pc
    for transport in list(private._RTCPeerConnection__iceTransports):
        await transport.stop()

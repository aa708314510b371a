"""Half a second less until a relayed call is connected.

The first check that a server sends to a relay is lost: the relay lets nothing in from
an address to which its owner has sent nothing yet. aioice repeats it after 500 ms. By
the time that the client's own check comes in, the way is open; RFC 8445 (7.3.1.4) has
an agent check again then, at once, and aioice doesn't while the lost one is under way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from aiortc import RTCPeerConnection


def repeat_checks(pc: RTCPeerConnection) -> None:
    """Let a check that comes in repeat the one that is on its way back there.

    To be called after `setRemoteDescription`, before `setLocalDescription`.
    """
    private: Any = pc
    for transport in private._RTCPeerConnection__iceTransports:
        connection = transport.iceGatherer._connection
        connection.check_incoming = partial(_check, connection.check_incoming)


def _check(
    check_incoming: Callable[..., None],
    message: Any,
    addr: tuple[str, int],
    protocol: Any,
) -> None:
    # Before aioice sees it and may start a check of its own.
    for transaction in list(protocol.transactions.values()):
        if transaction._Transaction__addr == addr:
            protocol.send_stun(transaction._Transaction__request, addr)
    check_incoming(message, addr, protocol)

"""What became of a TURN server: aioice leaves it out without a word when it fails."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint
from aiortc import RTCPeerConnection


@dataclass(frozen=True)
class TurnServer:
    """A TURN server as a connection was to use it.

    Attributes:
        transport: "udp" or "tcp".
    """

    host: str
    port: int
    transport: str
    tls: bool
    username: str | None = field(repr=False)
    password: str | None = field(repr=False)

    @property
    def url(self) -> str:
        """Its address, as in `iceServers`; without the credentials."""
        scheme = "turns" if self.tls else "turn"
        return f"{scheme}:{self.host}:{self.port}?transport={self.transport}"


class TurnRefusedError(Exception):
    """A TURN server said no.

    Attributes:
        code: of STUN: 401 for credentials, 486 for a quota, and others.
        reason: the server's words for it.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


def turn_without_relay(pc: RTCPeerConnection) -> TurnServer | None:
    """The TURN server that was to give a relay address, if it gave none.

    To be asked after `setLocalDescription`, which gathers.
    """
    private: Any = pc
    for transport in private._RTCPeerConnection__iceTransports:
        connection = transport.iceGatherer._connection
        types = {candidate.type for candidate in connection.local_candidates}
        if connection.turn_server is not None and "relay" not in types:
            host, port = connection.turn_server
            return TurnServer(
                host,
                port,
                connection.turn_transport,
                connection.turn_ssl,
                connection.turn_username,
                connection.turn_password,
            )
    return None


async def try_turn(server: TurnServer) -> None:
    """Get a relay address from a TURN server, and give it back.

    Raises:
        TurnRefusedError: the server said no.
        OSError: its name can't be resolved, or it can't be reached by TCP.
        aioice.stun.TransactionError: it didn't answer in 30 s or so.
    """
    try:
        transport, ended = await create_turn_endpoint(
            _Ended,
            (server.host, server.port),
            server.username,
            server.password,
            ssl=True if server.tls else None,
            transport=server.transport,
        )
    except TransactionFailed as failure:
        code, reason = failure.response.attributes.get("ERROR-CODE", (0, "no reason"))
        raise TurnRefusedError(code, reason) from None
    transport.close()
    await ended.event.wait()


class _Ended(asyncio.DatagramProtocol):
    """Tells when the relay address was given back."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.event.set()

"""A check that comes in repeats the one that is on its way back there."""

from __future__ import annotations

from typing import Any

from aioice.stun import Class, Message, Method, Transaction
from aiortc import RTCConfiguration, RTCPeerConnection

from fastrtc.transports.webrtc._aiortc.checks import repeat_checks

HERE, THERE = ("192.0.2.1", 1000), ("192.0.2.2", 2000)


class Protocol:
    """One of a connection's sockets, as far as checks use it."""

    def __init__(self) -> None:
        self.transactions: dict[bytes, Transaction] = {}
        self.sent: list[tuple[Message, tuple[str, int]]] = []

    def begin(self, addr: tuple[str, int]) -> Message:
        request = Message(Method.BINDING, Class.REQUEST)
        transaction = Transaction(request, addr, self)
        self.transactions[request.transaction_id] = transaction
        return request

    def send_stun(self, message: Message, addr: tuple[str, int]) -> None:
        self.sent.append((message, addr))


async def test_a_lost_check_is_repeated_when_the_way_is_open() -> None:
    """Lost otherwise: each relayed call takes half a second more to connect; or each
    check would go to all other addresses too.
    """
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channel: Any = pc
    pc.createDataChannel("text")
    (transport,) = channel._RTCPeerConnection__iceTransports
    connection = transport.iceGatherer._connection
    seen: list[Any] = []
    connection.check_incoming = lambda *arguments: seen.append(arguments)
    repeat_checks(pc)
    protocol = Protocol()
    lost = protocol.begin(THERE)
    protocol.begin(HERE)
    incoming = Message(Method.BINDING, Class.REQUEST)
    connection.check_incoming(incoming, THERE, protocol)
    assert protocol.sent == [(lost, THERE)]
    assert seen == [(incoming, THERE, protocol)]
    await pc.close()

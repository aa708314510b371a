"""What is touched of aiortc's and aioice's private parts must still be there."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from aioice import Connection
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.jitterbuffer import JitterBuffer

from fastrtc.transports.webrtc._aiortc import bound_gathering, divert_audio


@pytest.fixture
async def offered() -> Any:
    """A peer connection that got an offer of audio, before it answers."""
    client, server = RTCPeerConnection(), RTCPeerConnection()
    client.addTransceiver("audio")
    client.createDataChannel("text")
    await client.setLocalDescription(await client.createOffer())
    receivers: list[RTCRtpReceiver] = []
    server.on("track", lambda _: receivers.append(server.getReceivers()[0]))
    await server.setRemoteDescription(
        RTCSessionDescription(client.localDescription.sdp, "offer")
    )
    yield server, receivers
    await client.close()
    await server.close()


async def test_a_receiver_has_what_divert_audio_replaces(offered: Any) -> None:
    """Lost otherwise: an update of aiortc would make every bot deaf."""
    _, (receiver,) = offered
    assert isinstance(receiver._RTCRtpReceiver__jitter_buffer, JitterBuffer)
    queue = receiver._RTCRtpReceiver__decoder_queue
    assert callable(queue.put)
    assert callable(queue.get)
    source = inspect.getsource(RTCRtpReceiver)
    assert "self.__jitter_buffer.add(packet)" in source
    assert "self.__decoder_queue.put(None)" in source
    assert inspect.signature(JitterBuffer.add).parameters.keys() == {"self", "packet"}


async def test_diverted_packets_arrive_and_the_end_is_told(offered: Any) -> None:
    """Lost otherwise: frames would not reach the handler, or sessions not end."""
    _, (receiver,) = offered
    got: list[Any] = []
    ended: list[bool] = []
    divert_audio(receiver, got.append, lambda: ended.append(True))
    packet = object()
    assert receiver._RTCRtpReceiver__jitter_buffer.add(packet) == (False, None)
    assert got == [packet]
    assert receiver._RTCRtpReceiver__decoder_queue.get() is None
    receiver._RTCRtpReceiver__decoder_queue.put(("codec", "frame"))
    assert not ended
    receiver._RTCRtpReceiver__decoder_queue.put(None)
    assert ended == [True]


async def test_gathering_is_bounded(offered: Any) -> None:
    """Lost otherwise: a silent STUN server would delay each answer by 5 s."""
    server, _ = offered
    bound_gathering(server, 0.5)
    transports = server._RTCPeerConnection__iceTransports
    assert transports
    for transport in transports:
        gather = transport.iceGatherer._connection.get_component_candidates
        assert gather.keywords == {"timeout": 0.5}
    parameters = inspect.signature(Connection.get_component_candidates).parameters
    assert "timeout" in parameters
    assert "get_component_candidates(" in inspect.getsource(
        Connection.gather_candidates
    )

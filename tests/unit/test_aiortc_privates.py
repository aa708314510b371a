"""What is touched of aiortc's and aioice's private parts must still be there."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, cast

import aioice.ice
import pytest
from aioice import Connection
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, RtpPacket

from fastrtc.transports.webrtc._aiortc import (
    MAX_DATAGRAM,
    bound_gathering,
    divert_audio,
    shorten_audio,
)


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


class Ear:
    """Counts which way a server's packets came."""

    def __init__(self) -> None:
        self.packets: list[Any] = []
        self.usual: list[Any] = []
        self.arrived = asyncio.Event()

    def hear(self, packet: Any) -> None:
        self.packets.append(packet)
        self.arrived.set()

    async def until(self, count: int) -> None:
        """Wait until so many packets have come, either way."""
        while len(self.packets) < count:
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 10)


class Calling:
    """A client that sends RTP of its own making, and the server that hears it."""

    def __init__(self, client: Any, receiver: Any, ear: Ear) -> None:
        self.receiver, self.ear = receiver, ear
        codecs = receiver._RTCRtpReceiver__codecs
        self.opus = next(n for n, c in codecs.items() if c.mimeType == "audio/opus")
        self.transport = client.getTransceivers()[0].sender.transport

    async def send(self, sequence: int, payload: bytes = b"x", **header: Any) -> None:
        packet = RtpPacket(
            payload_type=header.pop("payload_type", self.opus),
            sequence_number=sequence,
            timestamp=sequence * 960,
            ssrc=header.pop("ssrc", 7),
            payload=payload,
        )
        for name, value in header.items():
            setattr(packet, name, value)
        await self.transport._send_rtp(packet.serialize(EXTENSIONS))


EXTENSIONS = HeaderExtensionsMap()
EXTENSIONS.configure(
    RTCRtpParameters(
        headerExtensions=[
            RTCRtpHeaderExtensionParameters(
                id=1, uri="urn:ietf:params:rtp-hdrext:ssrc-audio-level"
            )
        ]
    )
)


@pytest.fixture
async def calling(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connected client and server; the server's audio is diverted."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
    client, server, ear = RTCPeerConnection(), RTCPeerConnection(), Ear()
    client.addTransceiver("audio")
    receives, sends = asyncio.Event(), asyncio.Event()

    def on_track(_: Any) -> None:
        receiver: Any = server.getReceivers()[0]
        divert_audio(receiver, ear.hear, lambda: None)
        start = receiver.receive

        async def receive(parameters: Any) -> None:
            await start(parameters)
            receives.set()

        monkeypatch.setattr(receiver, "receive", receive)

    def on_server_state() -> None:
        if server.connectionState == "connected":
            shorten_audio(server.getReceivers()[0], ear.hear)

    def on_client_state() -> None:
        if client.connectionState == "connected":
            sends.set()

    server.on("track", on_track)
    server.on("connectionstatechange", on_server_state)
    client.on("connectionstatechange", on_client_state)
    await client.setLocalDescription(await client.createOffer())
    await server.setRemoteDescription(
        RTCSessionDescription(client.localDescription.sdp, "offer")
    )
    await server.setLocalDescription(await server.createAnswer())
    await client.setRemoteDescription(
        RTCSessionDescription(server.localDescription.sdp, "answer")
    )
    await asyncio.wait_for(asyncio.gather(receives.wait(), sends.wait()), 10)
    receiver: Any = server.getReceivers()[0]
    original = receiver._handle_rtp_packet

    async def usual(packet: Any, arrival_time_ms: int) -> None:
        ear.usual.append(packet)
        await original(packet, arrival_time_ms)

    monkeypatch.setattr(receiver, "_handle_rtp_packet", usual)
    yield Calling(client, receiver, ear)
    await client.close()
    await server.close()


async def test_audio_takes_the_short_cut(calling: Calling) -> None:
    """Lost otherwise: a session that only listens would cost a quarter more CPU."""
    for sequence in range(5):
        await calling.send(sequence)
        await calling.ear.until(sequence + 1)
    assert [p.sequence_number for p in calling.ear.packets] == [0, 1, 2, 3, 4]
    assert [p.sequence_number for p in calling.ear.usual] == [0]
    assert all(p.payload == b"x" for p in calling.ear.packets)
    protocols = calling.receiver.transport.transport._connection._protocols
    assert {p.transport.max_size for p in protocols} == {MAX_DATAGRAM}


async def test_statistics_are_kept_on_the_short_cut(calling: Calling) -> None:
    """Lost otherwise: browsers would be told that all they send is lost."""
    for sequence in (0, 1, 2, 5):
        await calling.send(sequence)
    await calling.ear.until(4)
    statistics = calling.receiver._RTCRtpReceiver__remote_streams[7]
    assert (statistics.packets_received, statistics.packets_lost) == (4, 2)
    assert statistics.max_seq == 5


async def test_headers_of_all_kinds_are_read(calling: Calling) -> None:
    """Lost otherwise: the decoder would be fed with header extensions and padding."""
    extensions = HeaderExtensions(audio_level=(False, 30))
    await calling.send(0)
    await calling.send(1, b"extended", extensions=extensions)
    await calling.send(2, b"padded", padding_size=5)
    await calling.send(3, b"mixed", csrc=[1, 2, 3], marker=1)
    all_of_it = {"extensions": extensions, "padding_size": 9, "csrc": [4]}
    await calling.send(4, b"all of it", **all_of_it)
    await calling.send(5, b"")
    await calling.ear.until(6)
    payloads = [p.payload for p in calling.ear.packets]
    assert payloads == [b"x", b"extended", b"padded", b"mixed", b"all of it", b""]
    assert [p.timestamp for p in calling.ear.packets] == [n * 960 for n in range(6)]


async def test_what_is_no_known_audio_goes_its_usual_way(calling: Calling) -> None:
    """Lost otherwise: a microphone that is changed mid-call would not be heard."""
    other_codec, other_microphone = {"payload_type": 0}, {"ssrc": 8}
    for number, header in enumerate(({}, other_codec, other_microphone)):
        await calling.send(number, b"x", **header)
        await calling.ear.until(number + 1)
    usual = [(p.sequence_number, p.ssrc) for p in calling.ear.usual]
    assert usual == [(0, 7), (1, 7), (2, 8)]
    await calling.send(3, b"x", **other_microphone)
    await calling.ear.until(4)
    assert len(calling.ear.usual) == 3


async def test_forged_and_broken_packets_are_dropped(calling: Calling) -> None:
    """Lost otherwise: anyone could speak in a call, or end it, with a guessed port."""
    await calling.send(0)
    await calling.ear.until(1)
    connection = calling.receiver.transport.transport._connection
    (protocol,) = connection._protocols
    header = bytes([0x80, calling.opus]) + (1).to_bytes(2, "big") + bytes(4)
    for data in (
        b"\x80",
        header + (7).to_bytes(4, "big") + b"forged, with a tag of 16 bytes",
        b"\xff" * 40,
    ):
        protocol.datagram_received(data, ("127.0.0.1", 9))
    padding = header + (7).to_bytes(4, "big") + b"abc\x00"
    for plain in (b"\xa0" + padding[1:], b"\xa0" + padding[1:-1] + b"\x99"):
        await calling.transport._send_rtp(plain)
    await calling.send(3)
    await calling.ear.until(2)
    assert [p.sequence_number for p in calling.ear.packets] == [0, 3]


async def test_an_unknown_aiortc_keeps_its_usual_way() -> None:
    """Lost otherwise: an update of aiortc would make every bot deaf."""
    shorten_audio(cast("Any", object()), lambda _: None)

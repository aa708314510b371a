"""What is touched of aiortc's and aioice's private parts must still be there."""

from __future__ import annotations

import asyncio
import inspect
import time
from fractions import Fraction
from typing import Any, cast

import aioice.ice
import av
import pytest
from aioice import Connection
from aiortc import (
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.clock import current_ntp_time
from aiortc.codecs import CODECS, get_encoder
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtcrtpreceiver import NackGenerator
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RTP_HISTORY_SIZE,
    HeaderExtensions,
    HeaderExtensionsMap,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtpPacket,
)

from fastrtc.transports.webrtc._aiortc import (
    MAX_DATAGRAM,
    RESENT_AT_ONCE,
    bound_gathering,
    divert_audio,
    divert_video,
    prepare_video,
    shorten_audio,
)
from fastrtc.transports.webrtc.video_payloads import KEY_START, VideoPacket


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


def a_receiver_of_video() -> Any:
    """A receiver of one codec, on a transport that notes what is sent."""
    receiver: Any = RTCRtpReceiver("video", cast("Any", Noting()))
    (codec,) = (c for c in CODECS["video"] if c.name == "VP8")
    receiver._RTCRtpReceiver__codecs[97] = codec
    receiver._set_rtcp_ssrc(1)
    return receiver


class Noting:
    """Stands in for a DTLS transport."""

    state = "connected"

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def _send_rtp(self, data: bytes) -> None:
        self.sent.append(data)


class Watching:
    """Takes video, and asks for some at every packet."""

    def __init__(self) -> None:
        self.packets: list[VideoPacket] = []
        self.feedback: Any = None

    def connect(self, feedback: Any) -> None:
        self.feedback = feedback

    def on_packet(self, packet: VideoPacket) -> None:
        self.packets.append(packet)
        self.feedback.ask_packets(packet.ssrc, [3, 4])
        self.feedback.ask_keyframe(packet.ssrc)


async def test_a_receiver_has_what_divert_video_replaces() -> None:
    """Lost otherwise: an update of aiortc would make every bot blind."""
    receiver = a_receiver_of_video()
    assert isinstance(receiver._RTCRtpReceiver__jitter_buffer, JitterBuffer)
    assert isinstance(receiver._RTCRtpReceiver__nack_generator, NackGenerator)
    assert isinstance(receiver._RTCRtpReceiver__codecs, dict)
    source = inspect.getsource(RTCRtpReceiver)
    assert "if self.__nack_generator is not None" in source
    assert "packet._data = depayload(codec, packet.payload)" in source
    assert "packet = unwrap_rtx(packet, payload_type=apt" in source


async def test_diverted_video_arrives_and_can_be_asked_for() -> None:
    """Lost otherwise: no picture would reach the handler, or the first loss stay."""
    receiver, watching, ended = a_receiver_of_video(), Watching(), list[bool]()
    divert_video(receiver, watching, lambda: ended.append(True))
    payload = b"\x90\x80\x05\x00picture"
    packet = RtpPacket(
        payload_type=97, marker=1, sequence_number=9, timestamp=5, ssrc=7
    )
    packet.payload = payload
    await receiver._handle_rtp_packet(packet, 0)
    await asyncio.sleep(0)
    expected = VideoPacket(7, 9, 5, True, "VP8", KEY_START, b"\x00picture")
    assert watching.packets == [expected]
    nack, pli = (RtcpPacket.parse(data)[0] for data in receiver.transport.sent)
    assert isinstance(nack, RtcpRtpfbPacket)
    assert (nack.fmt, nack.media_ssrc, nack.lost) == (RTCP_RTPFB_NACK, 7, [3, 4])
    assert isinstance(pli, RtcpPsfbPacket)
    assert (pli.fmt, pli.media_ssrc) == (RTCP_PSFB_PLI, 7)
    receiver._RTCRtpReceiver__decoder_queue.put(None)
    assert ended == [True]


async def test_what_is_asked_is_not_sent_after_the_close() -> None:
    """Lost otherwise: an ended session would leave tasks behind."""
    receiver, watching = a_receiver_of_video(), Watching()
    divert_video(receiver, watching, lambda: None)
    watching.feedback.ask_keyframe(7)
    watching.feedback.close()
    await asyncio.sleep(0)
    assert receiver.transport.sent == []


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


class Bits:
    """An encoder of nothing."""

    bit_rate = 0

    def __init__(self, mime_type: str) -> None:
        self.mime_type = mime_type

    def encode(self, frame: Any, force_keyframe: bool = False) -> None: ...

    def limit(self, bit_rate: int) -> None:
        self.bit_rate = bit_rate


class Clock:
    """An event loop's, that a test moves."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s


@pytest.fixture
async def sending() -> Any:
    """A server's transceiver that is to send video, and a list of keyframe requests."""
    client, server = RTCPeerConnection(), RTCPeerConnection()
    client.addTransceiver("video", "recvonly")
    server.addTransceiver("video", "sendonly")
    offer = await client.createOffer()
    await server.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
    requests: list[bool] = []
    (transceiver,) = server.getTransceivers()
    prepare_video(transceiver, Bits, lambda: requests.append(True))
    yield transceiver.sender, requests
    await client.close()
    await server.close()


async def test_a_sender_has_what_prepare_video_replaces(sending: Any) -> None:
    """Lost otherwise: an update of aiortc would bring back its own bit rate, and
    nobody would be told of a keyframe that a client asks for."""
    sender, requests = sending
    source = inspect.getsource(RTCRtpSender)
    for used in (
        "if self.__encoder is None:",
        "self.__encoder.encode, data, force_keyframe",
        "self.__encoder.target_bitrate = bitrate",
        "self._send_keyframe()",
        "await self._send_rtcp(packets)",
        "await self._retransmit(seq)",
        "self.__rtp_history.get(sequence_number % RTP_HISTORY_SIZE)",
        "ntp_timestamp=self.__ntp_timestamp",
        "rtp_timestamp=self.__rtp_timestamp",
        "self.__lsr == report.lsr",
    ):
        assert used in source
    # It is set before the report is sent, so that ours is the last word.
    assert source.index("self.__lsr = (") < source.index("self._send_rtcp(packets)")
    fresh = cast("Any", RTCPeerConnection().addTransceiver("video").sender)
    for name in ("encoder", "rtp_timestamp", "lsr", "rtp_history"):
        assert hasattr(fresh, f"_RTCRtpSender__{name}")
    assert sender._RTCRtpSender__encoder._encoder.mime_type == "video/VP8"
    sender._send_keyframe()
    assert requests == [True]
    assert sender._RTCRtpSender__force_keyframe


async def test_what_is_sent_again_is_bounded(
    sending: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: on a network that is too narrow the lost packets, sent again and
    again, leave no room for the video: it stands still for good."""
    sender, _ = sending
    sent: list[bytes] = []

    async def send(data: bytes) -> None:
        sent.append(data)

    async def ask(*numbers: int) -> int:
        sent.clear()
        for number in numbers:
            await sender._retransmit(number)
        return len(sent)

    monkeypatch.setattr(sender.transport, "_send_rtp", send)
    for number in range(RTP_HISTORY_SIZE):
        packet = RtpPacket(97, sequence_number=number, payload=bytes(1300))
        sender._RTCRtpSender__rtp_history[number] = packet
    clock = sender._retransmit._loop = Clock()
    sender._retransmit._now_s = clock.now_s
    assert await ask(1, 1, 1) == 1
    assert await ask(1 + RTP_HISTORY_SIZE) == 0
    assert await ask(*range(2, 100)) == RESENT_AT_ONCE - 1
    # A second later a quarter of the bit rate has been saved up: ten packets.
    sender._RTCRtpSender__encoder._encoder.bit_rate = 10 * 1300 * 8 * 4
    clock.now_s += 1
    assert await ask(*range(1, 100)) == 10


async def test_an_encoder_s_packer_needs_no_picture(sending: Any) -> None:
    """Lost otherwise: an update of aiortc would end all video."""
    sender, _ = sending
    encoder = sender._RTCRtpSender__encoder
    packet = av.Packet(b"abc")
    packet.pts, packet.time_base = 1, Fraction(1, 90_000)
    for codec in CODECS["video"]:
        if codec.name != "rtx":
            payloads, _ = get_encoder(codec).pack(packet)
            assert isinstance(payloads, list)
    encoder.target_bitrate = 300_000
    assert encoder.target_bitrate == 300_000


def test_time_of_day_is_that_of_reports() -> None:
    """Lost otherwise: reports would tell another time than audio's."""
    seconds = current_ntp_time() / (1 << 32) - 2_208_988_800
    assert seconds == pytest.approx(time.time(), abs=5)

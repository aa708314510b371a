"""fastrtc.transports.webrtc.start_rate: how a browser's video begins."""

from __future__ import annotations

from aiortc import RTCPeerConnection
from aiortc.sdp import SessionDescription

from fastrtc.transports.webrtc.start_rate import with_start_rate


async def description() -> str:
    """Of aiortc's, with all its codecs."""
    pc = RTCPeerConnection()
    pc.addTransceiver("audio")
    pc.addTransceiver("video")
    pc.createDataChannel("text")
    offer = await pc.createOffer()
    await pc.close()
    return offer.sdp


async def test_video_begins_at_the_rate_and_nothing_else_changes() -> None:
    """Lost otherwise: a camera's first 15 s would come in a quarter of its size."""
    plain = await description()
    told = with_start_rate(plain, 1234)
    told_media = SessionDescription.parse(told).media
    names: set[str] = set()
    for media, was in zip(
        told_media, SessionDescription.parse(plain).media, strict=True
    ):
        assert (media.kind, media.rtp.muxId) == (was.kind, was.rtp.muxId)
        for codec, before in zip(media.rtp.codecs, was.rtp.codecs, strict=True):
            rate = codec.parameters.pop("x-google-start-bitrate", None)
            assert codec == before
            sends_video = codec.mimeType in ("video/VP8", "video/H264")
            assert rate == ("1234" if sends_video else None)
            names.add(codec.mimeType)
    assert {"video/VP8", "video/H264", "video/rtx", "audio/opus"} <= names
    # Each payload type has one line of parameters.
    heads = [line.split()[0] for line in told.splitlines() if line[:7] == "a=fmtp:"]
    assert len(heads) == len(set(heads))


def test_an_answer_without_video_stays_as_it_is() -> None:
    """Lost otherwise: a voice call could break for the sake of video."""
    sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\n"
    assert with_start_rate(sdp) == sdp

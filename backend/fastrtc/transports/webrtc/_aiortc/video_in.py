"""Video that goes around aiortc's buffer and decoding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from aiortc import RTCRtpReceiver

from ..video_payloads import VideoPacket, payload_kind
from .receiver import NoDecoding


class VideoSink(Protocol):
    """Who takes video: `video_in.VideoReceiver`."""

    def connect(self, feedback: VideoFeedback) -> None: ...

    def on_packet(self, packet: VideoPacket) -> None: ...


class VideoFeedback:
    """Asks a client for what its video lacks (RTCP, RFC 4585)."""

    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver
        self._sending: set[asyncio.Task[None]] = set()

    def ask_packets(self, ssrc: int, sequences: list[int]) -> None:
        """Ask for packets again (NACK)."""
        self._send(self._receiver._send_rtcp_nack(ssrc, sequences))

    def ask_keyframe(self, ssrc: int) -> None:
        """Ask for a keyframe (PLI)."""
        self._send(self._receiver._send_rtcp_pli(ssrc))

    def close(self) -> None:
        for task in self._sending:
            task.cancel()

    def _send(self, packet: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(packet)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


class _VideoDiverter:
    """Stands in for a receiver's jitter buffer: it hands video on."""

    def __init__(self, codecs: dict[int, Any], video: VideoSink) -> None:
        self._codecs = codecs
        self._on_packet = video.on_packet

    def add(self, packet: Any) -> tuple[bool, None]:
        codec, data = self._codecs[packet.payload_type].name, packet._data
        video_packet = VideoPacket(
            packet.ssrc,
            packet.sequence_number,
            packet.timestamp,
            bool(packet.marker),
            codec,
            payload_kind(codec, packet.payload, data),
            data,
        )
        self._on_packet(video_packet)
        return False, None


def divert_video(
    receiver: RTCRtpReceiver, video: VideoSink, on_end: Callable[[], None]
) -> None:
    """Give a receiver's packets to `video` as they arrive, undecoded.

    `video` also does the asking for lost packets, in aiortc's place: aiortc asks only
    once. To be called before the receiver starts, that is in the `track` event.

    Args:
        on_end: called when the client has said goodbye (RTCP BYE) for this video, or
            the receiver stops. Packets that come later are given to `video` as before.
    """
    private: Any = receiver
    codecs = private._RTCRtpReceiver__codecs
    private._RTCRtpReceiver__jitter_buffer = _VideoDiverter(codecs, video)
    private._RTCRtpReceiver__decoder_queue = NoDecoding(on_end)
    private._RTCRtpReceiver__nack_generator = None
    video.connect(VideoFeedback(private))

"""One caller that hears as a browser does: it decodes, and notes what comes when."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import time
from collections.abc import AsyncGenerator
from typing import Any, cast

from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.codecs.opus import OpusDecoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket
from av.audio.frame import AudioFrame

from ..speech import FRAME_S, FRAME_SAMPLES, RATE_HZ, Samples
from .call import call, hang_up
from .line import Line
from .wire import RawMedia

JITTER_BUFFER_S = 0.08


class _Microphone(MediaStreamTrack):
    """Sends what a line has to say, a frame each 20 ms."""

    kind = "audio"

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self._began_s = 0.0
        self._sent = 0

    async def recv(self) -> AudioFrame:
        if not self._sent:
            self._began_s = time.perf_counter()
        due_s = self._began_s + self._sent * FRAME_S
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        samples = self._line.next_frame().reshape(1, -1)
        frame = AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = RATE_HZ
        frame.pts = self._sent * FRAME_SAMPLES
        frame.time_base = fractions.Fraction(1, RATE_HZ)
        self._sent += 1
        return frame


class Probe(Line):
    """A line over WebRTC; its clock is `time.perf_counter`.

    Each packet is heard 80 ms after it came, as with a browser's jitter buffer.
    aiortc's holds a packet until four more have come: where a server sends nothing
    between replies, it would keep the end of one reply for the beginning of the next,
    which then seems to come 80 ms too soon.

    Attributes:
        microphone: the track to send.
    """

    def __init__(self) -> None:
        super().__init__(time.perf_counter)
        self.microphone = _Microphone(self)
        self._decoder = OpusDecoder()
        self._loop = asyncio.get_running_loop()

    def listen(self, pc: RTCPeerConnection) -> None:
        """Hear what comes by a connection."""
        RawMedia(pc.getSenders()[0], self._on_packet)

    def _on_packet(self, data: bytes) -> None:
        packet = RtpPacket.parse(data)
        coded = JitterFrame(packet.payload, packet.timestamp)
        for frame in self._decoder.decode(coded):
            # Interleaved channels, here of the same content.
            samples: Samples = cast("Any", frame).to_ndarray()[0, ::2]
            self._loop.call_later(JITTER_BUFFER_S, self.hear, samples)


@contextlib.asynccontextmanager
async def probing(url: str) -> AsyncGenerator[Probe, None]:
    """A connected probe, hung up at the end."""
    probe = Probe()
    pc = await call(url, probe.microphone)
    probe.listen(pc)
    try:
        yield probe
    finally:
        await hang_up([pc])
        probe.microphone.stop()

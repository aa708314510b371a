"""One caller with a camera, who looks at what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, NamedTuple

import av
import httpx
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.codecs.vpx import vp8_depayload
from aiortc.rtp import RtpPacket
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from ..film import CLOCK_HZ, Film, Way, read_number
from .call import CONNECT_TIMEOUT_S, call, hang_up
from .wire import VideoWire

BANDWIDTH_BPS = 4_000_000
"""What the callers say their network carries, as a browser's does on a good line."""
BANDWIDTH_EVERY_S = 1.0


class FilmTrack(MediaStreamTrack):
    """A camera that shows a film; its encoding was done beforehand.

    Args:
        film: what it shows, in a loop.

    Attributes:
        sent: the place in the film of each picture, and when it was handed over.
    """

    kind = "video"

    def __init__(self, film: Film) -> None:
        super().__init__()
        self.film = film
        self.sent: list[tuple[int, float]] = []
        self._next = 0
        self._began_s = 0.0

    async def recv(self) -> Any:
        if not self.sent:
            self._began_s = time.perf_counter()
        due_s = self._began_s + len(self.sent) / self.film.fps
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        packet = Packet(self.film.coded[self._next].data)
        packet.pts = len(self.sent) * CLOCK_HZ // self.film.fps
        packet.time_base = Fraction(1, CLOCK_HZ)
        self.sent.append((self._next, time.perf_counter()))
        self._next = (self._next + 1) % len(self.film.coded)
        return packet

    def jump_to_keyframe(self) -> None:
        """Go on with the next keyframe of the film."""
        while not self.film.coded[self._next].is_key:
            self._next = (self._next + 1) % len(self.film.coded)


class Seen(NamedTuple):
    """One picture that came back.

    Attributes:
        at_s: when its last packet came, by `time.perf_counter`.
        lag_s: since it was sent; None if it isn't known which one it is.
    """

    at_s: float
    lag_s: float | None


class Caller:
    """A session whose pictures are counted as they come, and neither kept nor decoded.

    Args:
        film: of its camera.

    Attributes:
        camera: the track to send.
        received: pictures that came.
        received_bytes: of their packets.
    """

    def __init__(self, film: Film) -> None:
        self.camera = FilmTrack(film)
        self.received = self.received_bytes = 0
        self.pc: RTCPeerConnection | None = None
        self._ssrc: int | None = None
        self._wire: VideoWire | None = None
        self._reports: set[asyncio.Task[None]] = set()
        self._reported_s = 0.0

    async def connect(self, url: str) -> None:
        """Call a server, and have it begin."""
        webrtc_id = uuid.uuid4().hex
        self.pc = pc = await call(url, self.camera, webrtc_id)
        self._wire = VideoWire(
            pc.getSenders()[0], self._on_packet, self.camera.jump_to_keyframe
        )
        async with httpx.AsyncClient(trust_env=False) as http:
            response = await http.post(
                url + "/begin", json={"webrtc_id": webrtc_id}, timeout=CONNECT_TIMEOUT_S
            )
        response.raise_for_status()

    async def close(self) -> None:
        """Hang up."""
        for report in self._reports:
            report.cancel()
        if self.pc is not None:
            await hang_up([self.pc])
        self.camera.stop()

    def _on_packet(self, data: bytes) -> None:
        now_s = time.perf_counter()
        packet = RtpPacket.parse(data)
        if not packet.payload:
            return
        self._ssrc = packet.ssrc
        self.received_bytes += len(packet.payload)
        self.received += packet.marker
        self._take(packet, now_s)
        if now_s - self._reported_s > BANDWIDTH_EVERY_S:
            self._reported_s = now_s
            self._tell(lambda wire, ssrc: wire.report_bandwidth(ssrc, BANDWIDTH_BPS))

    def _take(self, packet: RtpPacket, now_s: float) -> None:
        """Look at a packet's content."""

    def _tell(self, what: Callable[[VideoWire, int], Any]) -> None:
        if self._wire is None or self._ssrc is None:
            return
        report = asyncio.ensure_future(what(self._wire, self._ssrc))
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)


class Watcher(Caller):
    """A session whose pictures are decoded, and their numbers read.

    Args:
        film: of its camera.
        way: how the server turns the pictures.

    Attributes:
        seen: one entry a picture.
    """

    def __init__(self, film: Film, way: Way) -> None:
        super().__init__(film)
        self.seen: list[Seen] = []
        self._way: Way = way
        self._payloads: list[bytes] = []
        self._sequence: int | None = None
        self._broken = True
        self._last_sent = 0
        self._thread = ThreadPoolExecutor(1)
        self._decoder: VideoCodecContext = av.CodecContext.create("vp8", "r")
        self._decoder.thread_count = 1

    async def close(self) -> None:
        await super().close()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)

    def _take(self, packet: RtpPacket, now_s: float) -> None:
        expected, self._sequence = self._sequence, packet.sequence_number
        if expected is None or packet.sequence_number != (expected + 1) & 0xFFFF:
            self._broken = True
            self._payloads.clear()
            self._tell(lambda wire, ssrc: wire.ask_keyframe(ssrc))
        self._payloads.append(vp8_depayload(packet.payload))
        if not packet.marker:
            return
        coded, self._payloads = b"".join(self._payloads), []
        # The first bit of a frame tells keyframes (RFC 6386, 9.1).
        if self._broken and coded[0] & 1:
            return
        self._broken = False
        loop = asyncio.get_running_loop()
        decoding = loop.run_in_executor(self._thread, self._decode, coded)
        decoding.add_done_callback(lambda done: self._see(done.result(), now_s))

    def _decode(self, coded: bytes) -> int | None:
        try:
            frames = self._decoder.decode(Packet(coded))
        except FFmpegError:
            return None
        return self._read(frames[0]) if frames else None

    def _read(self, frame: VideoFrame) -> int | None:
        return read_number(frame, self._way)

    def _see(self, number: int | None, at_s: float) -> None:
        lag_s = None if number is None else self._lag(number, at_s)
        self.seen.append(Seen(at_s, lag_s))

    def _lag(self, number: int, at_s: float) -> float | None:
        """How long ago it was sent: pictures never come back in another order."""
        for place in range(self._last_sent, len(self.camera.sent)):
            sent, sent_s = self.camera.sent[place]
            if sent == number:
                self._last_sent = place
                return at_s - sent_s
        return None


@contextlib.asynccontextmanager
async def watching(url: str, film: Film, way: Way) -> AsyncGenerator[Watcher, None]:
    """A connected watcher, hung up at the end."""
    watcher = Watcher(film, way)
    try:
        await watcher.connect(url)
        yield watcher
    finally:
        await watcher.close()

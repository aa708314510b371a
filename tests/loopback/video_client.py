"""A client with a camera and a screen, in any mode."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCRtpSender
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame
from numpy.typing import NDArray

from fastrtc import Stream

from .client import Client, Source, silence
from .support import NO_ICE_SERVERS, Server

Picture = NDArray[np.uint8]
DIRECTIONS = {"send-receive": "sendrecv", "send": "sendonly", "receive": "recvonly"}


class FilmCamera(MediaStreamTrack):
    """Sends what a function gives for each picture's number.

    Args:
        film: gives uint8 (height, width, 3), BGR.
        fps: pictures a second.

    Attributes:
        taken_s: when each picture was taken, by `time.perf_counter`.
    """

    kind = "video"

    def __init__(self, film: Callable[[int], Picture], fps: float = 30) -> None:
        super().__init__()
        self._film = film
        self._fps = fps
        self.taken_s: list[float] = []

    async def recv(self) -> VideoFrame:
        if self.taken_s:
            due_s = self.taken_s[0] + len(self.taken_s) / self._fps
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        number = len(self.taken_s)
        self.taken_s.append(time.perf_counter())
        frame = VideoFrame.from_ndarray(self._film(number), "bgr24")
        frame.pts = round(number / self._fps * 90_000)
        frame.time_base = fractions.Fraction(1, 90_000)
        return frame


class VideoClient(Client):
    """A client of one of the nine kinds of stream.

    Args:
        url: where the stream is mounted.
        kinds: what it offers; none: a data channel only.
        mode: of the client.
        film: of its camera.
        codec: the one it prefers, "VP8" or "H264".

    Attributes:
        seen: its screen's pictures, BGR, with the time each came.
    """

    def __init__(
        self,
        url: str,
        kinds: tuple[str, ...],
        mode: str,
        film: Callable[[int], Picture],
        *,
        source: Source | None = silence,
        codec: str = "VP8",
        fps: float = 30,
        webrtc_id: str | None = None,
    ) -> None:
        self._kinds = kinds
        self._mode = mode
        self._codec = codec
        self.camera = FilmCamera(film, fps)
        self.seen: list[tuple[float, Picture]] = []
        self.times: list[int] = []
        self._watcher: asyncio.Task[None] | None = None
        super().__init__(url, source, webrtc_id=webrtc_id or uuid.uuid4().hex)

    def _add_media(self) -> None:
        direction = DIRECTIONS[self._mode]
        tracks: dict[str, MediaStreamTrack] = {
            "audio": self.microphone,
            "video": self.camera,
        }
        for kind in self._kinds:
            sends = self._mode != "receive"
            transceiver = self.pc.addTransceiver(
                tracks[kind] if sends else kind, direction=direction
            )
            if kind == "video":
                codecs = RTCRtpSender.getCapabilities("video")
                assert codecs is not None
                chosen = [c for c in codecs.codecs if c.name in (self._codec, "rtx")]
                transceiver.setCodecPreferences(chosen)

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            super()._on_track(track)
        else:
            self._watcher = asyncio.ensure_future(self._watch(track))

    async def _watch(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                picture = frame.to_ndarray(format="bgr24")
                self.seen.append((time.perf_counter(), picture))
                self.times.append(frame.pts)
                self._changed.set()

    async def watch(self, count: int) -> list[Picture]:
        """Wait until it has seen so many pictures, and give the last of them."""
        await self.until(lambda: len(self.seen) >= count, f"{count} pictures")
        return [picture for _, picture in self.seen[-count:]]

    async def close(self) -> None:
        await super().close()
        self.camera.stop()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait({self._watcher})


@contextlib.asynccontextmanager
async def serving_stream(
    handler: Any, modality: Any, mode: Any, **options: Any
) -> AsyncGenerator[Server, None]:
    """A running server with such a stream; everything of it must end with it."""
    options.setdefault("concurrency_limit", None)
    stream = Stream(
        handler,
        modality=modality,
        mode=mode,
        server_rtc_configuration=NO_ICE_SERVERS,
        **options,
    )
    server = Server(stream)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    assert not len(stream.sessions), "a session outlived its server"
    assert not server.left_tasks, server.left_tasks


@contextlib.asynccontextmanager
async def watching(
    server: Server,
    kinds: tuple[str, ...],
    mode: str,
    film: Callable[[int], Picture],
    **options: Any,
) -> AsyncGenerator[VideoClient, None]:
    """A connected client, hung up at the end."""
    client = VideoClient(server.url, kinds, mode, film, **options)
    try:
        await client.connect()
        yield client
    finally:
        await client.close()

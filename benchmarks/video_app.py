"""The part of the server under test that is about video.

Imported by `server_app.py`, by the interpreter to be measured. Every handler is served
under a path of its own, next to `/echo`, which gives audio back:

- `/mirror`: left and right are exchanged, by a VideoStreamHandler.
- `/upside_down`: above and below, by a plain function.
- `/sleep`: upside down after 100 ms in which nothing is done.
- `/work`: upside down after about 100 ms of zlib, which holds no GIL, and so leaves the
  event loop's thread to compete for the core only.

The slow ones skip frames. With aiortc alone a track calls the same functions where it
gets its frames: on the event loop, as its documentation shows.
"""

from __future__ import annotations

import asyncio
import selectors
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.contrib.media import MediaRelay
from av.video.frame import VideoFrame
from fastapi import FastAPI

SLOW_S = 0.1
MOST_SESSIONS = 1000
TICK_S = 0.001
NOISE = np.random.default_rng(1).bytes(1 << 17)
"""Compressed in about 4 ms."""

Pictures = Callable[[Any], Any]


def mirror(frame: Any) -> Any:
    """Exchange left and right."""
    return np.flip(frame, axis=1)


def upside_down(frame: Any) -> Any:
    """Exchange above and below."""
    return np.flip(frame, axis=0)


def sleep(frame: Any) -> Any:
    """Wait, as for a network."""
    time.sleep(SLOW_S)
    return np.flip(frame, axis=0)


def work(frame: Any) -> Any:
    """Compute in C for 100 ms of CPU time, as a model does."""
    began_s = time.thread_time()
    while time.thread_time() - began_s < SLOW_S:
        zlib.compress(NOISE)
    return np.flip(frame, axis=0)


FAST: tuple[Pictures, ...] = (mirror, upside_down)
SLOW: tuple[Pictures, ...] = (sleep, work)


# -- fastrtc -----------------------------------------------------------------------


def make_video(app: FastAPI, echo: Any) -> None:
    """Serve all handlers, by names of FastRTC 0.0.34 only.

    Args:
        echo: gives audio back.
    """
    from fastrtc import VideoStreamHandler

    _mount(app, VideoStreamHandler(mirror), "video", "/mirror")
    _mount(app, upside_down, "video", "/upside_down")
    for function in SLOW:
        handler = VideoStreamHandler(function, skip_frames=True)
        _mount(app, handler, "video", f"/{function.__name__}")
    _mount(app, echo, "audio", "/echo")
    _add_probe(app)


def _mount(app: FastAPI, handler: Any, modality: Any, path: str) -> None:
    from fastrtc import Stream

    stream: Any = Stream(
        handler,
        modality=modality,
        mode="send-receive",
        concurrency_limit=MOST_SESSIONS,
        # Without it the predecessor would ask a STUN server on the internet.
        server_rtc_configuration={"iceServers": []},
    )
    stream.mount(app, path)

    async def begin(body: dict[str, Any]) -> None:
        # The predecessor's video handlers are called only after that.
        stream.set_input(body["webrtc_id"], "")

    app.post(f"{path}/begin")(begin)


# -- aiortc alone ------------------------------------------------------------------


class _Turned(MediaStreamTrack):
    """What a function makes of another track's pictures."""

    kind = "video"

    def __init__(self, track: MediaStreamTrack, function: Pictures) -> None:
        super().__init__()
        self._track = track
        self._function = function

    async def recv(self) -> VideoFrame:
        frame: Any = await self._track.recv()
        picture = self._function(frame.to_ndarray(format="bgr24"))
        turned = VideoFrame.from_ndarray(picture, format="bgr24")
        turned.pts, turned.time_base = frame.pts, frame.time_base
        return turned


def make_bare_video(app: FastAPI) -> None:
    """The same by aiortc alone."""
    for function in FAST + SLOW:
        _serve_bare(app, f"/{function.__name__}", function)
    _serve_bare(app, "/echo", None)
    _add_probe(app)


def _serve_bare(app: FastAPI, path: str, function: Pictures | None) -> None:
    connections: dict[str, RTCPeerConnection] = {}

    async def offer(body: dict[str, Any]) -> dict[str, str]:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connections[body["webrtc_id"]] = pc

        def on_track(track: MediaStreamTrack) -> None:
            turned = _Turned(track, function) if function else None
            pc.addTrack(turned or MediaRelay().subscribe(track))

        async def on_change() -> None:
            if pc.connectionState in ("failed", "closed"):
                await pc.close()
                connections.pop(body["webrtc_id"], None)

        pc.on("track", on_track)
        pc.on("connectionstatechange", on_change)
        await pc.setRemoteDescription(RTCSessionDescription(body["sdp"], body["type"]))
        await pc.setLocalDescription(await pc.createAnswer())
        answer = pc.localDescription
        return {"sdp": answer.sdp, "type": answer.type}

    async def begin(body: dict[str, Any]) -> None:
        """There is nothing to do."""

    app.post(f"{path}/webrtc/offer")(offer)
    app.post(f"{path}/begin")(begin)


# -- how the event loop fares ------------------------------------------------------


class Turns(selectors.DefaultSelector):
    """An event loop's selector that notes the CPU time of the loop's turns.

    A turn is what happens between two calls of `select`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._began_s = time.thread_time()
        self.longest_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.longest_s = max(self.longest_s, time.thread_time() - self._began_s)
        ready = super().select(timeout)
        self._began_s = time.thread_time()
        return ready


class _Ticker:
    """Notes how late a timer of 1 ms fires, for whatever reason."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self._due_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.late_s.clear()
        self._set(asyncio.get_running_loop())

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_s = loop.time() + TICK_S
        self._timer = loop.call_at(self._due_s, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.late_s.append(loop.time() - self._due_s)
        self._set(loop)


def _add_probe(app: FastAPI) -> None:
    """Let the client ask how late the event loop is; the ticks cost some CPU time."""
    ticker = _Ticker()

    async def start() -> None:
        _turns().longest_s = 0.0
        ticker.start()

    async def stop() -> dict[str, float]:
        ticker.stop()
        return {
            "late_ms": 1000 * max(ticker.late_s),
            "late_p99_ms": 1000 * float(np.percentile(ticker.late_s, 99)),
            "turn_cpu_ms": 1000 * _turns().longest_s,
        }

    app.post("/probe/start")(start)
    app.post("/probe/stop")(stop)


def _turns() -> Turns:
    loop: Any = asyncio.get_running_loop()
    return loop._selector

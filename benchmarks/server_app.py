"""The server under test: one program for every implementation.

Run by the interpreter to be measured, as a file, with nothing but that
implementation and a web server in its environment:

    python server_app.py {bare,echo,reply,long,turns,video,bare_video} --socket FD
        [--weights FILE] [--speech FILE]

It serves on an inherited socket and ends when its standard input does, so that
none is left behind whatever becomes of the benchmark.

- `bare`: aiortc alone relays the client's audio.
- `echo`: an AsyncStreamHandler gives back what it receives.
- `reply`: ReplyOnPause answers with half a second of a tone, at once.
- `long`: ReplyOnPause answers with 12 s of a tone, after 0.8 s of thought. The first
  half second of it is lower, so that a new answer can be told from the old one.
- `turns`: several ReplyOnPause, each under a path: `/reply` and `/long` as above,
  `/slow` needs 400 ms for its answer, `/preempt` may do so before the turn is
  confirmed, and `/talk` answers after 0.8 s of thought with the words of the file
  `--speech`, int16 at 48 kHz as numpy saves it.
- `video` and `bare_video`: see `video_app.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import aioice.ice
import numpy as np
import uvicorn
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.contrib.media import MediaRelay
from fastapi import FastAPI
from video_app import Turns, make_bare_video, make_video

KINDS = ("bare", "echo", "reply", "long", "turns", "video", "bare_video")
REPLY_RATE_HZ = 24_000
MOST_SESSIONS = 1000
THOUGHT_S = 0.8
SLOW_S = 0.4
LONG_REPLY_CHUNKS = 24
SPEECH_RATE_HZ = 48_000
PREEMPTIVE_AFTER_MS = 32.0
"""One window of the detector: as soon as the user stops."""


def _tone(hz: float) -> Any:
    time_s = np.arange(REPLY_RATE_HZ // 2) / REPLY_RATE_HZ
    wave = np.sin(2 * np.pi * hz * time_s) * 12_000
    return wave.astype(np.int16).reshape(1, -1)


TONE, LOW_TONE = _tone(880), _tone(300)


def _loopback_only(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return ["127.0.0.1"]


def make_bare(app: FastAPI) -> None:
    """aiortc's own relay, the least that a server on aiortc can do."""
    connections: dict[str, RTCPeerConnection] = {}

    async def offer(body: dict[str, Any]) -> dict[str, str]:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connections[body["webrtc_id"]] = pc

        def on_track(track: MediaStreamTrack) -> None:
            pc.addTrack(MediaRelay().subscribe(track))

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

    app.post("/webrtc/offer")(offer)


def use_weights(weights: str) -> None:
    """Give the predecessor its voice detector in place of a download."""
    from fastrtc.pause_detection import silero

    model: Any = silero.SileroVADModel
    model.download_model = staticmethod(lambda: weights)


def make_echo() -> Any:
    """A handler that gives back what it receives."""
    from fastrtc import AsyncStreamHandler, wait_for_item

    class Echo(AsyncStreamHandler):
        def __init__(self) -> None:
            super().__init__(output_sample_rate=48_000, input_sample_rate=48_000)
            self.frames: asyncio.Queue[Any] = asyncio.Queue()

        def copy(self) -> Echo:
            return Echo()

        async def receive(self, frame: Any) -> None:
            self.frames.put_nowait(frame)

        async def emit(self) -> Any:
            return await wait_for_item(self.frames)

    return Echo()


def reply(audio: Any) -> Iterator[Any]:
    """Answer at once."""
    yield (REPLY_RATE_HZ, TONE)


def slow(audio: Any) -> Iterator[Any]:
    """Answer after some work."""
    time.sleep(SLOW_S)
    yield (REPLY_RATE_HZ, TONE)


def long(audio: Any) -> Iterator[Any]:
    """Think, and talk for long."""
    time.sleep(THOUGHT_S)
    yield (REPLY_RATE_HZ, LOW_TONE)
    for _ in range(LONG_REPLY_CHUNKS - 1):
        yield (REPLY_RATE_HZ, TONE)


def mount(app: FastAPI, handler: Any, path: str = "") -> None:
    """Serve a handler, by names of FastRTC 0.0.34 only."""
    from fastrtc import Stream

    stream = Stream(
        handler,
        modality="audio",
        mode="send-receive",
        concurrency_limit=MOST_SESSIONS,
        # Without it the predecessor would ask a STUN server on the internet.
        server_rtc_configuration={"iceServers": []},
    )
    stream.mount(app, path)


def make_turns(app: FastAPI, speech: str) -> None:
    """One server for all that the turn-taking part asks for."""
    from fastrtc import AlgoOptions, ReplyOnPause

    words = np.load(speech).reshape(1, -1)

    def talk(audio: Any) -> Iterator[Any]:
        time.sleep(THOUGHT_S)
        yield (SPEECH_RATE_HZ, words)

    for function in (reply, slow, long):
        mount(app, on_pause(function), f"/{function.__name__}")
    mount(app, ReplyOnPause(talk, output_sample_rate=SPEECH_RATE_HZ), "/talk")
    preemptive: Any = AlgoOptions()
    if hasattr(preemptive, "preemptive_after_ms"):
        preemptive.preemptive_after_ms = PREEMPTIVE_AFTER_MS
        mount(app, on_pause(slow, algo_options=preemptive), "/preempt")


def on_pause(function: Any, **options: Any) -> Any:
    """ReplyOnPause with a function that answers at the rate of the tones."""
    from fastrtc import ReplyOnPause

    return ReplyOnPause(function, output_sample_rate=REPLY_RATE_HZ, **options)


def make_app(arguments: argparse.Namespace) -> FastAPI:
    """What a kind of server serves."""
    app = FastAPI()
    if arguments.weights:
        use_weights(arguments.weights)
    if arguments.kind == "bare":
        make_bare(app)
    elif arguments.kind == "echo":
        mount(app, make_echo())
    elif arguments.kind == "turns":
        make_turns(app, arguments.speech)
    elif arguments.kind == "video":
        make_video(app, make_echo())
    elif arguments.kind == "bare_video":
        make_bare_video(app)
    else:
        mount(app, on_pause({"reply": reply, "long": long}[arguments.kind]))
    return app


def end_with_stdin() -> None:
    """End this process when nobody holds the other end any more."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve until standard input ends or a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--weights")
    parser.add_argument("--speech")
    arguments = parser.parse_args()
    aioice.ice.get_host_addresses = _loopback_only
    threading.Thread(target=end_with_stdin, daemon=True).start()
    app = make_app(arguments)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    sockets = [socket.socket(fileno=arguments.socket)]
    if "video" in arguments.kind:
        loop = asyncio.SelectorEventLoop(Turns())
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server.serve(sockets))
    else:
        server.run(sockets)


if __name__ == "__main__":
    main()

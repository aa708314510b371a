"""The server under test: one program for every implementation.

Run by the interpreter to be measured, as a file, with nothing but that
implementation and a web server in its environment:

    python server_app.py {bare,echo,reply,long} --socket FD [--weights FILE]

It serves on an inherited socket and ends when its standard input does, so that
none is left behind whatever becomes of the benchmark.

- `bare`: aiortc alone relays the client's audio.
- `echo`: an AsyncStreamHandler gives back what it receives.
- `reply`: ReplyOnPause answers with half a second of a tone, at once.
- `long`: ReplyOnPause answers with 12 s of a tone, after 0.8 s of thought.
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

REPLY_RATE_HZ = 24_000
MOST_SESSIONS = 1000
THOUGHT_S = 0.8
LONG_REPLY_CHUNKS = 24

_time_s = np.arange(REPLY_RATE_HZ // 2) / REPLY_RATE_HZ
TONE = (np.sin(2 * np.pi * 880 * _time_s) * 12_000).astype(np.int16).reshape(1, -1)


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


def make_stream(app: FastAPI, kind: str, weights: str | None) -> None:
    """A fastrtc app that uses names of FastRTC 0.0.34 only."""
    if weights:
        from fastrtc.pause_detection import silero

        model: Any = silero.SileroVADModel
        model.download_model = staticmethod(lambda: weights)
    from fastrtc import AsyncStreamHandler, ReplyOnPause, Stream, wait_for_item

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

    def reply(audio: Any) -> Iterator[Any]:
        yield (REPLY_RATE_HZ, TONE)

    def long(audio: Any) -> Iterator[Any]:
        time.sleep(THOUGHT_S)
        for _ in range(LONG_REPLY_CHUNKS):
            yield (REPLY_RATE_HZ, TONE)

    handlers = {
        "echo": Echo,
        "reply": lambda: ReplyOnPause(reply, output_sample_rate=REPLY_RATE_HZ),
        "long": lambda: ReplyOnPause(long, output_sample_rate=REPLY_RATE_HZ),
    }
    stream = Stream(
        handlers[kind](),
        modality="audio",
        mode="send-receive",
        concurrency_limit=MOST_SESSIONS,
        # Without it the predecessor would ask a STUN server on the internet.
        server_rtc_configuration={"iceServers": []},
    )
    stream.mount(app)


def end_with_stdin() -> None:
    """End this process when nobody holds the other end any more."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve until standard input ends or a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["bare", "echo", "reply", "long"])
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--weights")
    arguments = parser.parse_args()
    aioice.ice.get_host_addresses = _loopback_only
    threading.Thread(target=end_with_stdin, daemon=True).start()
    app = FastAPI()
    if arguments.kind == "bare":
        make_bare(app)
    else:
        make_stream(app, arguments.kind, arguments.weights)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    server.run(sockets=[socket.socket(fileno=arguments.socket)])


if __name__ == "__main__":
    main()

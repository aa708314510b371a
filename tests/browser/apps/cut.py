"""An audio-video call over a network that can be cut: `POST /cut?seconds=3`.

The network is cut below ICE, both ways, and requests of the page wait: as when a
phone has lost its mast.
"""

from __future__ import annotations

import asyncio
import asyncio.selector_events
import os
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request

from fastrtc import AsyncAudioVideoStreamHandler, Stream, wait_for_item

PASSING = ("/cut", "/counts")
network = asyncio.Event()


class Mirror(AsyncAudioVideoStreamHandler):
    """Gives back what it gets, and counts it."""

    def __init__(self) -> None:
        super().__init__(output_sample_rate=24_000, input_sample_rate=24_000)
        self.sounds: asyncio.Queue[Any] = asyncio.Queue()
        self.pictures: asyncio.Queue[Any] = asyncio.Queue()
        self.counts = {"sounds": 0, "pictures": 0}

    async def start_up(self) -> None:
        handlers.append(self)

    async def receive(self, frame: Any) -> None:
        self.counts["sounds"] += 1
        self.sounds.put_nowait(frame)

    async def emit(self) -> Any:
        return await wait_for_item(self.sounds)

    async def video_receive(self, frame: Any) -> None:
        self.counts["pictures"] += 1
        self.pictures.put_nowait(frame[:, ::-1])

    async def video_emit(self) -> Any:
        return await wait_for_item(self.pictures)

    def copy(self) -> Mirror:
        return Mirror()


handlers: list[Mirror] = []
stream = Stream(
    Mirror(), modality="audio-video", ui_args={"title": "Cut", "full_screen": False}
)
app = FastAPI()


@app.post("/cut")
async def cut(seconds: float) -> None:
    """Cut the network for a time."""
    network.clear()
    await asyncio.sleep(seconds)
    network.set()


@app.get("/counts")
async def counts() -> list[dict[str, int]]:
    """What each handler got so far."""
    return [handler.counts for handler in handlers]


@app.middleware("http")
async def gate(request: Request, call_next: Any) -> Any:
    """Requests wait for the network."""
    if request.url.path not in PASSING:
        await network.wait()
    return await call_next(request)


def cut_datagrams() -> None:
    """Let datagrams vanish while the network is cut, whoever reads and sends them."""
    selector_events: Any = asyncio.selector_events
    transport = selector_events._SelectorDatagramTransport
    read, send = transport._read_ready, transport.sendto

    def read_ready(self: Any) -> None:
        if network.is_set():
            read(self)
        else:
            self._sock.recvfrom(self.max_size)

    def sendto(self: Any, *args: Any) -> None:
        if network.is_set():
            send(self, *args)

    transport._read_ready, transport.sendto = read_ready, sendto


if __name__ == "__main__":
    cut_datagrams()
    network.set()
    gr.mount_gradio_app(app, stream.ui, path="/")
    # The loop whose transports were changed.
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), loop="asyncio")

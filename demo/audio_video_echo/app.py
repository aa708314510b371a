"""Sound and picture come back together, half a second later."""

from __future__ import annotations

import asyncio
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from fastrtc import AsyncAudioVideoStreamHandler, Stream, get_hf_turn_credentials
from fastrtc.stream import hosted_environment

Audio = tuple[int, NDArray[np.int16]]
Picture = NDArray[np.uint8]
Waiting = asyncio.Queue[tuple[float, Any]]
MAX_DELAY_S = 2
FRAMES_PER_S = 50
"""Of audio."""
FPS = 30


class Echo(AsyncAudioVideoStreamHandler):
    """Keeps what it hears and sees for as long as the slider says."""

    def __init__(self) -> None:
        super().__init__(output_sample_rate=48_000, input_sample_rate=48_000, fps=FPS)
        self.heard: Waiting = asyncio.Queue(maxsize=FRAMES_PER_S * MAX_DELAY_S)
        self.seen: Waiting = asyncio.Queue(maxsize=FPS * MAX_DELAY_S)

    def copy(self) -> Echo:
        return Echo()

    async def receive(self, frame: Audio) -> None:
        self.keep(self.heard, frame)

    async def video_receive(self, frame: Picture) -> None:
        self.keep(self.seen, frame[:, ::-1])

    def keep(self, queue: Waiting, thing: Any) -> None:
        """Put it behind the others; in a full queue the oldest makes place."""
        if queue.full():
            queue.get_nowait()
        queue.put_nowait((self.loop.time(), thing))

    async def emit(self) -> Audio:
        return await self.later(self.heard)

    async def video_emit(self) -> Picture:
        return await self.later(self.seen)

    async def later(self, queue: Waiting) -> Any:
        """The oldest thing in a queue, when its time has come."""
        came_s, thing = await queue.get()
        delay_s = self.latest_args[1]
        await asyncio.sleep(came_s + delay_s - self.loop.time())
        return thing


stream = Stream(
    Echo(),
    modality="audio-video",
    mode="send-receive",
    concurrency_limit=5,
    time_limit=300,
    # A Space is reached through a TURN server only; at home none is needed.
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    additional_inputs=[
        gr.Slider(0, MAX_DELAY_S, value=0.5, step=0.1, label="Delay, seconds")
    ],
    ui_args={
        "title": "Hello, me",
        "subtitle": "Clap your hands: sound and picture come back together.",
    },
)

demo = stream.ui

if __name__ == "__main__":
    demo.launch()

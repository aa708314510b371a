"""A StreamHandler with inputs, and a chat that its outputs fill.

The handler delays the user's voice by the slider's seconds, changes its loudness,
and writes down each stretch of sound it has played.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from fastrtc import (
    AdditionalOutputs,
    AsyncStreamHandler,
    Stream,
    get_hf_turn_credentials,
    wait_for_item,
)
from fastrtc.stream import hosted_environment

Audio = tuple[int, NDArray[np.int16]]
LOUD = 500
"""Mean magnitude of a frame from which it counts as sound, of 32,767."""
QUIET_FRAMES = 25


class DelayedEcho(AsyncStreamHandler):
    """Plays the user's voice back, later and louder or softer."""

    def __init__(self) -> None:
        super().__init__(output_sample_rate=48_000, input_sample_rate=48_000)
        self.output: asyncio.Queue[Any] = asyncio.Queue(maxsize=500)
        self.waiting: deque[NDArray[np.int16]] = deque()
        self.loud_frames = 0
        self.quiet_frames = 0

    def copy(self) -> DelayedEcho:
        return DelayedEcho()

    async def start_up(self) -> None:
        await self.wait_for_args()
        _, delay_s, volume = self.latest_args[1:4]
        note = f"I play you back after {delay_s:g} s at {volume} % of your volume."
        await self.output.put(AdditionalOutputs("assistant", note))

    async def receive(self, frame: Audio) -> None:
        await self.wait_for_args()
        _, delay_s, volume = self.latest_args[1:4]
        rate, samples = frame
        self.waiting.append(samples)
        self.note(samples)
        while len(self.waiting) > delay_s * 50:
            louder = self.waiting.popleft().astype(np.float32) * (volume / 100)
            clipped = np.clip(louder, -32768, 32767).astype(np.int16)
            if not self.output.full():
                self.output.put_nowait((rate, clipped))

    def note(self, samples: NDArray[np.int16]) -> None:
        """Write down a stretch of sound once it is over."""
        if np.abs(samples.astype(np.int32)).mean() >= LOUD:
            self.loud_frames, self.quiet_frames = self.loud_frames + 1, 0
            return
        self.quiet_frames += 1
        if self.loud_frames and self.quiet_frames == QUIET_FRAMES:
            text = f"{self.loud_frames / 50:.1f} s of sound"
            self.output.put_nowait(AdditionalOutputs("user", text))
            self.loud_frames = 0

    async def emit(self) -> Any:
        return await wait_for_item(self.output)


def write_down(chat: list[dict[str, str]], *rest: Any) -> list[dict[str, str]]:
    """Append what the handler has noted to the chat."""
    role, text = rest[-2:]
    return [*chat, {"role": role, "content": text}]


chat = gr.Chatbot(label="What was heard", height=320)
delay = gr.Slider(0, 3, value=0.5, step=0.1, label="Delay, seconds")
loudness = gr.Slider(0, 200, value=100, step=5, label="Volume, percent")

stream = Stream(
    DelayedEcho(),
    modality="audio",
    mode="send-receive",
    concurrency_limit=20,
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    additional_inputs=[chat, delay, loudness],
    additional_outputs=[chat],
    additional_outputs_handler=write_down,
    ui_args={
        "title": "Delayed echo",
        "subtitle": "A handler with inputs, and a chat that its outputs fill.",
    },
)

demo = stream.ui

if __name__ == "__main__":
    demo.launch()

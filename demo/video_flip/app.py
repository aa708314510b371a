"""Your camera, turned round by a function of a frame."""

from __future__ import annotations

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from fastrtc import Stream, VideoStreamHandler, get_hf_turn_credentials
from fastrtc.stream import hosted_environment

Picture = NDArray[np.uint8]
WAYS = ("upside down", "left to right", "not at all")


def flip(frame: Picture, way: str, brightness: float) -> Picture:
    """Turn a frame round and make it lighter or darker.

    Args:
        frame: uint8 (height, width, 3), BGR.
        brightness: percent.
    """
    if way == WAYS[0]:
        frame = frame[::-1]
    elif way == WAYS[1]:
        frame = frame[:, ::-1]
    if brightness == 100:
        return frame
    return np.minimum(frame * (brightness / 100), 255).astype(np.uint8)


stream = Stream(
    VideoStreamHandler(flip, skip_frames=True),
    modality="video",
    mode="send-receive",
    concurrency_limit=5,
    # A Space is reached through a TURN server only; at home none is needed.
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    additional_inputs=[
        gr.Radio(WAYS, value=WAYS[0], label="Turn it"),
        gr.Slider(0, 200, value=100, step=5, label="Brightness, percent"),
    ],
    ui_args={
        "title": "Mirror",
        "subtitle": "Start your camera, and see it turned round.",
    },
)

demo = stream.ui

if __name__ == "__main__":
    demo.launch()

"""Measures the light that your camera sees; the page sends and gets no picture."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from fastrtc import (
    AdditionalOutputs,
    Stream,
    VideoStreamHandler,
    get_current_context,
    get_hf_turn_credentials,
)
from fastrtc.stream import hosted_environment

FRAMES_PER_S = 5


def measure(frame: NDArray[np.uint8]) -> AdditionalOutputs:
    """The mean brightness of a frame, in percent, and how many there were."""
    state = get_current_context().state
    state["frames"] = state.get("frames", 0) + 1
    return AdditionalOutputs(round(float(frame.mean()) / 2.55, 1), state["frames"])


def show(*values: Any) -> list[Any]:
    """The components' new values: the last two, after those they have."""
    return list(values[-2:])


stream = Stream(
    VideoStreamHandler(measure, fps=FRAMES_PER_S, skip_frames=True),
    modality="video",
    mode="send",
    concurrency_limit=10,
    # A Space is reached through a TURN server only; at home none is needed.
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    additional_outputs=[
        gr.Number(label="Brightness, percent", elem_id="brightness"),
        gr.Number(label="Frames seen", precision=0, elem_id="frames"),
    ],
    additional_outputs_handler=show,
    ui_args={
        "title": "How bright is it?",
        "subtitle": "Hold your hand before the camera. No picture is kept.",
    },
)

demo = stream.ui

if __name__ == "__main__":
    demo.launch()

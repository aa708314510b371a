"""Say something, pause, and hear yourself answered with your own words."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fastrtc import ReplyOnPause, Stream, get_hf_turn_credentials
from fastrtc.stream import hosted_environment

Audio = tuple[int, NDArray[np.int16]]


def echo(audio: Audio) -> Iterator[Audio]:
    """Answer what was said with what was said."""
    yield audio


stream = Stream(
    ReplyOnPause(echo),
    modality="audio",
    mode="send-receive",
    concurrency_limit=20,
    # A Space is reached through a TURN server only; at home none is needed.
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    ui_args={
        "title": "Echo",
        "subtitle": "Say something and pause. You will hear yourself answered.",
    },
)

demo = stream.ui

if __name__ == "__main__":
    demo.launch()

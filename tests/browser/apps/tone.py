"""Answers each turn with 440 Hz: a Gradio page, and the same stream mounted."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fastrtc import ReplyOnPause, Stream

TONE_HZ = 440
RATE_HZ = 24_000


def reply(audio: object) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """Two seconds of 440 Hz."""
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    yield RATE_HZ, (12_000 * np.sin(2 * np.pi * TONE_HZ * t)).astype(np.int16)


stream = Stream(
    ReplyOnPause(reply),
    modality="audio",
    mode="send-receive",
    ui_args={"title": "Tone"},
)

if __name__ == "__main__":
    stream.ui.launch(ssr_mode="ssr" in sys.argv)

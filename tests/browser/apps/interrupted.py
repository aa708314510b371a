"""Talks for six seconds at first, then repeats what was said to interrupt it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastrtc import ReplyOnPause, Stream, get_current_context

RATE_HZ = 24_000
TALK_S = 6


def reply(audio: Any) -> Iterator[Any]:
    """A tone of 440 Hz the first time, the user's own words after that."""
    state = get_current_context().state
    state["turns"] = state.get("turns", 0) + 1
    if state["turns"] > 1:
        yield audio
        return
    t = np.arange(TALK_S * RATE_HZ) / RATE_HZ
    yield RATE_HZ, (12_000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)


stream = Stream(ReplyOnPause(reply), modality="audio", mode="send-receive")

if __name__ == "__main__":
    stream.ui.launch()

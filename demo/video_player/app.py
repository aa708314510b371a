"""A film that is drawn while you watch: a ball that bounces."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from fastrtc import Stream, get_hf_turn_credentials
from fastrtc.stream import hosted_environment

Picture = NDArray[np.uint8]
HEIGHT, WIDTH, FPS = 360, 640, 30
RADIUS, GRAVITY, BOUNCE = 28, 900.0, 0.86
BALL_BGR, SKY_BGR, FLOOR_BGR = (40, 120, 250), (70, 40, 30), (110, 90, 70)
ROWS, COLUMNS = np.ogrid[:HEIGHT, :WIDTH]


def draw(x: float, y: float) -> Picture:
    """A frame with the ball at this place, in pixels from the top left."""
    frame = np.full((HEIGHT, WIDTH, 3), SKY_BGR, np.uint8)
    frame[-12:] = FLOOR_BGR
    frame[(COLUMNS - x) ** 2 + (ROWS - y) ** 2 <= RADIUS**2] = BALL_BGR
    return frame


def play(seconds: float, push: float) -> Iterator[Picture]:
    """A ball that is thrown from the left, for so many seconds.

    Args:
        push: its speed to the right, pixels per second.
    """
    x, y, down = float(RADIUS), float(RADIUS), 0.0
    floor = HEIGHT - 12 - RADIUS
    for _ in range(round(seconds * FPS)):
        yield draw(x, y)
        down += GRAVITY / FPS
        x, y = x + push / FPS, y + down / FPS
        if y > floor:
            y, down = floor, -BOUNCE * down
        if not RADIUS <= x <= WIDTH - RADIUS:
            x, push = float(np.clip(x, RADIUS, WIDTH - RADIUS)), -push


stream = Stream(
    play,
    modality="video",
    mode="receive",
    concurrency_limit=10,
    # A Space is reached through a TURN server only; at home none is needed.
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    additional_inputs=[
        gr.Slider(5, 60, value=15, step=5, label="Seconds"),
        gr.Slider(50, 600, value=220, step=10, label="Speed, pixels per second"),
    ],
    ui_args={"title": "Bouncing ball", "subtitle": "Drawn while you watch."},
)

demo = stream.ui

if __name__ == "__main__":
    demo.launch()

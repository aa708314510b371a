"""A radio: a generator that plays until you stop it, started by a button."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from fastrtc import AdditionalOutputs, WebRTC, get_hf_turn_credentials
from fastrtc.stream import hosted_environment

RATE_HZ = 24_000
STATIONS = {
    "Pentatonic": (0, 2, 4, 7, 9),
    "Major": (0, 2, 4, 5, 7, 9, 11),
    "Blues": (0, 3, 5, 6, 7, 10),
}
"""Semitones above the keynote."""
KEYNOTE_HZ = 220.0


def note(hz: float, seconds: float) -> NDArray[np.int16]:
    """A plucked string: harmonics that die away."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * n * hz * t) / n**2 for n in range(1, 5))
    fade = np.exp(-4 * t) * np.minimum(1, t * 200)
    return (9_000 * wave * fade).astype(np.int16)


def play(station: str, beats_per_minute: float) -> Iterator[object]:
    """A melody without an end; what it plays is told to the page."""
    dice = np.random.default_rng()
    scale = STATIONS[station]
    place = 0
    while True:
        place = int(np.clip(place + dice.integers(-2, 3), -5, 9))
        octave, step = divmod(place, len(scale))
        semitones = 12 * octave + scale[step]
        hz = KEYNOTE_HZ * 2 ** (semitones / 12)
        seconds = 60 / beats_per_minute * dice.choice([0.5, 0.5, 1])
        yield (RATE_HZ, note(hz, seconds)), AdditionalOutputs(f"{hz:.0f} Hz")


with gr.Blocks(title="Radio") as demo:
    gr.Markdown("# Radio\nChoose a station and press Play.")
    with gr.Row():
        station_input = gr.Radio(list(STATIONS), value="Pentatonic", label="Station")
        tempo_input = gr.Slider(60, 240, value=140, label="Beats per minute")
    button = gr.Button("Play", variant="primary", elem_id="play")
    radio = WebRTC(
        label="Radio",
        modality="audio",
        mode="receive",
        full_screen=False,
        # A Space is reached through a TURN server only; at home none is needed.
        rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    )
    playing = gr.Textbox(label="Now playing", elem_id="playing")
    radio.stream(
        play,
        inputs=[station_input, tempo_input],
        outputs=[radio],
        trigger=button.click,
        concurrency_limit=20,
    )
    radio.on_additional_outputs(
        lambda tone: tone, outputs=[playing], show_progress="hidden"
    )

if __name__ == "__main__":
    demo.launch()

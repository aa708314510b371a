"""Two calls with inputs and outputs on one page, mounted under a prefix."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI

from fastrtc import AdditionalOutputs, ReplyOnPause, WebRTC


def make_reply(name: str) -> Any:
    """A reply function that writes down three outputs at once."""

    def reply(audio: Any, suffix: str) -> Iterator[Any]:
        for number in range(3):
            yield AdditionalOutputs(f"{name}{number}{suffix}")
        yield audio

    return reply


def append(text: str, new: str) -> str:
    """Each output sees the text after the one before."""
    return f"{text} {new}".strip()


with gr.Blocks() as demo:
    for name in ("left", "right"):
        suffix = gr.Textbox(value="!", label=f"{name} suffix", elem_id=f"{name}-suffix")
        written = gr.Textbox(label=f"{name} text", elem_id=f"{name}-text")
        call = WebRTC(
            label=name,
            modality="audio",
            mode="send-receive",
            full_screen=False,
            elem_id=name,
        )
        call.stream(
            ReplyOnPause(make_reply(name)),
            inputs=[call, suffix],
            outputs=[call],
            concurrency_limit=2,
        )
        call.on_additional_outputs(append, inputs=[written], outputs=[written])

app = gr.mount_gradio_app(FastAPI(), demo, path="/talk")

if __name__ == "__main__":
    port = int(os.environ["GRADIO_SERVER_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="info")

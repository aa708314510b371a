"""Answers what is typed with 880 Hz and what is said with a long 440 Hz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from fastrtc import AdditionalOutputs, ReplyOnPause, Stream, WebRTCData
from tests.support.handlers import tone

RATE_HZ = 24_000
LONG_S = 20


def answer(message: WebRTCData, chat: list[Any]) -> Iterator[Any]:
    """Writes down the question, talks, and writes down that it has answered."""
    typed = message.audio is None
    asked = message.textbox if typed else "(spoken)"
    chat = [*chat, {"role": "user", "content": asked}]
    yield AdditionalOutputs(chat)
    chat = [*chat, {"role": "assistant", "content": f"Answer to {asked}"}]
    yield AdditionalOutputs(chat)
    hz, seconds = (880, 2) if typed else (440, LONG_S)
    for _ in range(2 * seconds):
        yield RATE_HZ, tone(0.5, hz=hz)


chat_box = gr.Chatbot(label="Chat", elem_id="chat")

stream = Stream(
    ReplyOnPause(answer),
    modality="audio",
    mode="send-receive",
    concurrency_limit=4,
    additional_inputs=[chat_box],
    additional_outputs=[chat_box],
    additional_outputs_handler=lambda old, new: new,
    ui_args={"variant": "textbox"},
)

if __name__ == "__main__":
    stream.ui.launch()

"""One function answers what is typed and what is said. It needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import gradio as gr

from fastrtc import (
    AdditionalOutputs,
    ReplyOnPause,
    Stream,
    WebRTCData,
    get_hf_turn_credentials,
    get_tts_model,
)
from fastrtc.stream import hosted_environment

Chat = list[dict[str, str]]
voice = get_tts_model("espeak")


def think(text: str) -> str:
    """What the bot has to say to a text."""
    if "time" in text.lower():
        return f"It is {datetime.now():%H:%M}."
    words = len(text.split())
    return f"You wrote {words} word{'' if words == 1 else 's'}."


def answer(message: WebRTCData, chat: Chat) -> Iterator[Any]:
    """Answer a text, or the length of what was said, in writing and aloud."""
    if message.audio is None:
        asked, text = message.textbox, think(message.textbox)
    else:
        rate_hz, samples = message.audio
        seconds = samples.shape[1] / rate_hz
        # Your speech recognition would say what the words were.
        asked, text = f"🎤 {seconds:.1f} s", f"You spoke for {seconds:.0f} seconds."
    chat = [*chat, {"role": "user", "content": asked}]
    yield AdditionalOutputs(chat)
    yield AdditionalOutputs([*chat, {"role": "assistant", "content": text}])
    yield from voice.stream_tts_sync(text)


chat_box = gr.Chatbot(label="Chat", height=420, elem_id="chat")

stream = Stream(
    ReplyOnPause(answer),
    modality="audio",
    mode="send-receive",
    concurrency_limit=20,
    # A Space is reached through a TURN server only; at home none is needed.
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    additional_inputs=[chat_box],
    additional_outputs=[chat_box],
    additional_outputs_handler=lambda old, new: new,
    ui_args={
        "variant": "textbox",
        "title": "Type or talk",
        "subtitle": "Ask for the time, or say anything.",
    },
)

demo = stream.ui

if __name__ == "__main__":
    demo.launch()

"""All nine kinds of stream, each on a Gradio page of its own, in one server.

`GET /ended?page=…&webrtc_id=…` answers once a session has ended.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import gradio as gr
import numpy as np
import uvicorn
from fastapi import FastAPI

from fastrtc import (
    AdditionalOutputs,
    AsyncAudioVideoStreamHandler,
    AsyncStreamHandler,
    ReplyOnPause,
    Stream,
    WebRTC,
    get_current_context,
    show_caption,
    wait_for_item,
)
from tests.support.handlers import tone
from tests.support.pictures import GREEN, plain, sides_of

RATE_HZ = 24_000
DEFAULT = 440
"""Of the slider: what sounds is as high as it says, in Hz."""


def reply(audio: Any, hz: float) -> Iterator[Any]:
    """Two seconds of a tone for each turn."""
    yield AdditionalOutputs(f"{hz:g} Hz")
    yield RATE_HZ, tone(2.0, hz=hz)


class Ear(AsyncStreamHandler):
    """Tells that it has heard a loud sound, once."""

    async def receive(self, frame: Any) -> None:
        state = get_current_context().state
        state["loud"] = state.get("loud") or bool(np.abs(frame[1]).max() > 1000)

    async def emit(self) -> Any:
        state = get_current_context().state
        if not state.get("loud") or state.get("told"):
            return None
        state["told"] = True
        return AdditionalOutputs(f"{self.latest_args[1]:g} Hz")

    def copy(self) -> Ear:
        return Ear()


def play(hz: float) -> Iterator[Any]:
    """A tone until the listener goes."""
    yield AdditionalOutputs(f"{hz:g} Hz")
    while True:
        yield RATE_HZ, tone(0.5, hz=hz)


def told_once(value: Any) -> AdditionalOutputs | None:
    """An output, the first time that there is this value."""
    state = get_current_context().state
    if state.get("told") == value:
        return None
    state["told"] = value
    return AdditionalOutputs(value)


def with_told(picture: Any, told: AdditionalOutputs | None) -> Any:
    return picture if told is None else (picture, told)


def flip(frame: Any, hz: float) -> Any:
    """The picture, left for right, and what it was."""
    return with_told(np.flip(frame, axis=1), look(frame, hz))


def look(frame: Any, hz: float) -> AdditionalOutputs | None:
    """What the picture is."""
    return told_once(f"{hz:g} Hz, {','.join(sides_of(frame))}")


async def show(hz: float) -> AsyncIterator[Any]:
    """A green film until the viewer goes."""
    yield AdditionalOutputs(f"{hz:g} Hz")
    while True:
        yield plain(GREEN, 240, 320)


class Mirror(AsyncAudioVideoStreamHandler):
    """A tone, and the flipped picture; a green one where nobody sends any."""

    def __init__(self, films: bool) -> None:
        super().__init__(output_sample_rate=RATE_HZ)
        self.films = films
        self.pictures: asyncio.Queue[Any] = asyncio.Queue(2)

    async def start_up(self) -> None:
        show_caption("This is what you look like.", "assistant", final=True)

    async def receive(self, frame: Any) -> None:
        if np.abs(frame[1]).max() > 1000:
            get_current_context().state["heard"] = True

    async def emit(self) -> Any:
        return RATE_HZ, tone(0.2, hz=self.latest_args[1])

    async def video_receive(self, frame: Any) -> None:
        await self.pictures.put(np.flip(frame, axis=1))

    async def video_emit(self) -> Any:
        hz = f"{self.latest_args[1]:g} Hz"
        if self.films:
            return with_told(plain(GREEN, 240, 320), told_once(hz))
        picture = await wait_for_item(self.pictures)
        if picture is None:
            return None
        if not get_current_context().state.get("heard"):
            return picture
        sides = ",".join(sides_of(picture[:, ::-1]))
        return with_told(picture, told_once(f"{hz}, {sides}"))

    def copy(self) -> Mirror:
        return Mirror(self.films)


HANDLERS: dict[str, Any] = {
    "audio/send-receive": ReplyOnPause(reply),
    "audio/send": Ear(),
    "audio/receive": play,
    "video/send-receive": flip,
    "video/send": look,
    "video/receive": show,
    "audio-video/send-receive": Mirror(films=False),
    "audio-video/send": Mirror(films=False),
    "audio-video/receive": Mirror(films=True),
}


def make(name: str) -> Stream:
    """The stream of a page."""
    modality: Any
    mode: Any
    modality, mode = name.split("/")
    return Stream(
        HANDLERS[name],
        modality=modality,
        mode=mode,
        concurrency_limit=4,
        additional_inputs=[slider()],
        additional_outputs=[gr.Textbox(label="Told", elem_id="told")],
        additional_outputs_handler=lambda old, new: new,
    )


def slider() -> gr.Slider:
    return gr.Slider(100, 1000, value=DEFAULT, step=10, label="Hz", elem_id="hz")


def player() -> tuple[gr.Blocks, WebRTC]:
    """A page of one's own whose button starts what it plays."""
    with gr.Blocks() as blocks:
        hz = slider()
        told = gr.Textbox(label="Told", elem_id="told")
        call = WebRTC(label="Player", modality="audio", mode="receive")
        button = gr.Button("Play", elem_id="play")
        call.stream(fn=play, inputs=[hz], outputs=[call], trigger=button.click)
        call.on_additional_outputs(lambda new: new, outputs=[told])
    return blocks, call


STREAMS = {name: make(name) for name in HANDLERS}
app = FastAPI()


@app.get("/ended")
async def ended(page: str, webrtc_id: str) -> int:
    """Waits until a session has ended; how many there are still on its page."""
    sessions = STREAMS[page].sessions
    session = sessions.get(webrtc_id)
    if session is not None:
        over = asyncio.Event()
        session.on_closed(over.set)
        await over.wait()
    return len(sessions)


for name, stream in STREAMS.items():
    gr.mount_gradio_app(app, stream.ui, path=f"/{name}")
own_page, own_call = player()
assert own_call.realtime is not None
STREAMS["player"] = own_call.realtime
gr.mount_gradio_app(app, own_page, path="/player")

if __name__ == "__main__":
    port = int(os.environ["GRADIO_SERVER_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False)

"""Programs as they were written for FastRTC, each on a page, in one server.

Their structure, names and arguments are those of its documentation; models and
services on the internet are replaced by small classes.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel

from fastrtc import (
    AdditionalOutputs,
    AsyncAudioVideoStreamHandler,
    ReplyOnPause,
    Stream,
    WebRTC,
    WebRTCData,
)
from fastrtc.utils import wait_for_item

HERE = Path(__file__).parent


class Detector:
    """Stands in for a model: frames what it is sure enough of in green."""

    def detect_objects(self, image: Any, conf_threshold: float) -> Any:
        image = image.copy()
        image[:, : int(image.shape[1] * conf_threshold)] = (0, 255, 0)
        return image


model = Detector()

# -- object detection: a Stream, and the component in Blocks ---------------------------


def detection(image: Any, conf_threshold: float = 0.3) -> Any:
    return model.detect_objects(image, conf_threshold)


detection_stream = Stream(
    handler=detection,
    modality="video",
    mode="send-receive",
    additional_inputs=[gr.Slider(minimum=0, maximum=1, step=0.01, value=0.3)],
    concurrency_limit=10,
)

with gr.Blocks() as detection_demo:
    gr.HTML("<h1 style='text-align: center'>Video stream</h1>")
    with gr.Column(elem_classes=["my-column"]), gr.Group(elem_classes=["my-group"]):
        image = WebRTC(label="Stream", modality="video", mode="send-receive")
        conf_threshold = gr.Slider(
            label="Confidence Threshold",
            minimum=0.0,
            maximum=1.0,
            step=0.05,
            value=0.5,
            elem_id="threshold",
        )
    image.stream(
        fn=detection,
        inputs=[image, conf_threshold],
        outputs=[image],
        time_limit=10,
        concurrency_limit=10,
    )

# -- the server's own video, started by a button ---------------------------------------


class Capture:
    """Stands in for OpenCV's: a film of 60 frames, then no more."""

    def __init__(self) -> None:
        self.left = 60

    def read(self) -> tuple[bool, Any]:
        self.left -= 1
        if self.left < 0:
            return False, None
        return True, np.full((120, 160, 3), (0, 0, 255), np.uint8)


def generation() -> Iterator[Any]:
    cap = Capture()
    iterating = True
    while iterating:
        iterating, frame = cap.read()
        yield frame


with gr.Blocks() as generation_demo:
    output_video = WebRTC(label="Video Stream", mode="receive", modality="video")
    button = gr.Button("Start", variant="primary", elem_id="play")
    output_video.stream(
        fn=generation, inputs=None, outputs=[output_video], trigger=button.click
    )

# -- sound and picture to a service ----------------------------------------------------


class LiveSession:
    """Stands in for a service: says 440 Hz for every picture that it is sent."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes] = asyncio.Queue()

    async def __aenter__(self) -> LiveSession:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self, input: dict[str, Any]) -> None:
        if input["mime_type"] == "image/jpeg":
            t = np.arange(24_000) / 24_000
            wave = (8000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)
            self.said.put_nowait(wave.tobytes())

    async def receive(self) -> AsyncGenerator[bytes, None]:
        yield await self.said.get()

    async def close(self) -> None:
        pass


class GeminiHandler(AsyncAudioVideoStreamHandler):
    def __init__(
        self,
    ) -> None:
        super().__init__(
            "mono",
            output_sample_rate=24000,
            output_frame_size=480,
            input_sample_rate=16000,
        )
        self.audio_queue: asyncio.Queue[Any] = asyncio.Queue()
        self.video_queue: asyncio.Queue[Any] = asyncio.Queue()
        self.quit = asyncio.Event()
        self.session: LiveSession | None = None
        self.last_frame_time = 0.0

    def copy(self) -> GeminiHandler:
        return GeminiHandler()

    async def start_up(self) -> None:
        async with LiveSession() as session:
            self.session = session
            while not self.quit.is_set():
                turn = self.session.receive()
                async for data in turn:
                    audio = np.frombuffer(data, dtype=np.int16).reshape(1, -1)
                    self.audio_queue.put_nowait(audio)

    async def video_receive(self, frame: Any) -> None:
        self.video_queue.put_nowait(frame)

        # send image every 1 second
        if self.session and time.time() - self.last_frame_time > 1:
            self.last_frame_time = time.time()
            await self.session.send(
                input={"data": frame.tobytes(), "mime_type": "image/jpeg"}
            )
            if self.latest_args[1] is not None:
                await self.session.send(input={"data": b"", "mime_type": "image/jpeg"})

    async def video_emit(self) -> Any:
        return await self.video_queue.get()

    async def receive(self, frame: tuple[int, Any]) -> None:
        _, array = frame
        array = array.squeeze()
        if self.session:
            await self.session.send(
                input={"data": array.tobytes(), "mime_type": "audio/pcm"}
            )

    async def emit(self) -> Any:
        array = await wait_for_item(self.audio_queue, 0.01)
        if array is not None:
            return (self.output_sample_rate, array)
        return array

    async def shutdown(self) -> None:
        if self.session:
            self.quit.set()
            await self.session.close()
            self.quit.clear()


gemini_stream = Stream(
    handler=GeminiHandler(),
    modality="audio-video",
    mode="send-receive",
    time_limit=90,
    additional_inputs=[
        gr.Image(label="Image", type="numpy", sources=["upload", "clipboard"])
    ],
    ui_args={
        "icon": str(HERE / "icon.svg"),
        "pulse_color": "rgb(255, 255, 255)",
        "icon_button_color": "rgb(255, 255, 255)",
        "title": "Gemini Audio Video Chat",
    },
)

# -- text and voice --------------------------------------------------------------------


def generate(data: WebRTCData, conversation: list[Any]) -> Iterator[Any]:
    text = data.textbox if data.textbox else "something spoken"
    conversation.append({"role": "user", "content": text})
    yield AdditionalOutputs(conversation)
    conversation.append({"role": "assistant", "content": f"You said: {text}"})
    yield AdditionalOutputs(conversation)


def newest(g: Any) -> Any:
    return g


with gr.Blocks() as textbox_demo:
    chatbot = gr.Chatbot(label="Conversation", value=[], elem_id="chat")
    webrtc = WebRTC(
        label="Conversation",
        modality="audio",
        mode="send-receive",
        full_screen=False,
        variant="textbox",
    )
    webrtc.stream(
        ReplyOnPause(generate),
        inputs=[webrtc, chatbot],
        outputs=[webrtc],
        concurrency_limit=100,
    )
    webrtc.on_additional_outputs(newest, outputs=[chatbot])

# -- a page of one's own ---------------------------------------------------------------


def page_detection(image: Any, conf_threshold: float = 0.3) -> Any:
    processed_frame = model.detect_objects(image, conf_threshold)
    return processed_frame, AdditionalOutputs(f"threshold {conf_threshold}")


page_stream = Stream(
    handler=page_detection,
    modality="video",
    mode="send-receive",
    additional_inputs=[gr.Slider(minimum=0, maximum=1, step=0.01, value=0.3)],
    rtc_configuration=None,
    concurrency_limit=1,
)

app = FastAPI()

page_stream.mount(app)


class InputData(BaseModel):
    webrtc_id: str
    conf_threshold: float


@app.get("/")
async def index() -> HTMLResponse:
    rtc_config = page_stream.rtc_configuration or None
    html_content = (HERE / "old_page.html").read_text()
    html_content = html_content.replace("__RTC_CONFIGURATION__", json.dumps(rtc_config))
    return HTMLResponse(content=html_content)


@app.post("/input_hook")
async def input_hook(data: InputData) -> None:
    page_stream.set_input(data.webrtc_id, data.conf_threshold)


@app.get("/outputs")
def outputs(webrtc_id: str) -> StreamingResponse:
    async def output_stream() -> AsyncIterator[str]:
        async for output in page_stream.output_stream(webrtc_id):
            # Output is the AdditionalOutputs instance
            # Be sure to serialize it however you would like
            yield f"event: output\ndata: {json.dumps(output.args[0])}\n\n"

    return StreamingResponse(output_stream(), media_type="text/event-stream")


gr.mount_gradio_app(app, detection_stream.ui, path="/detection")
gr.mount_gradio_app(app, detection_demo, path="/detection-blocks")
gr.mount_gradio_app(app, generation_demo, path="/generation")
gr.mount_gradio_app(app, gemini_stream.ui, path="/gemini")
gr.mount_gradio_app(app, textbox_demo, path="/textbox")

if __name__ == "__main__":
    port = int(os.environ["GRADIO_SERVER_PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False)

"""One's own page without Gradio: FastAPI, an HTML file and the JavaScript client."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse, StreamingResponse
from numpy.typing import NDArray

from fastrtc import AdditionalOutputs, ReplyOnPause, Stream, get_hf_turn_credentials
from fastrtc.stream import hosted_environment

Audio = tuple[int, NDArray[np.int16]]
PAGE = Path(__file__).parent / "index.html"


def reply(audio: Audio) -> Iterator[Audio | AdditionalOutputs]:
    """Answer what was said with what was said, and tell the page how long it was."""
    rate, samples = audio
    yield AdditionalOutputs(f"You spoke for {samples.shape[1] / rate:.1f} s.")
    yield audio


stream = Stream(
    ReplyOnPause(reply),
    modality="audio",
    mode="send-receive",
    concurrency_limit=20,
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
)
app = FastAPI(title="A page of one's own")
stream.mount(app)


@app.get("/")
async def index() -> FileResponse:
    return FileResponse(PAGE)


@app.get("/rtc-configuration")
async def rtc_configuration() -> dict[str, object]:
    return await stream.ice.for_client()


@app.get("/notes")
async def notes(webrtc_id: str) -> StreamingResponse:
    """The reply function's AdditionalOutputs, as server-sent events."""

    async def events():
        async for output in stream.output_stream(webrtc_id):
            yield f"data: {output.args[0]}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "7860")))

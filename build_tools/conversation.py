"""A bot with a face that says its part with captions: a subject for screenshots.

Run `python -m build_tools.conversation audio` or `... audio-video`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import numpy as np

from build_tools.portrait import BOT, portrait
from fastrtc import (
    AsyncAudioVideoStreamHandler,
    AsyncStreamHandler,
    Stream,
    get_tts_model,
    show_caption,
)
from fastrtc.media import Modality

FPS = 15
FACE = np.asarray(portrait(1280, 720, BOT))[:, :, ::-1].copy()
ASKED = "Will it rain on the coast tomorrow?"
ANSWER = (
    "Only a little, in the morning. By noon it will be dry and mild, with some wind "
    "from the west."
)
NEXT = "Then I will take the boat and"


class _Part:
    """What is said and shown in writing, the same with a face and without."""

    def __init__(self) -> None:
        self.said = False

    async def next_sound(self) -> Any:
        if self.said:
            await asyncio.sleep(3600)
        self.said = True
        show_caption(ASKED, final=True)
        show_caption(ANSWER, role="assistant", final=True)
        show_caption(NEXT)
        return await asyncio.to_thread(get_tts_model("espeak").tts, 2 * ANSWER)


class Voice(AsyncStreamHandler):
    """The bot on the telephone."""

    def __init__(self) -> None:
        super().__init__()
        self.part = _Part()

    async def receive(self, frame: Any) -> None:
        pass

    async def emit(self) -> Any:
        return await self.part.next_sound()

    def copy(self) -> Voice:
        return Voice()


class Face(AsyncAudioVideoStreamHandler):
    """The bot in person."""

    def __init__(self) -> None:
        super().__init__(fps=FPS)
        self.part = _Part()

    async def receive(self, frame: Any) -> None:
        pass

    async def emit(self) -> Any:
        return await self.part.next_sound()

    async def video_receive(self, frame: Any) -> None:
        pass

    async def video_emit(self) -> Any:
        await asyncio.sleep(1 / FPS)
        return FACE

    def copy(self) -> Face:
        return Face()


def main() -> None:
    """Serve it where GRADIO_SERVER_PORT says."""
    modality: Modality = "audio-video" if "audio-video" in sys.argv else "audio"
    handler = Face() if modality == "audio-video" else Voice()
    stream = Stream(
        handler,
        modality=modality,
        time_limit=600,
        ui_args={"title": "Weather", "subtitle": "Ask about tomorrow."},
    )
    stream.ui.launch()


if __name__ == "__main__":
    main()

"""Pictures that can be told apart after any codec, and clients that watch."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastrtc.handlers.adapt import as_handler
from fastrtc.media import Media
from fastrtc.session import SessionTable
from fastrtc.transports.memory import MemoryClient

BLUE, GREEN, RED = (230, 30, 30), (30, 200, 30), (30, 30, 230)
"""BGR."""


def plain(color: tuple[int, int, int], height: int = 48, width: int = 64) -> Any:
    """A picture of one colour, uint8 (height, width, 3)."""
    return np.full((height, width, 3), color, np.uint8)


def halves(left: Any, right: Any, height: int = 48, width: int = 64) -> Any:
    """A picture with two colours side by side."""
    picture = plain(left, height, width)
    picture[:, width // 2 :] = right
    return picture


def color_of(picture: NDArray[np.uint8]) -> str:
    """Which of blue, green and red the middle of a picture is."""
    height, width = picture.shape[:2]
    middle = picture[height // 4 : -height // 4, width // 4 : -width // 4]
    return ("blue", "green", "red")[int(middle.mean(axis=(0, 1)).argmax())]


def sides_of(picture: NDArray[np.uint8]) -> tuple[str, str]:
    """The colours of a picture's left and right half."""
    half = picture.shape[1] // 2
    return color_of(picture[:, :half]), color_of(picture[:, half:])


class Viewer(MemoryClient):
    """A client that watches and listens all the time."""

    def __init__(self, handler: Any, media: Media, **table: Any) -> None:
        adapted = as_handler(handler, media)
        self.table = SessionTable(lambda: adapted, media=media, **table)
        super().__init__(self.table)
        self.seen: list[tuple[float, NDArray[np.uint8], float]] = []
        self.heard_s = 0.0
        self._watching = asyncio.gather(self._watch(), self._listen())

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        async for picture, time_s in self.watch():
            self.seen.append((loop.time(), picture, time_s))

    async def _listen(self) -> None:
        async for _ in self.hear():
            self.heard_s += 0.02

    @property
    def colors(self) -> list[str]:
        """Of the pictures that were shown."""
        return [color_of(picture) for _, picture, _ in self.seen]

    def of(self, type_: str) -> list[Any]:
        """The data of all messages of a type."""
        return [m["data"] for m in self.messages if m["type"] == type_]

    async def film(self, pictures: list[Any], fps: float = 30) -> None:
        """Show pictures one after the other, at the pace of a camera."""
        for picture in pictures:
            self.show(picture)
            await asyncio.sleep(1 / fps)

    async def closed(self) -> None:
        """Wait until the session has ended by itself."""
        if self.session.id in self.table:
            ended = asyncio.Event()
            self.session.on_closed(ended.set)
            await ended.wait()

    async def hang_up(self) -> None:
        await super().hang_up()
        await self._watching

"""fastrtc.client: pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AsyncAudioVideoStreamHandler,
    CloseStream,
)
from fastrtc.client import (
    Call,
    connect,
)
from fastrtc.errors import ConfigurationError, OutputError
from tests.support.pictures import BLUE, GREEN, RED, color_of, halves, plain, sides_of

from .python_client import first, hear
from .tones import LEFT_HZ, clip, pitch_hz
from .video_client import serving_stream

pytestmark = pytest.mark.loopback

SIZE = (240, 320)


async def test_pictures_come_back_flipped() -> None:
    """Lost otherwise: a test of a video filter would see nothing, or wrong colours."""

    def flip(frame: Any) -> Any:
        return np.flip(frame, axis=1)

    async with (
        serving_stream(flip, "video", "send-receive") as server,
        connect(server.url, kinds=("video",)) as call,
    ):
        showing = asyncio.ensure_future(_show(call, halves(BLUE, RED, *SIZE)))
        for _ in range(10):
            picture = await first(call.pictures())
            assert picture.shape == (*SIZE, 3)
            assert sides_of(picture) == ("red", "blue")
        with pytest.raises(OutputError):
            await call.show("no picture")
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


async def _show(call: Call, picture: Any) -> None:
    while True:
        await call.show(picture)
        await asyncio.sleep(1 / 30)


async def test_a_film_is_seen_in_receive_mode() -> None:
    """Lost otherwise: a recorder of a receive-only stream would get nothing."""

    def play() -> Iterator[Any]:
        for color in (RED, GREEN, BLUE):
            for _ in range(20):
                yield plain(color, *SIZE)
        yield CloseStream("the end")

    async with (
        serving_stream(play, "video", "receive") as server,
        connect(server.url, kinds=("video",), mode="receive", color="rgb") as call,
    ):
        seen: list[str] = []
        async for picture in call.pictures():
            seen.append(color_of(picture[:, :, ::-1]))
        assert list(dict.fromkeys(seen)) == ["red", "green", "blue"]
        assert call.closed
        assert await call.wait_closed() == "the end"


async def test_a_stream_that_takes_nothing_is_not_spoken_to() -> None:
    """Lost otherwise: whoever speaks to a receive-only stream would wait for ever."""

    def play() -> Iterator[Any]:
        for _ in range(300):
            yield plain(RED, *SIZE)

    async with (
        serving_stream(play, "video", "receive") as server,
        connect(server.url, kinds=("video",)) as call,
    ):
        assert color_of(await first(call.pictures())) == "red"
        with pytest.raises(ConfigurationError, match="sends no video"):
            await call.show(plain(RED))


async def test_sound_and_pictures_share_a_call() -> None:
    """Lost otherwise: a test of an avatar could not both hear and see it."""

    class Mirror(AsyncAudioVideoStreamHandler):
        async def start_up(self) -> None:
            self.sound: asyncio.Queue[Any] = asyncio.Queue()
            self.sight: asyncio.Queue[Any] = asyncio.Queue()

        async def receive(self, frame: Any) -> None:
            self.sound.put_nowait(frame)

        async def emit(self) -> Any:
            return await self.sound.get()

        async def video_receive(self, frame: Any) -> None:
            self.sight.put_nowait(frame)

        async def video_emit(self) -> Any:
            return await self.sight.get()

        def copy(self) -> Mirror:
            return Mirror(input_sample_rate=24_000)

    async with (
        serving_stream(Mirror(), "audio-video", "send-receive") as server,
        connect(server.url, kinds=("audio", "video")) as call,
    ):
        showing = asyncio.ensure_future(_show(call, plain(GREEN, *SIZE)))
        await call.say((24_000, clip(LEFT_HZ, 1.5, 24_000)))
        heard = await hear(call, 0.8)
        assert pitch_hz(np.repeat(heard[-12_000:], 2)) == pytest.approx(LEFT_HZ, abs=5)
        assert color_of(await first(call.pictures())) == "green"
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)

"""Handlers of sound and picture: both flow, keep their time, and end together."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AdditionalOutputs,
    AsyncAudioVideoStreamHandler,
    AudioVideoStreamHandler,
    CloseStream,
    wait_for_item,
)
from fastrtc.media import Media
from fastrtc.options import EMIT_ERRORS_IN_A_ROW
from tests.support.handlers import tone
from tests.support.pictures import BLUE, GREEN, RED, Viewer, halves, plain, sides_of

pytestmark = pytest.mark.virtual_time

BOTH = Media("audio-video", "send-receive")
FRAME = (48_000, tone(0.02, 48_000))


class AsyncEcho(AsyncAudioVideoStreamHandler):
    def __init__(self) -> None:
        super().__init__(output_sample_rate=48_000)
        self.sounds: asyncio.Queue[Any] = asyncio.Queue()
        self.pictures: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(self, frame: Any) -> None:
        self.sounds.put_nowait(frame)

    async def emit(self) -> Any:
        return await wait_for_item(self.sounds)

    async def video_receive(self, frame: Any) -> None:
        self.pictures.put_nowait(frame)

    async def video_emit(self) -> Any:
        return await self.pictures.get()

    def copy(self) -> AsyncEcho:
        return AsyncEcho()


class Echo(AudioVideoStreamHandler):
    def __init__(self) -> None:
        super().__init__(output_sample_rate=48_000)
        self.last_sound: Any = None
        self.last_picture: Any = None

    def receive(self, frame: Any) -> None:
        self.last_sound = frame

    def emit(self) -> Any:
        sound, self.last_sound = self.last_sound, None
        return sound

    def video_receive(self, frame: Any) -> None:
        self.last_picture = frame

    def video_emit(self) -> Any:
        return self.last_picture

    def copy(self) -> Echo:
        return Echo()


@pytest.mark.parametrize("handler", [AsyncEcho(), Echo()])
async def test_sound_and_picture_come_back(handler: Any) -> None:
    """Lost otherwise: a video call with a bot would be deaf, dumb or blind."""
    client = Viewer(handler, BOTH)
    for _ in range(30):
        client.show(halves(BLUE, RED))
        client.say(FRAME)
        await asyncio.sleep(1 / 30)
    await client.hang_up()
    assert client.heard_s > 0.4
    assert len(client.seen) >= 25
    assert {sides_of(picture) for _, picture, _ in client.seen} == {("blue", "red")}


async def test_pictures_and_sound_of_one_moment_stay_together() -> None:
    """Lost otherwise: lips would move before or after their words."""

    class Clapper(AsyncAudioVideoStreamHandler):
        """Gives a bright picture and a sound at the same moment, once a second."""

        async def receive(self, frame: Any) -> None: ...
        async def video_receive(self, frame: Any) -> None: ...

        async def emit(self) -> Any:
            await asyncio.sleep(1)
            return 24_000, tone(0.02)

        async def video_emit(self) -> Any:
            await asyncio.sleep(1)
            return plain(GREEN)

        def copy(self) -> Clapper:
            return Clapper()

    client = Viewer(Clapper(), BOTH)
    heard: list[float] = []
    take = client.session.playout.next_frame

    async def noted() -> Any:
        frame = await take()
        heard.append(asyncio.get_running_loop().time())
        return frame

    client.session.playout.next_frame = noted  # type: ignore[method-assign]
    await asyncio.sleep(5.5)
    await client.hang_up()
    seen = [time_s for _, _, time_s in client.seen]
    # The listener's first wait began before the method was replaced.
    assert seen[-4:] == pytest.approx(heard[-4:], abs=0.045)


async def test_video_emit_is_paced_by_fps() -> None:
    """Lost otherwise: a handler that always has a picture would burn a core."""

    class Painter(AsyncEcho):
        asked = 0

        async def video_emit(self) -> Any:
            Painter.asked += 1
            return plain(GREEN)

        def copy(self) -> Painter:
            return Painter()

    client = Viewer(Painter(), BOTH)
    await asyncio.sleep(2)
    await client.hang_up()
    assert len(client.seen) == pytest.approx(2 * 30 / 0.9, abs=4)
    assert Painter.asked <= len(client.seen) + 4


async def test_none_is_asked_for_again_a_frame_later() -> None:
    """Lost otherwise: a handler without a picture would be polled without a pause."""

    class Blank(AsyncEcho):
        asked = 0

        async def video_emit(self) -> Any:
            Blank.asked += 1

        def copy(self) -> Blank:
            return Blank()

    client = Viewer(Blank(), BOTH)
    await asyncio.sleep(1)
    await client.hang_up()
    assert Blank.asked == pytest.approx(30, abs=2)


@pytest.mark.parametrize("mode", ["send", "receive", "send-receive"])
async def test_outputs_and_the_end_come_in_every_mode(mode: Any) -> None:
    """Lost otherwise: a one-way audio-video app could tell nothing, and not end."""

    class Brief(AsyncEcho):
        count = 0

        async def video_emit(self) -> Any:
            self.count += 1
            if self.count == 3:
                return CloseStream("done")
            return plain(GREEN), AdditionalOutputs(self.count)

        def copy(self) -> Brief:
            return Brief()

    client = Viewer(Brief(), Media("audio-video", mode))
    await client.closed()
    assert len(client.of("fetch_output")) == 2
    assert client.of("end_stream") == ["done"]
    await client.hang_up()


async def test_color_rgb_holds_both_ways() -> None:
    """Lost otherwise: half of all models would see and paint blue faces."""

    class Rgb(AsyncEcho):
        color = "rgb"

        async def video_receive(self, frame: Any) -> None:
            assert frame[20, 20].argmax() == 0
            self.pictures.put_nowait(frame)

        def copy(self) -> Rgb:
            return Rgb()

    client = Viewer(Rgb(), BOTH)
    await client.film([plain(RED)] * 3)
    await client.hang_up()
    assert client.colors == ["red"] * 3
    assert client.session.user_errors == 0


@pytest.mark.parametrize("where", ["video_receive", "video_emit"])
async def test_errors_are_told_and_cost_one_picture(where: str) -> None:
    """Lost otherwise: one bad picture would end the sound as well."""

    class Broken(AsyncEcho):
        count = 0

        async def _maybe_fail(self, place: str) -> None:
            if place != where:
                return
            self.count += 1
            if self.count % 10 == 5:
                raise ValueError("bad picture")

        async def video_receive(self, frame: Any) -> None:
            await self._maybe_fail("video_receive")
            await super().video_receive(frame)

        async def video_emit(self) -> Any:
            picture = await super().video_emit()
            await self._maybe_fail("video_emit")
            return picture

        def copy(self) -> Broken:
            return Broken()

    client = Viewer(Broken(), BOTH)
    await client.film([plain(RED)] * 30)
    assert len(client.seen) == 27
    assert client.session.user_errors == 3
    assert where in client.of("error")[0]
    await client.hang_up()


async def test_a_video_emit_that_always_fails_ends_the_session() -> None:
    """Lost otherwise: a broken handler would hold its slot for hours."""

    class Broken(AsyncEcho):
        async def video_emit(self) -> Any:
            raise ValueError("no picture")

        def copy(self) -> Broken:
            return Broken()

    client = Viewer(Broken(), BOTH)
    await client.closed()
    assert client.session.user_errors == EMIT_ERRORS_IN_A_ROW
    assert "keeps failing" in client.of("end_stream")[0]
    await client.hang_up()


async def test_a_slow_video_receive_gets_new_pictures() -> None:
    """Lost otherwise: a vision model would describe what was seconds ago."""
    lags: list[float] = []

    class Slow(AsyncEcho):
        async def video_receive(self, frame: Any) -> None:
            number = int(np.rint(frame[20, 20].mean() / 2))
            lags.append(asyncio.get_running_loop().time() - number / 30)
            await asyncio.sleep(0.1)

        def copy(self) -> Slow:
            return Slow()

    client = Viewer(Slow(), BOTH)
    await client.film([plain((2 * n, 2 * n, 2 * n)) for n in range(90)])
    await client.hang_up()
    assert max(lags) < 0.65


async def test_the_sound_goes_on_beside_a_slow_picture() -> None:
    """Lost otherwise: a slow vision model would make the voice stutter."""

    class Slow(AsyncEcho):
        async def video_receive(self, frame: Any) -> None:
            await asyncio.sleep(0.5)

        def copy(self) -> Slow:
            return Slow()

    client = Viewer(Slow(), BOTH)
    for _ in range(100):
        client.show(plain(RED))
        client.say(FRAME)
        await asyncio.sleep(0.02)
    await client.hang_up()
    assert client.heard_s == pytest.approx(2, abs=0.1)

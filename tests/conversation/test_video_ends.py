"""How functions and generators of pictures end, whatever they are doing then."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from fastrtc import (
    AdditionalOutputs,
    AsyncAudioVideoStreamHandler,
    AudioVideoStreamHandler,
    CloseStream,
)
from fastrtc.handlers.adapt import as_handler
from fastrtc.handlers.threads import threads
from fastrtc.media import Media
from fastrtc.options import EMIT_ERRORS_IN_A_ROW, VIDEO_ERRORS_IN_A_ROW
from fastrtc.session import SessionTable
from tests.support.handlers import tone
from tests.support.pictures import BLUE, GREEN, Viewer, plain
from tests.support.sessions import Transport

pytestmark = pytest.mark.virtual_time

BOTH_WAYS = Media("video", "send-receive")
RADIO = Media("audio", "receive")
FILM = Media("video", "receive")


async def test_a_generator_of_a_picture_is_closed_where_it_was_driven() -> None:
    """Lost otherwise: a client of a model service would be closed by another task."""
    drivers: list[Any] = []

    async def reply(frame: Any) -> AsyncIterator[Any]:
        drivers.append(asyncio.current_task())
        try:
            yield frame, CloseStream("enough")
            yield frame
        finally:
            drivers.append(asyncio.current_task())

    viewer = Viewer(reply, BOTH_WAYS)
    viewer.show(plain(BLUE))
    await viewer.closed()
    opened, closed = drivers
    assert opened is closed
    await viewer.hang_up()


class Reader:
    """Waits for a model's answers in a queue that nobody fills."""

    def __init__(self) -> None:
        self.answers: queue.Queue[Any] = queue.Queue()
        self.waiting = threading.Event()
        self.ended = threading.Event()

    def answer(self, frame: Any) -> Any:
        try:
            self.waiting.set()
            return self.answers.get()
        finally:
            self.ended.set()


async def test_a_method_that_waits_in_its_queue_ends_with_the_session() -> None:
    """Lost otherwise: each hang-up would leave a thread for ever."""
    reader = Reader()
    viewer = Viewer(reader.answer, BOTH_WAYS)
    viewer.show(plain(BLUE))
    await threads.run(reader.waiting.wait)
    await viewer.hang_up()
    assert reader.ended.wait(5)


async def test_nothing_is_asked_of_a_generator_after_its_farewell() -> None:
    """Lost otherwise: code after CloseStream would run, and its values be dropped."""
    asked: list[str] = []

    def radio() -> Iterator[Any]:
        yield 24_000, tone(0.1)
        yield CloseStream("the end")
        asked.append("more")
        yield 24_000, tone(0.1)

    def film() -> Iterator[Any]:
        yield plain(GREEN)
        yield CloseStream("the end")
        asked.append("more")
        yield plain(GREEN)

    for function, media in ((radio, RADIO), (film, FILM)):
        viewer = Viewer(function, media)
        await viewer.closed()
        assert viewer.of("end_stream") == ["the end"]
        await viewer.hang_up()
    assert asked == []


async def test_a_generator_whose_own_task_was_cancelled_ends_the_call() -> None:
    """Lost otherwise: the page would wait for ever for a radio that is dead."""

    async def radio() -> AsyncIterator[Any]:
        yield 24_000, tone(0.1)
        task = asyncio.ensure_future(asyncio.sleep(10))
        task.cancel()
        await task

    viewer = Viewer(radio, RADIO)
    await asyncio.wait_for(viewer.closed(), 20)
    assert viewer.session.user_errors == 1
    assert viewer.of("error")
    await viewer.hang_up()


class Painted(AsyncAudioVideoStreamHandler):
    """An old program that has a colour of its own."""

    def __init__(self, color: Any) -> None:
        super().__init__()
        self.color = color
        self.pictures: asyncio.Queue[Any] = asyncio.Queue()

    async def receive(self, frame: Any) -> None: ...
    async def emit(self) -> Any: ...

    async def video_receive(self, frame: Any) -> None:
        self.pictures.put_nowait(frame)

    async def video_emit(self) -> Any:
        return await self.pictures.get()

    def copy(self) -> Any:
        return Painted(self.color)


@pytest.mark.parametrize("color", ["blue", (255, 0, 0), [1], None, "bgr", "rgb"])
async def test_a_color_of_the_handlers_own_harms_nothing(color: Any) -> None:
    """Lost otherwise: old programs with an attribute of that name would fail."""
    viewer = Viewer(Painted(color), Media("audio-video"))
    await viewer.film([plain(BLUE)] * 5)
    await asyncio.sleep(0.5)
    assert set(viewer.colors) == {"blue"}
    assert viewer.session.user_errors == 0
    await viewer.hang_up()


# -- what is counted, and what is not --------------------------------------------------


async def test_errors_between_good_pictures_do_not_add_up() -> None:
    """Lost otherwise: one bad picture in ten would end every call after a while."""
    count = 0

    def fragile(frame: Any) -> Any:
        nonlocal count
        count += 1
        if count % 10:
            return frame
        raise ValueError(f"picture {count}")

    viewer = Viewer(fragile, BOTH_WAYS)
    await viewer.film([plain(BLUE)] * 10 * (VIDEO_ERRORS_IN_A_ROW + 2))
    assert viewer.session.user_errors > VIDEO_ERRORS_IN_A_ROW
    assert viewer.session.state == "connected"
    await viewer.hang_up()


async def test_more_inputs_than_the_function_takes() -> None:
    """Lost otherwise: a component more on the page would break the function."""
    got: list[Any] = []

    def one(frame: Any, first: Any) -> Any:
        got.append(first)
        return frame

    viewer = Viewer(one, BOTH_WAYS, defaults=lambda: [1, 2, 3])
    await viewer.film([plain(BLUE)] * 3)
    assert set(got) == {1}
    assert viewer.session.user_errors == 0
    await viewer.hang_up()


@pytest.mark.parametrize("media", [RADIO, FILM])
async def test_a_generator_without_inputs_on_a_page_with_some(media: Media) -> None:
    """Lost otherwise: it would be called with values that it does not take."""
    value: Any = (24_000, tone(0.1)) if media is RADIO else plain(GREEN)

    def play() -> Iterator[Any]:
        yield value

    viewer = Viewer(play, media, defaults=lambda: [1, 2])
    await viewer.closed()
    assert viewer.session.user_errors == 0
    assert viewer.heard_s or viewer.colors == ["green"]
    await viewer.hang_up()


async def test_a_generator_waits_for_what_its_page_has_announced() -> None:
    """Lost otherwise: the first film would be made with defaults, not with choices."""
    got: list[Any] = []

    def play(choice: Any = "default") -> Iterator[Any]:
        got.append(choice)
        yield 24_000, tone(0.1)

    handler = as_handler(play, RADIO)
    table = SessionTable(lambda: handler, media=RADIO, defaults=lambda: ["untouched"])
    session = table.open("me", inputs_announced=True)
    session.start(Transport())
    session.connected(None, ())
    await asyncio.sleep(0.5)
    assert got == []
    session.set_input("chosen")
    await asyncio.sleep(0.5)
    assert got == ["chosen"]
    await session.close()


async def test_a_generator_that_never_waits_leaves_the_loop_to_others() -> None:
    """Lost otherwise: one user's generator would silence all the others."""
    turns = 0
    most = 0

    async def tell() -> AsyncIterator[Any]:
        nonlocal most
        last = turns
        for number in range(200):
            yield AdditionalOutputs(number)
            most += turns > last
            last = turns

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(others())
    viewer = Viewer(tell, RADIO)
    log = viewer.session.outputs
    reading = asyncio.ensure_future(_count(log))
    await viewer.closed()
    other.cancel()
    assert await reading == 200
    assert most == 200
    await viewer.hang_up()


async def _count(log: Any) -> int:
    return len([item async for item in log.follow()])


# -- handlers of sound and pictures ----------------------------------------------------


class Eyes(AudioVideoStreamHandler):
    """An ordinary handler, its methods given by the test."""

    def __init__(self, look: Any = None, show: Any = None) -> None:
        super().__init__()
        self.look, self.show = look, show
        self.seen: queue.Queue[Any] = queue.Queue(1)

    def receive(self, frame: Any) -> None: ...
    def emit(self) -> Any: ...

    def video_receive(self, frame: Any) -> Any:
        return self.look(self, frame) if self.look else None

    def video_emit(self) -> Any:
        return self.show(self) if self.show else None

    def copy(self) -> Any:
        return Eyes(self.look, self.show)


async def test_a_coroutine_that_video_receive_returns_is_awaited() -> None:
    """Lost otherwise: a wrapped async method would never run."""
    seen: list[Any] = []

    async def look(handler: Eyes, frame: Any) -> None:
        await asyncio.sleep(0)
        seen.append(frame.shape)

    viewer = Viewer(Eyes(look), Media("audio-video"))
    await viewer.film([plain(BLUE)] * 3)
    await asyncio.sleep(0.1)
    assert seen
    assert viewer.session.user_errors == 0
    await viewer.hang_up()


async def test_video_receive_that_waits_for_room_ends_with_the_session() -> None:
    """Lost otherwise: each hang-up would leave a thread for ever."""
    ended = threading.Event()
    full = threading.Event()

    def look(handler: Eyes, frame: Any) -> None:
        try:
            if handler.seen.full():
                full.set()
            handler.seen.put(frame)
        except BaseException:
            ended.set()
            raise

    viewer = Viewer(Eyes(look), Media("audio-video"))
    viewer.show(plain(BLUE))
    viewer.show(plain(BLUE))
    await threads.run(full.wait)
    await viewer.hang_up()
    assert ended.wait(5)


async def test_errors_of_video_emit_between_pictures_do_not_add_up() -> None:
    """Lost otherwise: a handler that stumbles now and then would end the call."""
    count = 0

    def show(handler: Eyes) -> Any:
        nonlocal count
        count += 1
        if count % 2:
            raise ValueError(f"picture {count}")
        return plain(GREEN)

    viewer = Viewer(Eyes(show=show), Media("audio-video"))
    await asyncio.sleep(3)
    assert viewer.session.user_errors > EMIT_ERRORS_IN_A_ROW
    assert viewer.session.state == "connected"
    await viewer.hang_up()


class Waiting(Painted):
    """Its video_emit waits for pictures as wait_for_item does."""

    async def video_emit(self) -> Any:
        self.asked = [*getattr(self, "asked", ()), self.loop.time()]
        await asyncio.sleep(0.1)

    def copy(self) -> Any:
        return Waiting("bgr")


async def test_a_video_emit_that_has_waited_is_asked_again_at_once() -> None:
    """Lost otherwise: each picture would be up to a frame's time later."""
    viewer = Viewer(Waiting("bgr"), Media("audio-video"))
    await asyncio.sleep(1.05)
    handler: Any = viewer.session.handler
    assert len(handler.asked) == 11
    await viewer.hang_up()

"""Receive mode: generators play to the client at the pace of real time."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AdditionalOutputs,
    CloseStream,
    StreamHandler,
    VideoStreamHandler,
    WebRTCError,
)
from fastrtc.media import Media
from tests.support.handlers import tone
from tests.support.pictures import BLUE, GREEN, RED, Viewer, plain

pytestmark = pytest.mark.virtual_time

RADIO = Media("audio", "receive")
FILM = Media("video", "receive")
SECOND = (24_000, tone(1.0))


def three_seconds() -> Iterator[Any]:
    for _ in range(3):
        yield SECOND


async def three_seconds_async() -> AsyncIterator[Any]:
    for _ in range(3):
        yield SECOND


def returned() -> Iterator[Any]:
    return three_seconds()


class Player:
    def __call__(self) -> Iterator[Any]:
        yield from three_seconds()

    def method(self) -> Iterator[Any]:
        yield from three_seconds()


def repeat(count: int, audio: Any) -> Iterator[Any]:
    for _ in range(count):
        yield audio


@pytest.mark.parametrize(
    "handler",
    [
        three_seconds,
        three_seconds_async,
        returned,
        Player(),
        Player().method,
        partial(repeat, 3, SECOND),
    ],
)
async def test_every_kind_of_generator_is_heard_to_its_end(handler: Any) -> None:
    """Lost otherwise: a player would run with some ways to write it only."""
    client = Viewer(handler, RADIO)
    await client.closed()
    assert client.heard_s == pytest.approx(3, abs=0.05)
    assert asyncio.get_running_loop().time() == pytest.approx(3, abs=0.2)
    assert client.of("end_stream") == [""]
    await client.hang_up()


async def test_a_generator_runs_little_ahead_of_what_is_heard() -> None:
    """Lost otherwise: a whole radio programme would be computed at once."""
    made = 0

    def radio() -> Iterator[Any]:
        nonlocal made
        while True:
            made += 1
            yield 24_000, tone(0.1)

    client = Viewer(radio, RADIO)
    await asyncio.sleep(5)
    assert made / 10 == pytest.approx(client.heard_s + 1, abs=0.3)
    await client.hang_up()


async def test_a_hang_up_closes_the_generator() -> None:
    """Lost otherwise: a file or a connection would stay open after each listener."""
    closed: list[bool] = []

    def radio() -> Iterator[Any]:
        try:
            while True:
                yield SECOND
        finally:
            closed.append(True)

    client = Viewer(radio, RADIO)
    await asyncio.sleep(2)
    await client.hang_up()
    assert closed == [True]


async def test_a_hang_up_ends_a_generator_that_is_blocked() -> None:
    """Lost otherwise: each listener of a silent source would leave a thread."""
    source: queue.Queue[Any] = queue.Queue()

    def radio() -> Iterator[Any]:
        while True:
            yield source.get()

    client = Viewer(radio, RADIO)
    await asyncio.sleep(0.5)
    await client.hang_up()
    # What it waits for is nobody's attribute, so only a value can wake it.
    source.put(None)


def speaker(seconds: int, hz: int = 440) -> Iterator[Any]:
    for _ in range(seconds):
        yield 24_000, tone(1.0, hz=hz)


async def test_inputs_are_the_generators_arguments() -> None:
    """Lost otherwise: a player could not be told what to play."""
    client = Viewer(speaker, RADIO, defaults=lambda: [2, 220])
    await client.closed()
    assert client.heard_s == pytest.approx(2, abs=0.05)
    await client.hang_up()


async def test_without_a_default_the_inputs_are_waited_for() -> None:
    """Lost otherwise: a mounted player would fail before set_input could come."""
    client = Viewer(speaker, RADIO)
    await asyncio.sleep(1)
    assert client.of("send_input")
    client.session.set_input(1)
    await client.closed()
    assert client.heard_s == pytest.approx(1, abs=0.05)
    await client.hang_up()


async def test_inputs_that_never_come_are_told() -> None:
    """Lost otherwise: a player without its inputs would wait in silence for ever."""
    client = Viewer(speaker, RADIO)
    await client.closed()
    assert client.of("error")
    assert client.session.user_errors == 1
    await client.hang_up()


async def test_a_generator_that_raises_ends_after_what_it_gave() -> None:
    """Lost otherwise: an error would cut off what was on its way, or hang the page."""

    def broken() -> Iterator[Any]:
        yield SECOND
        raise WebRTCError("the file is broken")

    client = Viewer(broken, RADIO)
    await client.closed()
    assert client.heard_s == pytest.approx(1, abs=0.05)
    assert client.of("error") == ["the file is broken"]
    await client.hang_up()


async def test_outputs_and_the_end_come_in_their_order() -> None:
    """Lost otherwise: titles would show before their song, or after the end."""

    def radio() -> Iterator[Any]:
        yield AdditionalOutputs("first")
        yield SECOND, AdditionalOutputs("second")
        yield CloseStream("good night")
        yield SECOND

    client = Viewer(radio, RADIO)
    await client.closed()
    log = client.session.outputs
    taken = [item.args[0] for item in iter(partial(log.take, "me"), None) if item]
    assert taken == ["first", "second"]
    assert client.of("end_stream") == ["good night"]
    assert client.heard_s == pytest.approx(1, abs=0.05)
    await client.hang_up()


async def test_a_generator_without_an_end_must_not_spin() -> None:
    """Lost otherwise: one that only yields None would stop every other session."""

    async def nothing() -> AsyncIterator[Any]:
        while True:
            await asyncio.sleep(0.1)
            yield None

    client = Viewer(nothing, RADIO)
    await asyncio.sleep(1)
    await client.hang_up()


async def test_stream_handlers_play_too() -> None:
    """Lost otherwise: a handler with emit could not be used to receive only."""

    class Siren(StreamHandler):
        def receive(self, frame: Any) -> None:
            raise AssertionError("nobody sends")

        def emit(self) -> Any:
            return 24_000, tone(0.02)

        def copy(self) -> StreamHandler:
            return Siren()

    client = Viewer(Siren(), RADIO)
    await asyncio.sleep(2)
    assert client.heard_s == pytest.approx(2, abs=0.1)
    await client.hang_up()


# -- video -----------------------------------------------------------------------------


def film(pictures: Any) -> Callable[[], Iterator[Any]]:
    def play() -> Iterator[Any]:
        yield from pictures

    return play


@pytest.mark.parametrize("fps", [10, 30])
async def test_a_film_plays_at_its_own_pace(fps: int) -> None:
    """Lost otherwise: a film would be over as fast as it can be decoded."""
    pictures = [plain(RED), plain(GREEN), plain(BLUE)] * 5
    client = Viewer(VideoStreamHandler(film(pictures), fps=fps), FILM)
    await client.closed()
    assert client.colors == ["red", "green", "blue"] * 5
    times = [shown_s for shown_s, _, _ in client.seen]
    assert np.diff(times) == pytest.approx(1 / fps, abs=0.002)
    assert [time_s for _, _, time_s in client.seen] == pytest.approx(times, abs=0.002)
    await client.hang_up()


async def test_a_late_picture_delays_those_behind_it() -> None:
    """Lost otherwise: after a stall a film would rush to catch up."""

    async def stalling() -> AsyncIterator[Any]:
        for number in range(6):
            if number == 3:
                await asyncio.sleep(1)
            yield plain(RED)

    client = Viewer(stalling, FILM)
    await client.closed()
    gaps = np.diff([shown_s for shown_s, _, _ in client.seen])
    assert gaps.max() > 0.9
    assert gaps[-1] == pytest.approx(1 / 30, abs=0.002)
    await client.hang_up()


async def test_the_generator_of_a_film_waits_for_its_screen() -> None:
    """Lost otherwise: every picture of a long film would be in memory."""
    made = 0

    def endless() -> Iterator[Any]:
        nonlocal made
        while True:
            made += 1
            yield plain(RED)

    client = Viewer(endless, FILM)
    await asyncio.sleep(2)
    assert made <= len(client.seen) + 4
    await client.hang_up()


async def test_a_wrong_picture_ends_the_film_with_a_word() -> None:
    """Lost otherwise: the screen would stay black and nobody would know why."""
    client = Viewer(film([plain(RED), "no picture", plain(RED)]), FILM)
    await client.closed()
    assert client.colors == ["red"]
    assert len(client.of("error")) == 1
    await client.hang_up()


async def test_outputs_of_a_film() -> None:
    """Lost otherwise: subtitles could not go with the pictures."""
    client = Viewer(
        film([(plain(RED), AdditionalOutputs(1)), CloseStream("end")]), FILM
    )
    await client.closed()
    assert client.session.outputs.take("me") is not None
    assert client.of("end_stream") == ["end"]
    assert client.colors == ["red"]
    await client.hang_up()

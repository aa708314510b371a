"""Models and reply functions that misbehave: one clear error, and the call goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import ReplyOnPause
from fastrtc.options import CLOSE_GRACE_S, VAD_TIMEOUT_S
from fastrtc.testing import Conversation, LoudnessModel, speech
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time

VOICE = (24_000, tone(0.5))


class Judge:
    """A user's voice detector that first does something else."""

    def __init__(self, first: Callable[[], Any]) -> None:
        self._first = first
        self._loud = LoudnessModel()

    def vad(self, audio: Any, options: Any) -> Any:
        odd = self._first()
        return self._loud.vad(audio, options) if odd is None else odd

    def warmup(self) -> None:
        return None


def answer(audio: Any) -> Iterator[Any]:
    yield VOICE


# -- voice detectors -------------------------------------------------------------------


async def test_a_detector_that_hangs_ends_the_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: one stuck call of a model would silence the bot for good."""
    hang, free = threading.Event(), threading.Event()

    def wait() -> None:
        if hang.is_set():
            free.wait()

    async with Conversation(ReplyOnPause(answer, model=Judge(wait))) as talk:
        handler: Any = talk.client.session.handler
        talk.say(speech(20.0), at_s=1)
        await talk.message("log", "started_talking", within_s=4)
        hang.set()
        await talk.message("error", within_s=VAD_TIMEOUT_S + 2)
        assert "Judge.vad() took over 5 s" in caplog.text
        # What it did not hear was no speech, so the turn ends, if late.
        await talk.message("log", "pause_detected", within_s=6 * VAD_TIMEOUT_S)
        hang.clear()
        free.set()
        await talk.wait_for(lambda: not handler.state.responding, "an end", 10)
        await talk.until(talk.now_s + 3)
        said = talk.say(speech(1.0))
        await talk.bot_starts(within_s=4)
        assert talk.now_s > said.end_s


@pytest.mark.parametrize(
    "nonsense", [(), (1.0,), ("much", []), (1.0, [{"start": 0}]), 7]
)
async def test_a_detector_that_gives_nonsense_is_told(nonsense: Any) -> None:
    """Lost otherwise: a wrong model would be hard to find."""
    model = Judge(lambda: nonsense)
    async with Conversation(ReplyOnPause(answer, model=model)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("error", within_s=3)
        await talk.bot_is_silent(for_s=3)
        assert not talk.ended


# -- reply functions -------------------------------------------------------------------


def bot(fn: Any) -> ReplyOnPause:
    return ReplyOnPause(fn, model=LoudnessModel())


async def test_a_generator_that_ignores_its_close_is_not_heard_again() -> None:
    """Lost otherwise: an interrupted bot would talk on."""
    turns: list[int] = []

    def stubborn(audio: Any) -> Iterator[Any]:
        turns.append(1)
        if len(turns) > 1:
            yield VOICE
            return
        while len(turns) == 1:
            try:
                yield 24_000, tone(2.0, hz=440)
            except GeneratorExit:
                yield 24_000, tone(2.0, hz=440)

    async with Conversation(bot(stubborn)) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        said = talk.say(speech(1.0), at_s=started_s + 1)
        await talk.until(said.start_s)
        await talk.bot_stops(within_s=0.3)
        again_s = await talk.bot_starts(within_s=3)
        assert again_s > said.end_s
        await talk.until(again_s + 3)
        assert talk.bot_spoke_s(again_s) == pytest.approx(0.5, abs=0.05)


async def test_an_async_generator_that_swallows_its_end_is_left() -> None:
    """Lost otherwise: one such function would keep its call from ending."""

    async def stubborn(audio: Any) -> AsyncIterator[Any]:
        for _ in range(5):
            try:
                await asyncio.sleep(0.4)
            except asyncio.CancelledError:
                continue
            yield VOICE

    async with Conversation(bot(stubborn)) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        talk.say(speech(1.0), at_s=started_s)
        await talk.until(started_s + 0.5)
        before_s = talk.now_s
    assert talk.now_s - before_s <= 3 * CLOSE_GRACE_S


@pytest.mark.parametrize(
    ("value", "heard"),
    [
        ((24_000, np.zeros((1, 0), np.int16)), False),
        ((24_000, np.zeros((1, 4800), np.int16)), False),
        ((24_000, np.full((1, 4800), np.nan, np.float32)), False),
        ((24_000, np.full((1, 12_000), np.inf, np.float32)), True),
        ((24_000, np.full((1, 12_000), 9.0, np.float32)), True),
        ((24_000, np.zeros((1, 4800), np.float64)), None),
        ((24_000, np.zeros((3, 4800), np.int16)), None),
        ((0, np.zeros((1, 4800), np.int16)), None),
        ((24_000.5, np.zeros((1, 4800), np.int16)), None),
        ((24_000, [0, 1, 2]), None),
        ("hello", None),
    ],
)
async def test_strange_values_of_a_reply(value: Any, heard: bool | None) -> None:
    """Lost otherwise: one bad value would end the call, or deafen the user.

    `heard` is None where it is an error.
    """
    values = iter([value, VOICE])

    def reply(audio: Any) -> Iterator[Any]:
        yield next(values)

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(4)
        errors = [message for message in talk.messages if message.type == "error"]
        assert len(errors) == (1 if heard is None else 0)
        assert (talk.bot_spoke_s() > 0) == bool(heard)
        talk.say(speech(1.0), at_s=5)
        await talk.bot_starts(within_s=4)

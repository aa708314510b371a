"""Replies that are begun before the turn is over, and heard only after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import AdditionalOutputs, AlgoOptions, ReplyOnPause
from fastrtc.testing import Conversation, LoudnessModel, speech
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time

VOICE = (24_000, tone(0.5))


def bot(fn: Any, **options: Any) -> ReplyOnPause:
    algo = AlgoOptions(preemptive_after_ms=60, **options)
    return ReplyOnPause(fn, model=LoudnessModel(), algo_options=algo)


class Slow:
    """Needs 400 ms for its first word."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, audio: Any) -> AsyncIterator[Any]:
        self.events.append("asked")
        try:
            await asyncio.sleep(0.4)
            yield AdditionalOutputs("thought")
            yield VOICE
            yield VOICE
            self.events.append("done")
        except (asyncio.CancelledError, GeneratorExit):
            self.events.append("closed")
            raise


async def test_the_thinking_is_done_while_the_pause_lasts() -> None:
    """Lost otherwise: a slow model would be waited for after the pause as well."""
    slow = Slow()
    async with Conversation(bot(slow)) as talk:
        said = talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert started_s - said.end_s <= 0.56
        await talk.until(5)
        assert talk.bot_spoke_s() == pytest.approx(1.0, abs=0.03)
    assert slow.events == ["asked", "done"]


async def test_nothing_is_heard_or_told_before_the_turn_is_over() -> None:
    """Lost otherwise: the bot would talk into the user's sentence."""
    options = {"min_silence_ms": 1500.0}
    async with Conversation(bot(Slow(), **options)) as talk:
        said = talk.say(speech(1.0), at_s=1)
        await talk.until(said.end_s + 1.4)
        assert talk.bot_spoke_s() == 0
        kinds = {(m.type, m.data if m.type == "log" else None) for m in talk.messages}
        assert kinds == {("log", "started_talking")}
        started_s = await talk.bot_starts(within_s=1)
        assert started_s - said.end_s == pytest.approx(1.5, abs=0.08)
        await talk.message("fetch_output", within_s=1)
        logs = [m.data for m in talk.messages if m.type == "log"]
        assert logs == ["started_talking", "pause_detected", "response_starting"]


async def test_going_on_discards_the_reply() -> None:
    """Lost otherwise: the bot would answer half a question, then the whole one."""
    slow = Slow()
    got: list[float] = []

    async def reply(audio: Any) -> AsyncIterator[Any]:
        got.append(np.count_nonzero(audio[1]) / audio[0])
        async for value in slow(audio):
            yield value

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        said = talk.say(speech(1.0), at_s=2.3)
        await talk.until(said.end_s)
        assert slow.events == ["asked", "closed"]
        started_s = await talk.bot_starts(within_s=4)
        assert started_s - said.end_s <= 0.56
        await talk.until(7)
        assert talk.bot_spoke_s() == pytest.approx(1.0, abs=0.03)
    assert slow.events == ["asked", "closed", "asked", "done"]
    # The second time it gets all of the turn.
    assert got == pytest.approx([1.0, 2.0], abs=0.05)


async def test_a_sync_reply_is_discarded_too() -> None:
    """Lost otherwise: a reply in a thread would be heard after all."""
    closed: list[bool] = []

    def reply(audio: Any) -> Iterator[Any]:
        try:
            for _ in range(200):
                yield VOICE
        finally:
            closed.append(True)

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        said = talk.say(speech(1.0), at_s=2.3)
        await talk.until(said.end_s + 0.4)
        assert closed == [True]
        assert talk.bot_spoke_s() == 0
        await talk.bot_starts(within_s=2)


async def test_a_long_reply_is_played_in_order() -> None:
    """Lost otherwise: what was held back would be mixed with what follows."""
    hz = [300 + 100 * n for n in range(20)]

    async def reply(audio: Any) -> AsyncIterator[Any]:
        for value in hz:
            yield 24_000, tone(0.2, hz=value)
            await asyncio.sleep(0.05)

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(9)
        heard = talk.bot_audio()[0]
    start = int(np.flatnonzero(np.abs(heard) > 50)[0]) // 480 * 480
    parts = heard[start : start + 20 * 4800].reshape(20, 4800)
    found = [5 * int(np.abs(np.fft.rfft(part)).argmax()) for part in parts]
    assert found == hz


async def test_an_endless_early_reply_waits() -> None:
    """Lost otherwise: a reply nobody hears could fill the memory."""
    count = 0

    async def reply(audio: Any) -> AsyncIterator[Any]:
        nonlocal count
        while True:
            count += 1
            yield 24_000, tone(1.0)

    async with Conversation(bot(reply, min_silence_ms=60_000.0)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(20)
        assert count == 30
        assert talk.bot_spoke_s() == 0
    assert not talk.client.session._tasks


async def test_an_error_of_an_early_reply_is_told() -> None:
    """Lost otherwise: a broken reply function would fail in silence."""

    def reply(audio: Any) -> Iterator[Any]:
        raise ZeroDivisionError
        yield VOICE

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("error", within_s=3)
        talk.say(speech(1.0), at_s=4)
        await talk.message("error", within_s=5, after_s=4)

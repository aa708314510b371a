"""The end-of-turn model in conversation: asked at pauses, believed, and survived."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastrtc import AlgoOptions, ReplyOnPause, SilenceOnly
from fastrtc.handlers import asking
from fastrtc.options import END_OF_TURN_TIMEOUT_S
from fastrtc.testing import Conversation, LoudnessModel, speech
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time

VOICE = (24_000, tone(0.5))


class Opinion:
    """An end-of-turn model that says what it is told to."""

    def __init__(self, say: Callable[[int], float]) -> None:
        self._say = say
        self.asked: list[Any] = []
        self.threads: set[str] = set()

    def end_of_turn(self, audio: Any) -> float:
        self.asked.append(audio)
        self.threads.add(threading.current_thread().name)
        return self._say(len(self.asked))

    def warmup(self) -> None:
        return None


def bot(fn: Any, model: Any, **options: Any) -> ReplyOnPause:
    return ReplyOnPause(fn, model=LoudnessModel(), end_of_turn_model=model, **options)


def answer(audio: Any) -> Iterator[Any]:
    yield VOICE


async def test_a_finished_turn_is_answered_early() -> None:
    """Lost otherwise: the user would wait longer than between people."""
    model = Opinion(lambda count: 0.9)
    async with Conversation(bot(answer, model)) as talk:
        said = talk.say(speech(1.5), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert 0.2 <= started_s - said.end_s <= 0.27
    ((rate_hz, audio),) = model.asked
    assert rate_hz == 16_000
    # Pre-roll, speech and pause.
    assert 1.9 <= audio.shape[1] / rate_hz <= 2.1
    assert model.threads == {"fastrtc-worker"}


async def test_an_unfinished_turn_is_waited_for() -> None:
    """Lost otherwise: the bot would talk into a pause for thought."""
    got: list[Any] = []
    async with Conversation(bot(got.append, Opinion(lambda count: 0.1))) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(1.0), at_s=2.8)
        await talk.until(4.7)
        assert got == []
        await talk.until(7)
    assert len(got) == 1


@pytest.mark.parametrize(("probability", "silence_s"), [(0.71, 0.2), (0.69, 1.0)])
async def test_a_turn_is_finished_from_a_probability_on(
    probability: float, silence_s: float
) -> None:
    """Lost otherwise: a doubtful model would be believed, or a sure one not."""
    model = Opinion(lambda count: probability)
    async with Conversation(bot(answer, model)) as talk:
        said = talk.say(speech(1.5), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert started_s - said.end_s == pytest.approx(silence_s, abs=0.06)


async def test_only_the_end_of_a_long_turn_is_shown() -> None:
    """Lost otherwise: each pause of a long speech would cost more than the last."""
    model = Opinion(lambda count: 0.9)
    async with Conversation(bot(answer, model)) as talk:
        talk.say(speech(30.0), at_s=1)
        await talk.bot_starts(within_s=40)
    ((rate_hz, audio),) = model.asked
    assert 7.9 <= audio.shape[1] / rate_hz <= 8.2


async def test_what_was_answered_already_is_not_shown() -> None:
    """Lost otherwise: the model would judge the end of a turn by its beginning."""
    model = Opinion(lambda count: 0.9)
    algo = AlgoOptions(max_continuous_speech_s=2.0)
    async with Conversation(bot(answer, model, algo_options=algo)) as talk:
        talk.say(speech(2.6), at_s=1)
        await talk.until(5)
    ((rate_hz, audio),) = model.asked
    assert 0.6 <= audio.shape[1] / rate_hz <= 0.9


async def test_silence_only_asks_nobody() -> None:
    """Lost otherwise: turns could not be left to silence."""
    async with Conversation(bot(answer, SilenceOnly())) as talk:
        said = talk.say(speech(1.5), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert 0.48 <= started_s - said.end_s <= 0.56


@pytest.mark.parametrize("opinion", [float("nan"), None, "yes"])
async def test_nonsense_leaves_it_to_silence(opinion: Any) -> None:
    """Lost otherwise: a broken model would silence the bot."""
    async with Conversation(bot(answer, Opinion(lambda count: opinion))) as talk:
        said = talk.say(speech(1.5), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert 0.48 <= started_s - said.end_s <= 0.56
        assert not talk.ended


async def test_a_failing_model_is_told_once_and_survived(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: the bot would fall silent, or flood the page with errors."""

    def fail(count: int) -> float:
        raise ValueError("secret")

    async with Conversation(bot(answer, Opinion(fail))) as talk:
        for n in range(3):
            talk.say(speech(1.0), at_s=1 + 4 * n)
            await talk.bot_starts(within_s=7)
        errors = [m for m in talk.messages if m.type == "error"]
        assert len(errors) == 3
        assert all("secret" not in message.data for message in errors)
    assert "ValueError: secret" in caplog.text


async def test_a_hanging_model_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    """Lost otherwise: one stuck call would silence the bot, or all bots."""
    go_on = threading.Event()

    def hang(count: int) -> float:
        go_on.wait()
        return 0.9

    model = Opinion(hang)
    async with Conversation(bot(answer, model)) as talk:
        said = talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert 0.48 <= started_s - said.end_s <= 0.56
        # The next pause comes while the first question is still out.
        talk.say(speech(1.0), at_s=3)
        await talk.bot_starts(within_s=4)
        await talk.message("error", within_s=END_OF_TURN_TIMEOUT_S + 3)
        assert "took over 2 s" in caplog.text
        go_on.set()


async def test_an_async_model_is_awaited() -> None:
    """Lost otherwise: a model behind a network would block a thread."""

    class Remote(Opinion):
        async def end_of_turn(self, audio: Any) -> float:  # pyright: ignore
            await asyncio.sleep(0.05)
            return super().end_of_turn(audio)

    model = Remote(lambda count: 0.9)
    async with Conversation(bot(answer, model)) as talk:
        said = talk.say(speech(1.5), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert 0.2 <= started_s - said.end_s <= 0.27


class Gate(Opinion):
    """Asked off the loop of a network, it answers when it is let."""

    def __init__(self) -> None:
        super().__init__(lambda count: 0.9)
        self.open = asyncio.Event()
        self.running = 0
        self.most = 0

    async def end_of_turn(self, audio: Any) -> float:  # pyright: ignore
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.open.wait()
        finally:
            self.running -= 1
        return super().end_of_turn(audio)


async def test_a_session_asks_one_question_at_a_time() -> None:
    """Lost otherwise: who speaks in short bits would keep the model from others."""
    model = Gate()
    async with Conversation(bot(answer, model)) as talk:
        for n in range(4):
            talk.say(speech(0.3), at_s=1 + 0.5 * n)
        await talk.until(2.9)
        assert model.most == 1


async def test_a_question_that_has_become_useless_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lost otherwise: a busy server would compute what nobody waits for."""
    monkeypatch.setattr(asking, "_cores", lambda: 1)
    model = Gate()
    first, second = Conversation(bot(answer, model)), Conversation(bot(answer, model))
    async with first, second:
        first.say(speech(0.5), at_s=1)
        second.say(speech(0.5), at_s=1.1)
        # Goes on before it is this question's turn.
        second.say(speech(0.5), at_s=1.9)
        await first.until(2.2)
        model.open.set()
        await first.until(5)
    assert len(model.asked) == 2


async def test_many_pauses_at_once_do_not_fight_for_the_cores() -> None:
    """Lost otherwise: a busy server would answer nobody in time."""
    running, most = 0, 0
    lock = threading.Lock()

    def count_calls(count: int) -> float:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return 0.9

    model = Opinion(count_calls)
    async with contextlib.AsyncExitStack() as stack:
        talks = [
            await stack.enter_async_context(Conversation(bot(answer, model)))
            for _ in range(12)
        ]
        for talk in talks:
            talk.say(speech(1.0), at_s=1)
        await talks[0].until(4)
        assert all(len(talk.bot_speech()) == 1 for talk in talks)
    assert len(model.asked) == 12
    assert most <= len(os.sched_getaffinity(0))

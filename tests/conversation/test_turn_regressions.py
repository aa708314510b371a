"""Turn taking where things happen at the same time: what once went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import AlgoOptions, ReplyOnPause
from fastrtc.handlers.listening import Listener, Paused
from fastrtc.handlers.replies import ReplyEnded
from fastrtc.options import MAX_TURN_S
from fastrtc.testing import Conversation, LoudnessModel, speech
from fastrtc.turns import BotHeld, TurnDetector
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time

VOICE = (24_000, tone(0.5))
LONG = (24_000, tone(8.0))
EARLY = AlgoOptions(preemptive_after_ms=60)


def bot(fn: Any, **options: Any) -> ReplyOnPause:
    chosen: dict[str, Any] = {"model": LoudnessModel(), **options}
    return ReplyOnPause(fn, **chosen)


def handler_of(talk: Conversation) -> Any:
    return talk.client.session.handler


def loud(array: Any) -> Any:
    """Indices of the samples that are not silence."""
    return np.flatnonzero(np.abs(array) > 50)


# -- the program takes part ----------------------------------------------------------


async def test_reset_ends_the_reply() -> None:
    """Lost otherwise: the old reply would go on, and mix with the next one."""
    ended: list[ReplyEnded] = []
    replies = iter([LONG, VOICE])
    handler = bot(lambda audio: iter([next(replies)]), on_reply_ended=ended.append)
    async with Conversation(handler) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        await talk.until(started_s + 1)
        handler_of(talk).reset()
        await talk.bot_stops(within_s=0.1)
        talk.say(speech(1.0), at_s=talk.now_s + 1)
        second_s = await talk.bot_starts(within_s=4)
        await talk.until(second_s + 2)
        assert talk.bot_spoke_s(second_s) == pytest.approx(0.5, abs=0.03)
    assert [event.interrupted for event in ended] == [True, False]


async def test_reset_forgets_an_early_reply() -> None:
    """Lost otherwise: what is no longer meant would be answered in the next turn."""
    got: list[int] = []

    def reply(audio: Any) -> Iterator[Any]:
        got.append(len(got))
        yield VOICE

    algo = AlgoOptions(preemptive_after_ms=60, min_silence_ms=1000)
    async with Conversation(bot(reply, algo_options=algo)) as talk:
        said = talk.say(speech(1.0), at_s=1)
        await talk.until(said.end_s + 0.5)
        handler_of(talk).reset()
        assert handler_of(talk)._bot._early is None
        await talk.bot_is_silent(for_s=2)


async def test_a_cleared_reply_has_been_heard_so_long() -> None:
    """Lost otherwise: a program would be told of less than nothing."""
    ended: list[ReplyEnded] = []
    handler = bot(lambda audio: iter([LONG]), on_reply_ended=ended.append)
    async with Conversation(handler) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("log", "response_ended", within_s=12)
        talk.say(speech(1.0), at_s=talk.now_s)
        started_s = await talk.bot_starts(within_s=4)
        await talk.until(started_s + 2)
        handler_of(talk).clear_queue()
        await talk.bot_stops(within_s=0.1)
        await talk.until(talk.now_s + 1)
    assert [event.interrupted for event in ended] == [False, True]
    assert ended[1].heard_ms == pytest.approx(2000, abs=50)


async def test_a_late_greeting_does_not_mix_with_a_reply() -> None:
    """Lost otherwise: two voices at once, and a reply that is never said to end."""
    ended: list[ReplyEnded] = []

    class Patient(ReplyOnPause):
        def start_up(self) -> None:
            self.wait_for_args_sync()
            super().start_up()

        def copy(self) -> ReplyOnPause:
            return Patient(
                self.fn,
                self.startup_fn,
                model=self.model,
                on_reply_ended=self.on_reply_ended,
            )

    handler = Patient(
        lambda audio: iter([LONG]),
        lambda: iter([VOICE]),
        model=LoudnessModel(),
        on_reply_ended=ended.append,
    )
    async with Conversation(handler) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=4)
        await talk.until(4)
        talk.client.session.set_input("a name")
        await talk.until(14)
        assert talk.bot_speech()[-1].end_s == pytest.approx(4.5, abs=0.1)
    assert [event.interrupted for event in ended] == [True, False]


async def test_a_triggered_reply_ends_the_users_turn() -> None:
    """Lost otherwise: a page would show the user as speaking for ever."""
    async with Conversation(bot(lambda audio: iter([VOICE]))) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(1.9)
        handler = handler_of(talk)
        assert handler.state.started_talking
        handler.trigger_response()
        assert not handler.state.started_talking


async def test_nothing_is_triggered_after_the_end() -> None:
    """Lost otherwise: an app would be asked, and pay, for a caller who is gone."""
    asked: list[Any] = []
    async with Conversation(bot(asked.append)) as talk:
        await talk.until(1)
        handler = handler_of(talk)
    handler.trigger_response()
    await asyncio.sleep(1)
    assert asked == []
    assert not talk.client.session._tasks


@pytest.mark.parametrize(
    "option",
    [
        "max_silence_ms",
        "ask_after_ms",
        "interrupt_after_ms",
        "hold_after_ms",
        "resume_after_false_interruption_ms",
        "preemptive_after_ms",
        "min_speech_ms",
        "started_talking_threshold",
    ],
)
async def test_an_option_may_be_infinite(option: str) -> None:
    """Lost otherwise: "never" could not be said, or would end in errors."""
    algo = AlgoOptions(**{option: math.inf})
    async with Conversation(bot(lambda a: iter([VOICE]), algo_options=algo)) as talk:
        for at_s in (1, 2.6, 6):
            talk.say(speech(1.0), at_s=at_s)
        await talk.until(6)
        assert await talk.bot_starts(within_s=2) < 8
        assert [m for m in talk.messages if m.type == "error"] == []


def test_endless_patience_takes_no_endless_memory() -> None:
    """Lost otherwise: a bot that answers on demand only would slow down its server."""
    detector = TurnDetector(AlgoOptions(min_silence_ms=math.inf))
    for _ in range(20_000):
        detector.feed(32, 0.0)
    assert len(detector._heard._history) <= 1000 * MAX_TURN_S / 32 + 1


# -- early replies ---------------------------------------------------------------------


async def test_no_early_reply_to_the_silence_after_a_cut() -> None:
    """Lost otherwise: a function would be called, and paid for, for nothing."""
    asked: list[Any] = []
    algo = AlgoOptions(preemptive_after_ms=60, max_continuous_speech_s=1.0)
    async with Conversation(bot(asked.append, algo_options=algo)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(4)
    assert len(asked) == 1


async def test_an_early_reply_leaves_the_one_that_is_heard_alone() -> None:
    """Lost otherwise: a reply to the first part of a long turn would crackle."""
    algo = AlgoOptions(preemptive_after_ms=60, max_continuous_speech_s=1.0)

    async def reply(audio: Any) -> AsyncIterator[Any]:
        # No whole number of frames: the rest of one waits for the next piece.
        for _ in range(2):
            yield 24_000, tone(0.55)
            await asyncio.sleep(0.53)

    async with Conversation(bot(reply, algo_options=algo)) as talk:
        talk.say(speech(1.3), at_s=1)
        # Goes on after a pause that was long enough for an early reply.
        talk.say(speech(0.3), at_s=2.41)
        await talk.until(2.9)
        heard = talk.bot_audio()[0]
    first, last = loud(heard)[[0, -1]]
    # Nothing but the tone's own crossings of zero is silent.
    assert np.diff(loud(heard[first:last])).max() < 10


async def test_an_error_of_a_discarded_reply_is_not_told() -> None:
    """Lost otherwise: users would read of failures of what nobody asked for."""
    count = 0

    def reply(audio: Any) -> Iterator[Any]:
        nonlocal count
        count += 1
        if count == 1:
            raise ZeroDivisionError
        yield VOICE

    async with Conversation(bot(reply, algo_options=EARLY)) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(1.0), at_s=2.3)
        await talk.bot_starts(within_s=5)
        assert count == 2
        assert [m for m in talk.messages if m.type == "error"] == []


async def test_hanging_up_does_not_announce_an_early_reply() -> None:
    """Lost otherwise: a page would show an answer that was never given."""
    algo = AlgoOptions(preemptive_after_ms=60, min_silence_ms=5000)
    async with Conversation(bot(lambda a: iter([VOICE]), algo_options=algo)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(3)
    assert [m.data for m in talk.messages if m.type == "log"] == ["started_talking"]


async def test_a_stubborn_early_reply_is_ended() -> None:
    """Lost otherwise: functions that nobody listens to would pile up."""
    made = 0

    async def reply(audio: Any) -> AsyncIterator[Any]:
        nonlocal made
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.1)
            made += 1
            yield 24_000, tone(0.02)

    algo = AlgoOptions(preemptive_after_ms=60, min_silence_ms=600)
    async with Conversation(bot(reply, algo_options=algo)) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(3.0), at_s=2.3)
        await talk.until(3)
        before = made
        await talk.until(5)
        assert made == before


@pytest.mark.parametrize("early", [False, True])
async def test_a_function_that_is_cancelled_from_within(early: bool) -> None:
    """Lost otherwise: the bot would be deaf from then on."""
    count = 0

    async def reply(audio: Any) -> AsyncIterator[Any]:
        nonlocal count
        count += 1
        yield VOICE
        if count == 1:
            raise asyncio.CancelledError

    algo = EARLY if early else AlgoOptions()
    handler = bot(reply, algo_options=algo, can_interrupt=False)
    async with Conversation(handler) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(1.0), at_s=5)
        await talk.until(9)
        assert talk.bot_speech()[-1].start_s == pytest.approx(6.5, abs=0.1)
        assert not handler_of(talk).state.responding


async def test_nothing_of_a_cancelled_reply_is_heard_later() -> None:
    """Lost otherwise: what is left of it could not be interrupted."""

    async def reply(audio: Any) -> AsyncIterator[Any]:
        yield LONG
        raise asyncio.CancelledError

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(4)
        assert talk.bot_spoke_s(3) == 0


# -- the end of the session ------------------------------------------------------------


async def test_a_listener_that_waits_is_ended_with_the_session() -> None:
    """Lost otherwise: each hung up call would leave a task behind."""
    told: list[ReplyEnded] = []

    async def note(event: ReplyEnded) -> None:
        told.append(event)
        await asyncio.Event().wait()

    async def reply(audio: Any) -> AsyncIterator[Any]:
        yield VOICE
        await asyncio.Event().wait()

    async with Conversation(bot(reply, on_reply_ended=note)) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        await talk.until(started_s + 1)
    assert not talk.client.session._tasks
    (event,) = told
    # Who hangs up breaks off.
    assert event.interrupted
    assert event.heard_ms == pytest.approx(500, abs=25)


# -- threads and slow models -----------------------------------------------------------


class SlowModel:
    """A detector whose calls take as long as they are made to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()

    def vad(self, audio: Any, options: Any) -> Any:
        self.go_on.wait()
        rate_hz, samples = audio
        # Only the newest sound counts, as with a detector that knows where it ends.
        newest = samples[-rate_hz // 20 :]
        seconds, _ = LoudnessModel().vad((rate_hz, newest))
        return seconds, [{"start": 0, "end": samples.size}] if seconds else []

    def warmup(self) -> None:
        return None


async def test_a_slow_judgement_does_not_hold_a_bot_that_may_not_be_interrupted() -> (
    None
):
    """Lost otherwise: an announcement would be held for two seconds, or broken off."""
    model = SlowModel()
    algo = AlgoOptions(min_speech_ms=500, started_talking_threshold=0.5)
    handler = bot(
        lambda audio: iter([(24_000, tone(3.0))]),
        model=model,
        algo_options=algo,
        can_interrupt=False,
    )
    async with Conversation(handler) as talk:
        await talk.until(0.99)
        model.go_on.clear()
        talk.say(speech(1.0), at_s=1)
        await talk.until(1.3)
        handler_of(talk).trigger_response()
        model.go_on.set()
        await talk.until(7)
        (span,) = talk.bot_speech()
        assert span.start_s == pytest.approx(1.3, abs=0.03)
        assert span.end_s - span.start_s == pytest.approx(3.0, abs=0.05)


async def test_a_bot_that_finishes_while_it_is_held_is_released() -> None:
    """Lost otherwise: the next reply would begin two seconds late."""
    replies = iter([[], [VOICE]])

    async def reply(audio: Any) -> AsyncIterator[Any]:
        for value in next(replies):
            yield value
        await asyncio.sleep(1)

    async with Conversation(bot(reply)) as talk:
        said = talk.say(speech(1.0), at_s=1)
        asked = await talk.message("log", "pause_detected", within_s=3)
        assert asked.at_s > said.end_s
        # A sound just before the first reply ends, with nothing to be heard.
        talk.say(speech(0.1), at_s=asked.at_s + 0.88)
        await talk.message("log", "response_ended", within_s=2)
        handler_of(talk).trigger_response()
        triggered_s = talk.now_s
        assert await talk.bot_starts(within_s=3) - triggered_s < 0.1


async def test_a_bot_that_has_finished_is_not_held() -> None:
    """Lost otherwise: the next reply would begin two seconds late."""
    async with Conversation(bot(lambda audio: iter([VOICE]))) as talk:
        # As it comes from a subclass whose `receive` runs in a thread.
        handler_of(talk)._act([BotHeld()])
        handler_of(talk).trigger_response()
        assert await talk.bot_starts(within_s=1) < 0.1
        assert talk.client.session.playout._held is False


def test_an_answer_shortens_what_may_gather() -> None:
    """Lost otherwise: a finished turn would be answered when the audio has gathered."""
    model: Any = LoudnessModel()
    listener = Listener(model, None, AlgoOptions(), 48_000, asked=True)
    paused: list[Paused] = []
    for frame in [speech(0.02)[1]] * 50 + [np.zeros((1, 960), np.int16)] * 9:
        samples = listener.gather(frame)
        if samples is not None:
            heard = listener.decide(listener.meter.push(samples))
            paused += [event for event in heard if isinstance(event, Paused)]
    before_ms = listener.patience_ms()
    assert listener.answer(paused[0].number, True) == []
    assert listener.patience_ms() < before_ms


def test_a_listener_is_in_one_call_at_a_time() -> None:
    """Lost otherwise: a subclass with its own `receive` would fail now and then."""
    model: Any = LoudnessModel()
    listener = Listener(model, None, AlgoOptions(), 48_000, asked=True)
    resampler = listener._resampler
    push = resampler.push
    waited: list[bool] = []

    def interfere(audio: Any) -> Any:
        # In the middle of `gather`, which a thread of the subclass has called.
        for action in (
            listener.reset,
            listener.so_far,
            lambda: listener.answer(1, True),
        ):
            thread = threading.Thread(target=action)
            threads.append(thread)
            thread.start()
            thread.join(0.02)
            waited.append(thread.is_alive())
        return push(audio)

    threads: list[threading.Thread] = []
    resampler.push = interfere  # pyright: ignore[reportAttributeAccessIssue]
    listener.gather(speech(0.2)[1])
    for thread in threads:
        thread.join()
    assert waited == [True] * 3


async def test_hanging_up_while_the_last_words_play_is_an_interruption() -> None:
    """Lost otherwise: a reply nobody heard would count as said."""
    ended: list[ReplyEnded] = []

    async def note(event: ReplyEnded) -> None:
        await asyncio.sleep(0.2)
        ended.append(event)

    def reply(audio: Any) -> Iterator[Any]:
        yield 24_000, tone(8.0)

    handler = ReplyOnPause(reply, model=LoudnessModel(), on_reply_ended=note)
    async with Conversation(handler) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        await talk.until(started_s + 1)
    (event,) = ended
    assert event.interrupted
    assert event.heard_ms == pytest.approx(1000, abs=50)


async def test_a_detector_of_ones_own_hears_nothing_from_before_a_reply() -> None:
    """Lost otherwise: what was said before the reply would begin a turn after it."""
    clips: list[Any] = []

    class Own:
        def vad(self, audio: Any, options: Any) -> Any:
            clip = audio[1]
            clips.append(clip.copy())
            if not clip[-4608:].any():
                return 0.0, []
            return 0.1, [{"start": clip.size - 4608, "end": clip.size}]

        def warmup(self) -> None:
            return None

    def reply(audio: Any) -> Iterator[Any]:
        yield 24_000, tone(1.0)

    handler = ReplyOnPause(reply, model=Own(), can_interrupt=False)
    async with Conversation(handler) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        count = len(clips)
        await talk.until(started_s + 3)
        assert len(clips) > count
        assert not any(clip.any() for clip in clips[count:])

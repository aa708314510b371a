"""ReplyOnPause in conversation: who speaks when, and what the function hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AlgoOptions,
    ReplyOnPause,
)
from fastrtc.reply_on_pause import ReplyEnded
from fastrtc.testing import Conversation, LoudnessModel, speech
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time

VOICE = (24_000, tone(0.5))
LONG = (24_000, tone(8.0))


def bot(fn: Any, **options: Any) -> ReplyOnPause:
    chosen: dict[str, Any] = {"model": LoudnessModel(), **options}
    return ReplyOnPause(fn, **chosen)


def echo(audio: Any) -> Iterator[Any]:
    yield audio


def loud(array: Any) -> Any:
    """Indices of the samples that are not silence."""
    return np.flatnonzero(np.abs(np.asarray(array).ravel()) > 50)


# -- the user's turn -------------------------------------------------------------------


async def test_the_bot_answers_after_the_pause() -> None:
    """Lost otherwise: nothing would work at all."""
    async with Conversation(bot(lambda audio: iter([VOICE]))) as talk:
        said = talk.say(speech(1.5), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert 0.48 <= started_s - said.end_s <= 0.6
        assert talk.bot_spoke_s(0, said.end_s) == 0


async def test_the_function_gets_the_whole_utterance_with_its_pre_roll() -> None:
    """Lost otherwise: the first sound of each sentence would be missing."""
    got: list[Any] = []

    def reply(audio: Any) -> None:
        got.append(audio)

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(2.0), at_s=3)
        await talk.message("log", "pause_detected", within_s=7)
        await talk.until(7)
    ((rate_hz, array),) = got
    assert rate_hz == 48_000
    assert array.dtype == np.int16
    assert array.shape[0] == 1
    heard = loud(array)
    assert heard.size == pytest.approx(2.0 * rate_hz, rel=0.01)
    before_ms = heard[0] / rate_hz * 1000
    after_ms = (array.size - heard[-1]) / rate_hz * 1000
    assert 380 <= before_ms <= 460
    assert 470 <= after_ms <= 540


async def test_an_utterance_is_handed_on_unchanged() -> None:
    """Lost otherwise: recognition would suffer from what we do to the audio."""
    got: list[Any] = []
    rng = np.random.default_rng(0)
    clip = rng.integers(-8000, 8000, 48_000).astype(np.int16).reshape(1, -1)

    async with Conversation(bot(got.append)) as talk:
        talk.say((48_000, clip), at_s=1)
        await talk.until(4)
    ((_, array),) = got
    start = int(loud(array)[0]) - int(loud(clip)[0])
    assert (array[0, start : start + 48_000] == clip[0]).all()


async def test_a_short_stop_does_not_end_the_turn() -> None:
    """Lost otherwise: the bot would talk into every sentence."""
    got: list[Any] = []
    async with Conversation(bot(got.append)) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(1.0), at_s=2.4)
        await talk.until(6)
    assert len(got) == 1
    assert loud(got[0][1]).size == pytest.approx(2 * 48_000, rel=0.01)


async def test_turns_follow_each_other_with_fresh_audio() -> None:
    """Lost otherwise: the second question would carry the first one along."""
    got: list[Any] = []
    async with Conversation(bot(got.append)) as talk:
        for n in range(4):
            talk.say(speech(0.5 + n / 2), at_s=1 + 4 * n)
        await talk.until(18)
    sizes = [loud(array).size / 48_000 for _, array in got]
    assert sizes == pytest.approx([0.5, 1.0, 1.5, 2.0], rel=0.02)


async def test_a_turn_that_follows_at_once_has_its_pre_roll() -> None:
    """Lost otherwise: the first sound of what is added in haste would be missing."""
    got: list[Any] = []
    async with Conversation(bot(got.append)) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(1.0), at_s=2.6)
        await talk.until(6)
    assert len(got) == 2
    assert 0.36 <= loud(got[1][1])[0] / 48_000 <= 0.5


async def test_an_endless_turn_is_cut() -> None:
    """Lost otherwise: a user who never pauses would never be answered."""
    got: list[Any] = []
    options = AlgoOptions(max_continuous_speech_s=2.0)
    async with Conversation(bot(got.append, algo_options=options)) as talk:
        talk.say(speech(7.0), at_s=1)
        await talk.until(10)
    assert len(got) == 4
    total_s = sum(loud(array).size for _, array in got) / 48_000
    assert total_s == pytest.approx(7.0, rel=0.02)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
async def test_every_input_form(rate_hz: int, layout: Any) -> None:
    """Lost otherwise: another input rate would break turn taking."""
    got: list[Any] = []
    options = {"input_sample_rate": rate_hz, "expected_layout": layout}
    if layout == "mono":
        async with Conversation(bot(got.append, **options)) as talk:
            talk.say(speech(1.0), at_s=1)
            await talk.until(4)
        ((got_hz, array),) = got
        assert got_hz == rate_hz
        assert loud(array).size / rate_hz == pytest.approx(1.0, rel=0.03)
        return
    # The memory transport speaks mono: frames of interleaved stereo are fed.
    async with Conversation(bot(got.append, **options)) as talk:
        _, wave = speech(1.0, rate_hz)
        size = rate_hz // 50
        quiet = np.zeros((1, rate_hz), np.int16)
        mono = np.concatenate((quiet, wave, quiet), axis=1)
        both = np.repeat(mono, 2, axis=1)
        for i in range(0, both.size, 2 * size):
            talk.client.session.feed((rate_hz, both[:, i : i + 2 * size]))
        await talk.until(0.5)
    assert loud(got[0][1]).size / rate_hz == pytest.approx(2.0, rel=0.03)


# -- interruption ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_the_bot_falls_silent_when_the_user_speaks(kind: str) -> None:
    """Lost otherwise: users would have to wait for the end of every answer."""
    got: list[Any] = []
    closed: list[str] = []

    def sync(audio: Any) -> Iterator[Any]:
        got.append(audio)
        try:
            for _ in range(100):
                yield 24_000, tone(1.0)
        finally:
            closed.append(kind)

    async def asynchronous(audio: Any) -> AsyncIterator[Any]:
        got.append(audio)
        try:
            for _ in range(100):
                yield 24_000, tone(1.0)
        finally:
            closed.append(kind)

    function = sync if kind == "sync" else asynchronous
    async with Conversation(bot(function)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=4)
        said = talk.say(speech(1.7), at_s=6)
        await talk.until(8)
        assert closed == [kind]
        assert talk.bot_speech()[-1].end_s <= said.start_s + 0.3
        second_s = await talk.bot_starts(within_s=3)
        assert second_s - said.end_s <= 0.6
    assert len(got) == 2
    # What interrupted is heard from its first sound on.
    assert loud(got[1][1]).size == pytest.approx(1.7 * 48_000, rel=0.01)
    assert loud(got[1][1])[0] >= 0.3 * 48_000


async def test_nothing_of_the_old_reply_follows_an_interruption() -> None:
    """Lost otherwise: stale words would mix with the new answer."""
    replies = iter([(24_000, tone(8.0, hz=440)), (24_000, tone(1.0, hz=1000))])

    def reply(audio: Any) -> Iterator[Any]:
        yield next(replies)

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(1.0), at_s=5)
        await talk.until(9)
        after = talk.bot_audio(after_s=5.5)[0]
    spectrum = np.abs(np.fft.rfft(after))
    hz = np.fft.rfftfreq(after.size, 1 / 24_000)
    assert hz[spectrum.argmax()] == pytest.approx(1000, abs=5)
    assert spectrum[np.abs(hz - 440) < 20].max() < spectrum.max() / 50


async def test_a_cough_only_holds_the_bot() -> None:
    """Lost otherwise: every noise would end the bot's answer, or lose words of it."""
    ended: list[ReplyEnded] = []
    handler = bot(lambda audio: iter([LONG]), on_reply_ended=ended.append)
    async with Conversation(handler) as talk:
        talk.say(speech(1.0), at_s=1)
        cough = talk.say(speech(0.12), at_s=5)
        await talk.until(13)
        before, after = talk.bot_speech()
        assert before.end_s - cough.start_s < 0.15
        assert 0.3 < after.start_s - cough.end_s < 0.45
        # It goes on where it stopped: nothing is lost and nothing said twice.
        heard = talk.bot_audio()[0]
        assert loud(heard).size == pytest.approx(loud(LONG[1]).size, rel=0.001)
    (event,) = ended
    assert event.heard_ms == pytest.approx(8000, abs=20)
    assert not event.interrupted


async def test_a_hesitant_interruption_is_heard_from_its_first_sound() -> None:
    """Lost otherwise: of "I… erm… no" only the "no" would reach the bot."""
    got: list[Any] = []

    def reply(audio: Any) -> Iterator[Any]:
        got.append(audio)
        yield LONG

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        for at_s, seconds in ((5, 0.08), (5.3, 0.04), (5.6, 0.04), (5.9, 0.6)):
            talk.say(speech(seconds), at_s=at_s)
        await talk.until(8)
    assert len(got) == 2
    sounds = loud(got[1][1])
    assert (sounds[-1] - sounds[0]) / 48_000 == pytest.approx(1.5, abs=0.02)
    assert sounds[0] / 48_000 >= 0.36


@pytest.mark.parametrize("can_interrupt", [True, False])
async def test_how_long_audio_may_gather_depends_on_the_bot(
    can_interrupt: bool,
) -> None:
    """Lost otherwise: the bot would be interrupted later than it might be."""
    talking = bot(lambda audio: iter([LONG]), can_interrupt=can_interrupt)
    async with Conversation(talking) as t:
        handler: Any = t.client.session.handler

        async def longest_ms() -> float:
            found_ms = 0.0
            for _ in range(20):
                await t.until(t.now_s + 0.02)
                found_ms = max(found_ms, handler.patience_ms())
            return found_ms

        assert await longest_ms() == 96
        t.say(speech(1.0), at_s=1)
        await t.bot_starts(within_s=4)
        # A bot that may not be interrupted forgets each frame as it comes.
        assert await longest_ms() == (64 if can_interrupt else 0)


async def test_a_bot_is_held_no_longer_than_it_must() -> None:
    """Lost otherwise: a user who mutes in a cough would silence the bot for good."""
    async with Conversation(bot(lambda audio: iter([LONG]))) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(5)
        for _ in range(6):
            talk.client.say((48_000, tone(0.02, 48_000)))
        # From now on no audio comes, not even silence.
        talk.client.session.feed = lambda frame: None
        await talk.until(13)
        before, after = talk.bot_speech()
        assert after.start_s - before.end_s == pytest.approx(2.0, abs=0.1)


async def test_how_much_was_heard_is_told() -> None:
    """Lost otherwise: a model would believe that it had said what nobody heard."""
    ended: list[ReplyEnded] = []

    async def note(event: ReplyEnded) -> None:
        ended.append(event)

    async with Conversation(bot(lambda audio: iter([LONG]), on_reply_ended=note)) as t:
        t.say(speech(1.0), at_s=1)
        started_s = await t.bot_starts(within_s=4)
        t.say(speech(1.0), at_s=started_s + 3)
        await t.until(started_s + 4)
        (event,) = ended
        assert event.interrupted
        assert event.heard_ms == pytest.approx(1000 * t.bot_spoke_s(), abs=25)
        assert 3000 <= event.heard_ms <= 3200
        # The next reply is counted from its own beginning.
        await t.until(started_s + 14)
    assert ended[1].heard_ms == pytest.approx(8000, abs=25)
    assert not ended[1].interrupted


async def test_an_interrupted_wait_for_a_model_ends_at_once() -> None:
    """Lost otherwise: the user would pay for, and wait for, a dead answer."""
    events: list[str] = []

    async def reply(audio: Any) -> AsyncIterator[Any]:
        events.append("asked")
        try:
            await asyncio.sleep(60)
            yield VOICE
        except asyncio.CancelledError:
            events.append("cancelled")
            raise

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(3)
        talk.say(speech(1.0), at_s=3)
        await talk.until(3.4)
        assert events == ["asked", "cancelled"]


async def test_a_reply_that_was_never_heard_is_not_announced() -> None:
    """Lost otherwise: the page would show an answer that nobody gets."""

    async def reply(audio: Any) -> AsyncIterator[Any]:
        await asyncio.sleep(2)
        yield VOICE

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(1.0), at_s=3)
        await talk.bot_starts(within_s=8)
        await talk.until(8)
        logs = [m.data for m in talk.messages if m.type == "log"]
        assert logs.count("pause_detected") == 2
        assert logs.count("response_starting") == 1


async def test_a_bot_that_may_not_be_interrupted_ignores_the_user() -> None:
    """Lost otherwise: announcements would be broken off, or answered twice."""
    got: list[Any] = []

    def reply(audio: Any) -> Iterator[Any]:
        got.append(audio)
        yield 24_000, tone(4.0)

    async with Conversation(bot(reply, can_interrupt=False)) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        talk.say(speech(1.0), at_s=started_s + 1)
        talk.say(speech(1.0), at_s=started_s + 6)
        await talk.until(started_s + 7)
        (span,) = talk.bot_speech()
        assert span.end_s - span.start_s == pytest.approx(4.0, abs=0.05)
        assert len(got) == 1
        await talk.bot_starts(within_s=2)
    assert len(got) == 2
    assert loud(got[1][1]).size == pytest.approx(48_000, rel=0.02)


async def test_responding_lasts_until_the_audio_was_heard() -> None:
    """Lost otherwise: the end of an answer could not be interrupted."""
    async with Conversation(bot(lambda audio: iter([(24_000, tone(2.0))]))) as talk:
        handler: Any = talk.client.session.handler
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        await talk.until(started_s + 1.9)
        assert handler.state.responding
        await talk.until(started_s + 2.1)
        assert not handler.state.responding
        assert talk.messages[-1].data == "response_ended"

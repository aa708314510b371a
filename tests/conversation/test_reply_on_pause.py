"""ReplyOnPause in conversation: who speaks when, and what the function hears."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AdditionalOutputs,
    AlgoOptions,
    CloseStream,
    ReplyOnPause,
    Warning,
    WebRTCError,
    get_current_context,
)
from fastrtc.session import SessionTable
from fastrtc.testing import Conversation, LoudnessModel, speech
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time

VOICE = (24_000, tone(0.5))
LONG = (24_000, tone(8.0))


def bot(fn: Any, **options: Any) -> ReplyOnPause:
    return ReplyOnPause(fn, **{"model": LoudnessModel(), **options})


def echo(audio: Any) -> Iterator[Any]:
    yield audio


def loud(array: Any) -> Any:
    """Indices of the samples that are not silence."""
    return np.flatnonzero(np.abs(np.asarray(array).ravel()) > 50)


# -- the user's turn -----------------------------------------------------------------------


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
        both = np.repeat(np.concatenate((quiet, wave, quiet), axis=1), 2, axis=1)
        for i in range(0, both.size, 2 * size):
            talk.client.session.feed((rate_hz, both[:, i : i + 2 * size]))
        await talk.until(0.5)
    assert loud(got[0][1]).size / rate_hz == pytest.approx(2.0, rel=0.03)


# -- interruption ----------------------------------------------------------------------------


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


async def test_a_cough_does_not_interrupt() -> None:
    """Lost otherwise: every noise would silence the bot."""
    async with Conversation(bot(lambda audio: iter([LONG]))) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(0.12), at_s=5)
        await talk.until(12)
        (span,) = talk.bot_speech()
        assert span.end_s - span.start_s == pytest.approx(8.0, abs=0.05)


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


# -- the bot's turn -----------------------------------------------------------------------------


async def test_the_bot_speaks_first() -> None:
    """Lost otherwise: a bot could not greet its caller."""

    def greet() -> Iterator[Any]:
        yield 24_000, tone(1.0)

    async with Conversation(bot(echo, startup_fn=greet)) as talk:
        assert await talk.bot_starts(within_s=0.5) < 0.1
        talk.say(speech(1.0), at_s=3)
        await talk.bot_starts(within_s=6)


async def test_the_greeting_can_be_interrupted() -> None:
    """Lost otherwise: each call would begin with a lecture."""
    async with Conversation(bot(echo, startup_fn=lambda: iter([LONG]))) as talk:
        said = talk.say(speech(1.0), at_s=2)
        await talk.until(3.2)
        assert talk.bot_speech()[-1].end_s <= said.start_s + 0.3


class Agent:
    def __init__(self) -> None:
        self.got: list[Any] = []

    def method(self, audio: Any) -> Iterator[Any]:
        self.got.append(audio)
        yield VOICE

    async def async_method(self, audio: Any) -> AsyncIterator[Any]:
        self.got.append(audio)
        yield VOICE

    def with_extra(self, extra: str, audio: Any) -> Iterator[Any]:
        assert extra == "x"
        self.got.append(audio)
        yield VOICE

    def __call__(self, audio: Any) -> Iterator[Any]:
        self.got.append(audio)
        yield VOICE

    def returns(self, audio: Any) -> Any:
        self.got.append(audio)
        return VOICE

    async def coroutine(self, audio: Any) -> Any:
        self.got.append(audio)
        return VOICE


@pytest.mark.parametrize(
    "pick",
    [
        lambda agent: agent.method,
        lambda agent: agent.async_method,
        lambda agent: partial(agent.with_extra, "x"),
        lambda agent: agent,
        lambda agent: agent.returns,
        lambda agent: agent.coroutine,
        lambda agent: lambda audio: agent.method(audio),
    ],
    ids=["method", "async", "partial", "object", "returns", "coroutine", "lambda"],
)
async def test_every_kind_of_reply_function(pick: Any) -> None:
    """Lost otherwise: one way of writing a reply function would stay silent."""
    agent = Agent()
    async with Conversation(bot(pick(agent))) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=4)
        await talk.until(5)
        assert talk.bot_spoke_s() == pytest.approx(0.5, abs=0.03)
    assert len(agent.got) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_an_error_is_told_and_the_session_lives(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: one failure would end the call, or pass in silence."""
    count = 0

    def sync(audio: Any) -> Iterator[Any]:
        nonlocal count
        count += 1
        if count == 1:
            raise ZeroDivisionError("secret")
        yield VOICE

    async def asynchronous(audio: Any) -> AsyncIterator[Any]:
        for value in sync(audio):
            yield value

    async with Conversation(bot(sync if kind == "sync" else asynchronous)) as talk:
        talk.say(speech(1.0), at_s=1)
        message = await talk.message("error", within_s=4)
        assert "secret" not in message.data
        assert "ZeroDivisionError: secret" in caplog.text
        talk.say(speech(1.0), at_s=5)
        await talk.bot_starts(within_s=6)


async def test_a_wrong_value_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Lost otherwise: yielding an array without its rate would be silence."""
    async with Conversation(bot(lambda audio: iter([tone(1.0)]))) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("error", within_s=4)
    assert "got a ndarray, expected None, (rate, array)" in caplog.text


async def test_messages_for_the_user() -> None:
    """Lost otherwise: apps could not tell their users what is wrong."""

    def reply(audio: Any) -> Iterator[Any]:
        Warning("Careful.")
        yield VOICE
        raise WebRTCError("No more credit.")

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        assert (await talk.message("warning", within_s=4)).data == "Careful."
        assert (await talk.message("error", within_s=4)).data == "No more credit."
        await talk.until(6)
        assert len([m for m in talk.messages if m.type == "error"]) == 1


@pytest.mark.parametrize("kind", ["nothing", "None", "empty"])
async def test_a_reply_without_audio(kind: str) -> None:
    """Lost otherwise: a bot with nothing to say would get stuck."""
    values: dict[str, list[Any]] = {
        "nothing": [],
        "None": [None, None],
        "empty": [(24_000, np.zeros((1, 0), np.int16))],
    }
    async with Conversation(
        bot(lambda audio: iter(values[kind]), can_interrupt=False)
    ) as talk:
        for n in range(2):
            talk.say(speech(1.0), at_s=1 + 4 * n)
        await talk.bot_is_silent(for_s=8)
        logs = [m.data for m in talk.messages if m.type == "log"]
        assert (
            logs
            == [
                "started_talking",
                "pause_detected",
                "response_starting",
                "response_ended",
            ]
            * 2
        )


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_reply_that_yields_none_for_ever_can_be_interrupted(kind: str) -> None:
    """Lost otherwise: one bad reply function would freeze the whole server."""
    turns: list[int] = []
    stop = threading.Event()

    def sync(audio: Any) -> Iterator[Any]:
        turns.append(1)
        while len(turns) == 1 and not stop.is_set():
            yield None
        yield VOICE

    async def asynchronous(audio: Any) -> AsyncIterator[Any]:
        turns.append(1)
        while len(turns) == 1:
            # As much as such a loop may cost, so that the clock goes on.
            await asyncio.sleep(0.005)
            yield None
        yield VOICE

    # A sync generator runs in real time: its clock stands still until it stops.
    async with Conversation(bot(sync if kind == "sync" else asynchronous)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("log", "pause_detected", within_s=4)
        if kind == "sync":
            for _ in range(100):
                await asyncio.sleep(0)
            talk.client.say(speech(0.3))
            stop.set()
        talk.say(speech(1.0), at_s=talk.now_s + 0.5)
        await talk.bot_starts(within_s=5)


async def test_an_async_reply_that_never_waits_leaves_the_loop_alone() -> None:
    """Lost otherwise: one bad reply function would freeze the whole server."""
    count = 0

    async def reply(audio: Any) -> AsyncIterator[Any]:
        nonlocal count
        while True:
            count += 1
            yield AdditionalOutputs(count)

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("fetch_output", within_s=4)
        for _ in range(100):
            await asyncio.sleep(0)
        assert count < 500


async def test_a_long_reply_is_generated_ahead_and_then_waits() -> None:
    """Lost otherwise: an endless reply would fill the memory."""
    made: list[float] = []

    async def reply(audio: Any) -> AsyncIterator[Any]:
        while True:
            made.append(asyncio.get_running_loop().time())
            yield 24_000, tone(1.0)

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        await talk.until(started_s + 10)
        assert 38 <= len(made) <= 43


async def test_the_stream_closes_after_the_last_word() -> None:
    """Lost otherwise: the bot's goodbye would be cut off."""

    def reply(audio: Any) -> Iterator[Any]:
        yield 24_000, tone(1.0)
        yield (24_000, tone(1.0)), CloseStream("Goodbye.")

    async with Conversation(bot(reply)) as talk:
        talk.say(speech(1.0), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        message = await talk.message("end_stream", within_s=5)
        assert message.data == "Goodbye."
        assert message.at_s - started_s == pytest.approx(2.0, abs=0.05)
        assert talk.bot_spoke_s() == pytest.approx(2.0, abs=0.03)
        await talk.wait_for(lambda: talk.ended, "The session should have ended", 1)


async def test_outputs_reach_several_readers_in_order() -> None:
    """Lost otherwise: transcripts on two pages would be torn apart."""

    def reply(audio: Any) -> Iterator[Any]:
        yield AdditionalOutputs("question")
        yield VOICE, AdditionalOutputs("answer")
        yield AdditionalOutputs("end")

    async def read(session: Any) -> list[Any]:
        return [item.args[0] async for item in session.outputs.follow()]

    async with Conversation(bot(reply)) as talk:
        session = talk.client.session
        readers = [asyncio.ensure_future(read(session)) for _ in range(3)]
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(1.0), at_s=5)
        await talk.until(9)
    expected = ["question", "answer", "end"] * 2
    assert await asyncio.gather(*readers) == [expected] * 3


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_the_context_in_replies(kind: str) -> None:
    """Lost otherwise: an app could not tell its users apart."""
    seen: list[str] = []

    def sync(*audio: Any) -> Iterator[Any]:
        seen.append(get_current_context().webrtc_id)
        yield VOICE
        seen.append(get_current_context().webrtc_id)

    async def asynchronous(*audio: Any) -> AsyncIterator[Any]:
        for value in sync(*audio):
            yield value

    function = sync if kind == "sync" else asynchronous
    async with Conversation(bot(function, startup_fn=function)) as talk:
        name = talk.client.session.id
        talk.say(speech(1.0), at_s=2)
        await talk.until(6)
    assert seen == [name] * 4


async def test_a_response_can_be_triggered() -> None:
    """Lost otherwise: typed text would get no answer."""
    got: list[Any] = []

    def reply(audio: Any) -> Iterator[Any]:
        got.append(audio)
        yield VOICE

    async with Conversation(bot(reply)) as talk:
        handler: Any = talk.client.session.handler
        await asyncio.to_thread(handler.trigger_response)
        await talk.bot_starts(within_s=0.2)
    ((rate_hz, array),) = got
    assert rate_hz == 48_000
    assert array.shape == (1, 0)


# -- hanging up ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_hanging_up_ends_the_reply(kind: str) -> None:
    """Lost otherwise: each call that is hung up would leave a running reply."""
    closed = threading.Event()
    wait = threading.Event()

    def sync(audio: Any) -> Iterator[Any]:
        try:
            yield VOICE
            wait.wait()
            yield VOICE
        finally:
            closed.set()

    async def asynchronous(audio: Any) -> AsyncIterator[Any]:
        try:
            yield VOICE
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with Conversation(bot(sync if kind == "sync" else asynchronous)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=4)
    wait.set()
    assert await asyncio.to_thread(closed.wait, 5)
    assert len(talk.client.session._tasks) == 0


# -- two at a time ------------------------------------------------------------------------------


async def test_two_users_do_not_hear_each_other() -> None:
    """Lost otherwise: conversations would be mixed up."""
    handler = bot(echo)
    sessions = SessionTable(lambda: handler, limit=2)
    async with Conversation(sessions) as one, Conversation(sessions) as other:
        one.say(speech(1.0), at_s=1)
        other.say(speech(2.0), at_s=1.2)
        await one.until(7)
        assert one.bot_spoke_s() == pytest.approx(1.0, abs=0.05)
        assert other.bot_spoke_s() == pytest.approx(2.0, abs=0.05)

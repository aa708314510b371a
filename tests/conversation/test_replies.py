"""Reply functions in conversation: what they may be, yield, raise and outlive."""

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
from fastrtc.handlers.threads import threads
from fastrtc.session import SessionTable
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


# -- the bot's turn --------------------------------------------------------------------


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
        await threads.run(handler.trigger_response)
        await talk.bot_starts(within_s=0.2)
    ((rate_hz, array),) = got
    assert rate_hz == 48_000
    assert array.shape == (1, 0)


# -- hanging up ------------------------------------------------------------------------


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


# -- two at a time ---------------------------------------------------------------------


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


async def test_a_speaker_without_end_is_answered_piece_by_piece() -> None:
    """Lost otherwise: what goes on after a cut would kill the reply to it."""
    finished: list[float] = []

    async def slow(audio: Any) -> AsyncIterator[Any]:
        await asyncio.sleep(0.6)
        finished.append(audio[1].shape[1] / audio[0])
        yield VOICE

    options = AlgoOptions(max_continuous_speech_s=1.0)
    async with Conversation(bot(slow, algo_options=options)) as talk:
        talk.say(speech(4.0), at_s=0.5)
        await talk.until(8)
    assert len(finished) >= 3


async def test_a_subclass_may_wait_for_its_inputs_in_start_up() -> None:
    """Lost otherwise: such a subclass would block the server for good."""
    got: list[Any] = []

    class Greeter(ReplyOnPause):
        def start_up(self) -> None:
            self.wait_for_args_sync()
            got.append(self.latest_args[1])
            super().start_up()

        def copy(self) -> ReplyOnPause:
            return Greeter(self.fn, self.startup_fn, model=self.model)

    handler = Greeter(echo, startup_fn=lambda: iter([VOICE]), model=LoudnessModel())
    table = SessionTable(lambda: handler, defaults=lambda: ["a name"])
    async with Conversation(table) as talk:
        await talk.bot_starts(within_s=1)
    assert got == ["a name"]


def test_overriding_what_is_never_called_is_told() -> None:
    """Lost otherwise: an old subclass would silently do something else."""
    with pytest.warns(UserWarning, match="determine_pause is never called"):

        class Old(ReplyOnPause):  # pyright: ignore[reportUnusedClass]
            def determine_pause(self, *args: Any) -> bool:
                return True

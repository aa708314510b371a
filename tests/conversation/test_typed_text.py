"""Typed text in conversation: answered at once, in order, and never twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AdditionalOutputs,
    Caption,
    ReplyOnPause,
    ReplyOnStopWords,
    Stream,
    WebRTCData,
)
from fastrtc.handlers.typed_text import takes_webrtc_data
from fastrtc.reply_on_pause import ReplyEnded
from fastrtc.session import Session, SessionTable
from fastrtc.testing import Conversation, LoudnessModel, speech
from tests.support.handlers import AsyncHandler, SyncHandler, tone
from tests.support.sessions import Messages, Transport

pytestmark = pytest.mark.virtual_time

VOICE = (24_000, tone(0.5))
LONG = (24_000, tone(8.0))


class Bot:
    """Notes what it is asked, and answers with the given audio."""

    def __init__(self, voice: Any = VOICE) -> None:
        self.voice = voice
        self.asked: list[Any] = []
        self.ended: list[ReplyEnded] = []

    def reply(self, message: WebRTCData) -> Iterator[Any]:
        self.asked.append(message)
        yield self.voice

    def audio_only(self, audio: Any) -> Iterator[Any]:
        self.asked.append(audio)
        yield self.voice

    @property
    def texts(self) -> list[str]:
        return [message.textbox for message in self.asked]

    def talk(self, fn: Any = None, **options: Any) -> Conversation:
        return Conversation(self.handler(fn, **options))

    def handler(self, fn: Any = None, **options: Any) -> ReplyOnPause:
        chosen: dict[str, Any] = {"model": LoudnessModel(), **options}
        return ReplyOnPause(
            fn or self.reply, on_reply_ended=self.ended.append, **chosen
        )


@dataclass
class PageData:
    """As what the page's component gives in the textbox variant."""

    webrtc_id: str
    textbox: str = ""
    audio: Any = None


# -- the answer ------------------------------------------------------------------------


async def test_typed_text_is_answered_at_once() -> None:
    """Lost otherwise: who may not speak aloud could not talk to the bot."""
    bot = Bot()
    async with bot.talk() as talk:
        await talk.until(1)
        talk.client.type("hello")
        assert await talk.bot_starts(within_s=0.1) < 1.1
        assert bot.asked == [WebRTCData(talk.client.session.id, "hello", None)]


async def test_spoken_turns_come_in_the_same_form() -> None:
    """Lost otherwise: a function for both would fail at the first spoken word."""
    bot = Bot()
    async with bot.talk() as talk:
        talk.client.type("typed")
        talk.say(speech(1.0), at_s=2)
        await talk.until(5)
        talk.client.type("typed again")
        await talk.until(6)
    first, second, third = bot.asked
    assert (first.textbox, first.audio) == ("typed", None)
    assert second.textbox == ""
    rate_hz, array = second.audio
    assert (rate_hz, array.dtype, array.shape[0]) == (48_000, np.int16, 1)
    # Of its own: neither what was typed before nor what was said stays in it.
    assert (third.textbox, third.audio) == ("typed again", None)
    assert first.audio is None


async def test_text_interrupts_the_bot() -> None:
    """Lost otherwise: the bot would talk over what it is told."""
    bot = Bot(LONG)
    async with bot.talk() as talk:
        talk.client.type("one")
        await talk.bot_starts(within_s=0.1)
        await talk.until(2)
        talk.client.type("two")
        await talk.until(2.1)
        assert bot.texts == ["one", "two"]
        assert len(bot.ended) == 1
        assert bot.ended[0].interrupted
        assert bot.ended[0].heard_ms == pytest.approx(2000, abs=40)
        await talk.until(12)
        assert talk.bot_spoke_s() == pytest.approx(10, abs=0.1)


async def test_text_interrupts_a_bot_that_voices_may_not() -> None:
    """Lost otherwise: nothing at all could stop a bot that talks on and on."""
    bot = Bot(LONG)
    async with bot.talk(can_interrupt=False) as talk:
        talk.client.type("one")
        talk.say(speech(2.0), at_s=1)
        await talk.until(4)
        assert bot.texts == ["one"]
        talk.client.type("two")
        await talk.until(5)
    assert bot.texts == ["one", "two"]


async def test_what_was_being_said_is_dropped() -> None:
    """Lost otherwise: the answer to the text would be cut off by half a sentence."""
    bot = Bot()
    async with bot.talk() as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(2.1)  # the user is in the pause that would end the turn
        talk.client.type("hello")
        await talk.until(6)
    assert bot.texts == ["hello"]
    assert [ended.interrupted for ended in bot.ended] == [False]


async def test_who_speaks_on_after_typing_is_heard() -> None:
    """Lost otherwise: a turn would be lost to a text typed during it."""
    bot = Bot()
    async with bot.talk() as talk:
        talk.say(speech(3.0), at_s=1)
        await talk.until(1.5)
        talk.client.type("hello")
        await talk.until(7)
    assert bot.texts == ["hello", ""]
    assert bot.asked[1].audio[1].size / 48_000 == pytest.approx(3.0, abs=0.6)


async def test_typing_drops_a_reply_that_was_prepared() -> None:
    """Lost otherwise: the answer to half a sentence would follow the typed one."""
    heard: list[str] = []

    async def reply(message: WebRTCData) -> AsyncIterator[Any]:
        heard.append(f"began {message.textbox}")
        try:
            await asyncio.sleep(0.3)
            yield VOICE
        except asyncio.CancelledError:
            heard.append(f"ended {message.textbox}")
            raise

    async with Bot().talk(reply) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(2.4)
        talk.client.type("x")
        await talk.until(5)
    assert heard[-1] == "began x"
    assert heard[:-1] in ([], ["began ", "ended "])


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_ten_texts_in_a_second(kind: str) -> None:
    """Lost otherwise: a hasty user would get old answers, or mixed ones."""
    began: list[str] = []

    def sync_reply(message: WebRTCData) -> Iterator[Any]:
        began.append(message.textbox)
        yield LONG
        yield AdditionalOutputs(message.textbox)

    async def async_reply(message: WebRTCData) -> AsyncIterator[Any]:
        for value in sync_reply(message):
            yield value

    bot = Bot()
    async with bot.talk(sync_reply if kind == "sync" else async_reply) as talk:
        for n in range(10):
            talk.client.type(str(n))
            await talk.until(0.1 * (n + 1))
        await talk.until(12)
        assert began == [str(n) for n in range(10)]
        assert [ended.interrupted for ended in bot.ended] == [True] * 9 + [False]
        assert talk.bot_spoke_s() == pytest.approx(9, abs=0.2)


async def test_texts_that_come_together_keep_their_order() -> None:
    """Lost otherwise: what a hasty user typed last would not be what counts."""
    bot = Bot()
    async with bot.talk() as talk:
        for n in range(5):
            talk.client.type(str(n))
        await talk.until(3)
        assert talk.bot_spoke_s() == pytest.approx(0.5, abs=0.05)
    # The others were interrupted before their functions had begun.
    assert bot.texts[-1] == "4"
    assert [ended.interrupted for ended in bot.ended] == [True] * 4 + [False]


async def test_typed_and_spoken_turns_keep_their_order() -> None:
    """Lost otherwise: answers would belong to other questions."""
    bot = Bot()
    async with bot.talk() as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(2.7)  # its answer has begun
        talk.client.type("a")
        await talk.until(2.8)
        talk.say(speech(1.0), at_s=2.9)
        await talk.until(4.6)
        talk.client.type("b")
        await talk.until(7)
    assert bot.texts == ["", "a", "", "b"]


@pytest.mark.parametrize("text", ["", "  \n\t"])
async def test_nothing_typed_is_nothing(text: str) -> None:
    """Lost otherwise: a slip on the return key would cut the bot off."""
    bot = Bot(LONG)
    async with bot.talk() as talk:
        talk.client.type("hello")
        await talk.until(1)
        talk.client.type(text)
        await talk.until(3)
        assert talk.bot_spoke_s() == pytest.approx(3, abs=0.1)
    assert bot.texts == ["hello"]


async def test_additional_inputs_come_along() -> None:
    """Lost otherwise: a typed question would be answered without the history."""
    got: list[Any] = []

    def reply(message: WebRTCData, name: str, n: int = 3) -> Iterator[Any]:
        got.append((message.textbox, name, n))
        yield VOICE

    async with Bot().talk(reply) as talk:
        talk.client.type("one")
        await talk.message("send_input", within_s=1)
        talk.client.session.set_input("Ann")
        await talk.bot_starts(within_s=0.1)
        talk.client.session.set_input("Bob", 4)
        talk.client.type("two")
        await talk.until(2)
    assert got == [("one", "Ann", 3), ("two", "Bob", 4)]


async def test_hanging_up_while_the_text_is_answered() -> None:
    """Lost otherwise: each page closed in time would leave a reply running."""
    bot = Bot(LONG)
    async with bot.talk() as talk:
        talk.client.type("one")
        await talk.until(1)
        session = talk.client.session
    handler: Any = session.handler
    session.receive_text("late")
    await handler.receive_text("late")
    handler.trigger_response()
    await asyncio.sleep(1)
    assert bot.texts == ["one"]


# -- who takes text --------------------------------------------------------------------


async def test_a_function_of_audio_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a message of the client's could crash working programs."""
    bot = Bot(LONG)
    async with bot.talk(bot.audio_only) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(4)
        talk.client.type("hello")
        told = await talk.message("error", within_s=0.1)
        assert told.data == "This app takes no typed text."
        await talk.until(6)
        # And the bot spoke on.
        assert talk.bot_spoke_s(4, 6) == pytest.approx(2, abs=0.05)
    assert len(bot.asked) == 1
    assert bot.asked[0][0] == 48_000
    assert "message: WebRTCData" in caplog.text


def _unresolved(message: NoSuchName | WebRTCData) -> None:  # type: ignore[name-defined]  # noqa: F821
    ...


class _Callable:
    def __call__(self, message: WebRTCData, n: int) -> None: ...

    def method(self, message: WebRTCData | None) -> None: ...


def _second(audio: Any, message: WebRTCData) -> None: ...


def _other(audio: tuple[int, Any]) -> None: ...


def _first(history: list[str], message: WebRTCData) -> None: ...


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (Bot().reply, True),
        (Bot().audio_only, False),
        (_Callable(), True),
        (_Callable().method, True),
        (_unresolved, True),
        (partial(_first, []), True),
        (_second, False),
        (_other, False),
        (lambda audio: None, False),
        (lambda: None, False),
        (max, False),
    ],
)
def test_whether_a_function_takes_text(fn: Any, expected: bool) -> None:
    """Lost otherwise: functions would get what they aren't written for."""
    assert takes_webrtc_data(fn) is expected


async def test_a_page_with_a_textbox_says_so() -> None:
    """Lost otherwise: functions for the textbox without annotations would get none."""
    bot = Bot()
    async with bot.talk(bot.audio_only) as talk:
        session = talk.client.session
        page = PageData(session.id, "not submitted")
        session.set_input(page)
        talk.say(speech(1.0), at_s=1)
        await talk.until(4)
        talk.client.type("hello")
        await talk.until(5)
    spoken, typed = bot.asked
    assert isinstance(spoken, PageData)
    assert (spoken.webrtc_id, spoken.textbox) == (session.id, "")
    assert loud_s(spoken.audio) == pytest.approx(1.0, rel=0.02)
    assert (typed.textbox, typed.audio) == ("hello", None)
    assert page == PageData(session.id, "not submitted")


def loud_s(audio: Any) -> float:
    return np.count_nonzero(np.abs(audio[1]) > 50) / audio[0]


async def test_what_the_page_submits_is_answered_once() -> None:
    """Lost otherwise: each spoken turn would carry the last text along."""
    bot = Bot()
    async with bot.talk(bot.audio_only) as talk:
        session = talk.client.session
        handler: Any = session.handler
        # Both submitted before the first is answered.
        for text in ("one", "two"):
            session.set_input(PageData(session.id, text))
            handler.trigger_response()
        await talk.until(1)
        assert bot.texts[-1] == "two"
        handler.trigger_response()
        await talk.until(2)
        talk.say(speech(1.0), at_s=2)
        await talk.until(5)
    assert bot.texts[-2:] == ["", ""]
    assert bot.asked[-2].audio[1].size == 0
    assert loud_s(bot.asked[-1].audio) == pytest.approx(1.0, rel=0.02)


async def test_what_came_in_both_ways_is_answered_once() -> None:
    """Lost otherwise: a program that triggers a reply would get an old text again."""
    bot = Bot()
    async with bot.talk(bot.audio_only) as talk:
        session = talk.client.session
        handler: Any = session.handler
        for text in ("one", "two"):
            session.set_input(PageData(session.id, text))
        for text in ("one", "two"):
            talk.client.type(text)
            await talk.until(talk.now_s + 0.1)
        handler.trigger_response()
        await talk.until(1)
    assert bot.texts == ["one", "two", ""]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_handler_of_ones_own(kind: str) -> None:
    """Lost otherwise: only ReplyOnPause could be typed to."""
    got: list[Any] = []

    class Sync(SyncHandler):
        def receive_text(self, text: str) -> None:
            got.append((text, threading.current_thread() is threading.main_thread()))
            if text == "bad":
                raise ValueError("no")

        def copy(self) -> Sync:
            return Sync()

    class Async(AsyncHandler):
        async def receive_text(self, text: str) -> None:
            await asyncio.sleep(0)
            got.append((text, True))
            if text == "bad":
                raise ValueError("no")

        def copy(self) -> Async:
            return Async()

    async with Conversation(Sync() if kind == "sync" else Async()) as talk:
        for text in ("a", "bad", "b"):
            talk.client.type(text)
            await talk.until(talk.now_s + 0.1)
        assert [m.data for m in talk.messages if m.type == "error"] == [
            "Something went wrong in the app's receive_text. Its log says what."
        ]
    assert got == [(text, kind == "async") for text in ("a", "bad", "b")]


async def test_handlers_that_take_no_text_ignore_it() -> None:
    """Lost otherwise: a message of the client's could break any app."""
    async with Conversation(SyncHandler()) as talk:
        talk.client.type("hello")
        await talk.until(1)
        assert talk.messages == []


async def test_a_subclass_may_look_at_the_text_first() -> None:
    """Lost otherwise: commands could not be told from questions."""

    class Commands(ReplyOnPause):
        def receive_text(self, text: str) -> Any:
            if text.startswith("/"):
                return None
            return super().receive_text(text.upper())

        def copy(self) -> Commands:
            return Commands(self.fn, model=self.model)

    bot = Bot()
    async with Conversation(Commands(bot.reply, model=LoudnessModel())) as talk:
        talk.client.type("/mute")
        talk.client.type("hello")
        await talk.until(1)
    assert bot.texts == ["HELLO"]


# -- stop words ------------------------------------------------------------------------


class SlowWords:
    """A speech-to-text model that hears the stop word, after some time."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    async def stt(self, audio: Any) -> str:
        await asyncio.sleep(self._delay_s)
        return "computer what time is it"


def stop_words(bot: Bot, delay_s: float = 0.1, **options: Any) -> ReplyOnStopWords:
    chosen: dict[str, Any] = {"model": LoudnessModel(), **options}
    return ReplyOnStopWords(
        bot.reply, ["computer"], stt_model=SlowWords(delay_s), **chosen
    )


async def test_typed_text_needs_no_stop_word() -> None:
    """Lost otherwise: one would have to type the bot's name each time."""
    bot = Bot()
    async with Conversation(stop_words(bot)) as talk:
        talk.client.type("hello")
        await talk.bot_starts(within_s=0.1)
    assert bot.texts == ["hello"]


async def test_a_spoken_turn_that_is_still_transcribed_is_dropped() -> None:
    """Lost otherwise: an older question would cut off the answer to a newer one."""
    bot = Bot(LONG)
    async with Conversation(stop_words(bot, delay_s=3.0)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.until(3)
        talk.client.type("hello")
        await talk.until(9)
        assert not [m for m in talk.messages if m.type == "stopword"]
        assert talk.bot_spoke_s() == pytest.approx(6, abs=0.1)
        talk.say(speech(1.0), at_s=12)
        await talk.message("stopword", within_s=8)
        await talk.until(20)
    assert bot.texts == ["hello", ""]


# -- text alone ------------------------------------------------------------------------


def text_only(handler: ReplyOnPause) -> tuple[Session, Messages]:
    """A session whose client neither hears nor speaks."""
    session = SessionTable(lambda: handler).open("me")
    messages = Messages()
    session.start(Transport())
    session.channel.open(messages)
    session.connected(None, sends=())
    return session, messages


async def test_a_session_of_text_alone() -> None:
    """Lost otherwise: without a microphone there would be no conversation."""
    bot = Bot((24_000, tone(2.0)))

    def reply(message: WebRTCData) -> Iterator[Any]:
        bot.asked.append(message)
        yield Caption(f"You said {message.textbox}.")
        yield bot.voice
        yield Caption("Goodbye.")

    loop = asyncio.get_running_loop()
    session, messages = text_only(bot.handler(reply))
    session.receive_text("hello")
    await asyncio.sleep(0.5)
    assert [c["text"] for c in messages.of("caption")] == ["You said hello."]
    # Played to nobody, at the pace at which it would be heard.
    await session.played_out()
    assert loop.time() == pytest.approx(2.0, abs=0.03)
    await asyncio.sleep(0.01)
    assert messages.of("log") == ["response_starting", "response_ended"]
    assert [c["text"] for c in messages.of("caption")][1:] == ["Goodbye."]
    assert [(e.interrupted, e.heard_ms) for e in bot.ended] == [(False, 2000)]
    await session.close()


async def test_text_alone_interrupts_too() -> None:
    """Lost otherwise: a page of text would have to sit each answer out."""
    bot = Bot(LONG)
    session, messages = text_only(bot.handler())
    session.receive_text("one")
    await asyncio.sleep(3)
    session.receive_text("two")
    await asyncio.sleep(1)
    assert bot.texts == ["one", "two"]
    assert bot.ended[0].heard_ms == pytest.approx(3000, abs=40)
    assert messages.of("log") == ["response_starting"] * 2
    await session.close()


async def test_a_stream_takes_text() -> None:
    """Lost otherwise: what works in a handler would not work in a program."""
    bot = Bot()
    stream = Stream(bot.handler(), modality="audio", mode="send-receive")
    async with Conversation(stream) as talk:
        talk.client.type("hello")
        await talk.bot_starts(within_s=0.1)
    assert bot.texts == ["hello"]


async def test_texts_are_handed_over_one_after_the_other() -> None:
    """Lost otherwise: what was typed in haste would be read in any order."""
    got: list[str] = []

    class Slow(SyncHandler):
        def receive_text(self, text: str) -> None:
            time.sleep(0.003 if text == "0" else 0)
            got.append(text)

        def copy(self) -> Slow:
            return Slow()

    async with Conversation(Slow()) as talk:
        for n in range(5):
            talk.client.type(str(n))
        await talk.until(1)
    assert got == [str(n) for n in range(5)]

"""Captions: the bot's words as they are spoken, the user's as they are recognised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from fastrtc import (
    AdditionalOutputs,
    Caption,
    CloseStream,
    ReplyOnPause,
    Stream,
    WebRTCData,
    show_caption,
)
from fastrtc.handlers.threads import threads
from fastrtc.session import SessionTable
from fastrtc.testing import Conversation, LoudnessModel, Message, speech
from tests.support.handlers import AsyncHandler, SyncHandler, tone

pytestmark = pytest.mark.virtual_time

SECOND = (24_000, tone(1.0))


def bot(fn: Any, **options: Any) -> ReplyOnPause:
    chosen: dict[str, Any] = {"model": LoudnessModel(), **options}
    return ReplyOnPause(fn, **chosen)


def captions(talk: Conversation) -> list[Message]:
    return [message for message in talk.messages if message.type == "caption"]


def texts(talk: Conversation) -> list[str]:
    return [message.data["text"] for message in captions(talk)]


def times_s(talk: Conversation) -> list[float]:
    return [message.at_s for message in captions(talk)]


def spoken(message: WebRTCData) -> Iterator[Any]:
    """Three seconds of speech, all made at once, with their words."""
    for word in ("one", "two", "three"):
        yield Caption(word)
        yield SECOND


# -- the bot's words -------------------------------------------------------------------


async def test_words_are_shown_as_they_are_spoken() -> None:
    """Lost otherwise: who reads would know the end before the bot has said it."""
    async with Conversation(bot(spoken)) as talk:
        await talk.until(1)
        talk.client.type("hello")
        await talk.until(6)
        assert texts(talk) == ["one", "two", "three"]
        (span,) = talk.bot_speech()
        began = [span.start_s + n for n in range(3)]
        assert times_s(talk) == pytest.approx(began, abs=0.021)
        assert [c.data["role"] for c in captions(talk)] == ["assistant"] * 3
        assert all(c.data["final"] for c in captions(talk))
        assert len({c.data["id"] for c in captions(talk)}) == 3
        first = next(m for m in talk.messages if m.data == "response_starting")
        assert talk.messages.index(first) < talk.messages.index(captions(talk)[0])


async def test_a_caption_paired_with_its_audio() -> None:
    """Lost otherwise: text and voice of one sentence would need two yields."""

    def reply(message: WebRTCData) -> Iterator[Any]:
        yield SECOND, Caption("one")
        yield SECOND, Caption("two")
        yield None, Caption("the end")

    async with Conversation(bot(reply)) as talk:
        await talk.until(1)
        talk.client.type("hello")
        await talk.until(5)
        (span,) = talk.bot_speech()
        expected = [span.start_s, span.start_s + 1, span.start_s + 2]
        assert times_s(talk) == pytest.approx(expected, abs=0.021)


async def test_what_was_not_heard_is_not_shown() -> None:
    """Lost otherwise: the transcript would hold words that nobody has said."""
    async with Conversation(bot(spoken)) as talk:
        talk.client.type("hello")
        await talk.until(0.5)
        talk.say(speech(3.0), at_s=1.2)
        await talk.until(9)
        # Interrupted in the second word; then the spoken turn is answered.
        assert texts(talk) == ["one", "two", "one", "two", "three"]


async def test_a_bot_that_holds_its_breath_shows_nothing() -> None:
    """Lost otherwise: words would be read that the bot hasn't said yet."""
    async with Conversation(bot(spoken)) as talk:
        talk.client.type("hello")
        await talk.until(0.5)
        session = talk.client.session
        session.hold()
        await talk.until(4)
        assert texts(talk) == ["one"]
        session.release()
        await talk.until(8)
        assert texts(talk) == ["one", "two", "three"]
        assert times_s(talk)[1:] == pytest.approx([4.5, 5.5], abs=0.05)


async def test_a_line_that_grows() -> None:
    """Lost otherwise: each new word would open a new line of the transcript."""

    def reply(message: WebRTCData) -> Iterator[Any]:
        yield Caption("Good", final=False, id="line")
        yield SECOND
        yield Caption("Good morning", id="line")
        yield SECOND

    async with Conversation(bot(reply)) as talk:
        talk.client.type("hello")
        await talk.until(3)
        assert [c.data for c in captions(talk)] == [
            {"role": "assistant", "text": "Good", "id": "line", "final": False},
            {"role": "assistant", "text": "Good morning", "id": "line", "final": True},
        ]


async def test_one_caption_shown_twice_is_two_lines() -> None:
    """Lost otherwise: a sentence kept in a constant would be shown only once."""
    greeting = Caption("Hello!")

    def reply(message: WebRTCData) -> Iterator[Any]:
        yield greeting
        yield greeting

    async with Conversation(bot(reply)) as talk:
        talk.client.type("hello")
        await talk.until(1)
        assert len({c.data["id"] for c in captions(talk)}) == 2


async def test_outputs_do_not_wait_for_captions() -> None:
    """Lost otherwise: components of the page would lag behind as captions do."""

    def reply(message: WebRTCData) -> Iterator[Any]:
        yield SECOND
        yield Caption("late")
        yield AdditionalOutputs("early")

    async with Conversation(bot(reply)) as talk:
        talk.client.type("hello")
        await talk.until(3)
        output = await talk.message("fetch_output", within_s=0.1)
        assert output.at_s < 0.1
        assert times_s(talk) == pytest.approx([1.0], abs=0.05)


async def test_the_last_words_come_before_the_end() -> None:
    """Lost otherwise: a farewell would be heard and never read."""

    def reply(message: WebRTCData) -> Iterator[Any]:
        yield SECOND
        yield Caption("Goodbye.")
        yield CloseStream("over")

    async with Conversation(bot(reply)) as talk:
        talk.client.type("hello")
        await talk.message("end_stream", within_s=3)
        assert texts(talk) == ["Goodbye."]


async def test_a_prepared_reply_shows_nothing_before_it_is_heard() -> None:
    """Lost otherwise: answers to half a sentence would flash up in the transcript."""

    def reply(audio: Any) -> Iterator[Any]:
        yield Caption("an answer")
        yield SECOND

    async with Conversation(bot(reply)) as talk:
        said = talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=3)
        assert texts(talk) == ["an answer"]
        ended = await talk.message("log", "pause_detected", within_s=0.1)
        assert times_s(talk)[0] >= ended.at_s > said.end_s


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_captions_of_emit(kind: str) -> None:
    """Lost otherwise: only reply functions could be read."""
    given = [Caption("one"), SECOND, Caption("two"), (SECOND, Caption("three"))]

    def emit(handler: Any) -> Any:
        return given.pop(0) if given else None

    async def emit_async(handler: Any) -> Any:
        return emit(handler)

    handler = SyncHandler(emit) if kind == "sync" else AsyncHandler(emit_async)
    async with Conversation(handler) as talk:
        await talk.until(4)
        assert texts(talk) == ["one", "two", "three"]
        # Emitted half a second ahead at most, and shown in their time.
        assert times_s(talk) == pytest.approx([0, 1, 1], abs=0.05)


async def test_captions_in_receive_mode() -> None:
    """Lost otherwise: a broadcast could be heard only."""

    def generate() -> Iterator[Any]:
        for n in range(3):
            yield SECOND, Caption(f"line {n}")

    stream = Stream(generate, modality="audio", mode="receive")
    async with Conversation(stream) as talk:
        await talk.message("end_stream", within_s=5)
        assert texts(talk) == ["line 0", "line 1", "line 2"]
        assert times_s(talk) == pytest.approx([0, 1, 2], abs=0.05)


async def test_a_clear_queue_drops_captions() -> None:
    """Lost otherwise: words would be read whose sound was dropped."""

    async with Conversation(bot(spoken)) as talk:
        talk.client.type("hello")
        await talk.until(0.5)
        handler: Any = talk.client.session.handler
        handler.clear_queue()
        await talk.until(5)
        assert texts(talk) == ["one"]


async def test_a_bad_caption_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Lost otherwise: a wrong value would vanish without a word."""

    def reply(message: WebRTCData) -> Iterator[Any]:
        yield Caption(3)  # type: ignore[arg-type]

    async with Conversation(bot(reply)) as talk:
        talk.client.type("hello")
        await talk.message("error", within_s=0.1)
    assert "a caption's text must be a str" in caplog.text


# -- the user's words ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_partials_of_the_user_are_shown_at_once(kind: str) -> None:
    """Lost otherwise: users could not see that they are understood."""

    def show() -> str:
        line = show_caption("what")
        assert show_caption("what time", id=line) == line
        return show_caption("What time is it?", final=True, id=line)

    def reply(audio: Any) -> Iterator[Any]:
        show()
        yield SECOND

    async def reply_async(audio: Any) -> AsyncIterator[Any]:
        await asyncio.gather(threads.run(show))
        yield SECOND

    async with Conversation(bot(reply if kind == "sync" else reply_async)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=3)
        shown = [c.data for c in captions(talk)]
    (line,) = {data["id"] for data in shown}
    assert shown == [
        {"role": "user", "text": text, "id": line, "final": final}
        for text, final in [
            ("what", False),
            ("what time", False),
            ("What time is it?", True),
        ]
    ]


async def test_what_is_shown_now_does_not_wait_for_the_bot() -> None:
    """Lost otherwise: the user's words would appear when the bot has finished."""

    async def receive(handler: AsyncHandler, frame: Any) -> None:
        if frame[1].any():
            show_caption("the user", id="u")

    given: list[Any] = [SECOND, SECOND, Caption("the bot")]

    async def emit(handler: AsyncHandler) -> Any:
        return given.pop(0) if given else None

    async with Conversation(AsyncHandler(emit, receive)) as talk:
        talk.say(speech(0.02), at_s=0.5)
        await talk.until(3)
        assert texts(talk)[0] == "the user"
        assert texts(talk)[-1] == "the bot"
        assert times_s(talk)[0] == pytest.approx(0.52, abs=0.03)
        assert times_s(talk)[-1] == pytest.approx(2.0, abs=0.05)


async def test_two_users_read_their_own() -> None:
    """Lost otherwise: one user's words would be shown to another."""

    def reply(message: WebRTCData) -> Iterator[Any]:
        show_caption(message.textbox, final=True)
        yield Caption(f"to {message.textbox}")

    handler = bot(reply)
    table = SessionTable(lambda: handler, limit=None)
    async with Conversation(table) as ann, Conversation(table) as bob:
        ann.client.type("Ann")
        bob.client.type("Bob")
        await ann.until(1)
        assert texts(ann) == ["Ann", "to Ann"]
        assert texts(bob) == ["Bob", "to Bob"]


def test_outside_of_a_session_nothing_is_shown() -> None:
    """Lost otherwise: a reply function could not be tested by calling it."""
    assert show_caption("hello", id="a") == "a"
    assert show_caption("hello") != show_caption("hello")

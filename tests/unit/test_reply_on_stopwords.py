"""ReplyOnStopWords: what counts as a stop word, and what follows it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from fastrtc import ReplyOnStopWords
from fastrtc.errors import ConfigurationError
from fastrtc.handlers.reply_on_stopwords import StopWordMatcher
from fastrtc.testing import Conversation, LoudnessModel, speech
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time


class Ears:
    """A speech recognizer that hears what the script says."""

    def __init__(self, *texts: Any) -> None:
        self.texts = list(texts)
        self.heard: list[tuple[int, Any]] = []
        self.threads: set[str] = set()

    def stt(self, audio: Any) -> str:
        self.heard.append(audio)
        self.threads.add(threading.current_thread().name)
        text = self.texts.pop(0)
        if isinstance(text, Exception):
            raise text
        return text


def make(
    ears: Ears, got: list[Any], words: Any = ("computer",), **options: Any
) -> ReplyOnStopWords:
    def reply(audio: Any) -> Iterator[Any]:
        got.append(audio)
        yield 24_000, tone(0.2)

    return ReplyOnStopWords(
        reply, words, model=LoudnessModel(), stt_model=ears, **options
    )


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (["computer"], "Computer!", True),
        (["computer"], "hey, COMPUTER: lights on", True),
        (["computer"], "computers are fine", False),
        (["computer"], "minicomputer", False),
        (["hello llama"], "Hello, Llama.", True),
        (["hello llama"], "hello  -  llama", True),
        (["hello llama"], "hello dear llama", False),
        (["hey bot", "ok bot"], "well ok bot go", True),
        (["c3po!"], "C3PO", True),
        (["grüße"], "Viele GRÜSSE", False),
        (["école"], "L'École", True),
        (["a.b"], "axb", False),
        (["computer"], "", False),
    ],
)
def test_matching(words: list[str], text: str, found: bool) -> None:
    """Lost otherwise: the bot would not wake up, or wake up unasked."""
    assert (StopWordMatcher(words).find(text) is not None) is found


def test_where_the_word_ends() -> None:
    """Lost otherwise: a command in the same breath would be lost or cut."""
    matcher = StopWordMatcher(["computer"])
    assert matcher.find("computer") == 1.0
    assert matcher.find("computer...") == 1.0
    assert matcher.find("computer, 12345") == pytest.approx(8 / 15)


@pytest.mark.parametrize("words", [[], [""], ["!?"], ""])
def test_no_stop_word_is_refused(words: Any) -> None:
    """Lost otherwise: a bot that can't be woken would start without a word."""
    with pytest.raises(ConfigurationError, match="stop_words needs a word"):
        make(Ears(), [], words)


def test_one_word_as_a_string() -> None:
    """Lost otherwise: each letter of the word would wake the bot."""
    handler = make(Ears(), [], "computer")
    assert handler.stop_words == ["computer"]
    assert handler.stop_word_detected("Computer, on!")
    assert not handler.stop_word_detected("c")


def test_copies_keep_everything() -> None:
    """Lost otherwise: a client's bot would listen to other words."""
    ears = Ears()
    handler = make(ears, [], ["a", "b"], can_interrupt=False, input_sample_rate=16_000)
    made = handler.copy()
    assert made.stop_words == ["a", "b"]
    assert made.stt_model is ears
    assert made.can_interrupt is False
    assert made.input_sample_rate == 16_000


async def test_the_turn_after_the_word_is_answered() -> None:
    """Lost otherwise: the bot would not answer, or answer everything."""
    ears, got = Ears("nice weather", "Computer.", "thanks"), list[Any]()
    async with Conversation(make(ears, got)) as talk:
        talk.say(speech(1.0), at_s=1)
        talk.say(speech(0.6), at_s=4)
        await talk.until(6)
        assert got == []
        (stopword,) = [m for m in talk.messages if m.type == "stopword"]
        assert 4.6 < stopword.at_s < 5.3
        talk.say(speech(1.5), at_s=7)
        await talk.bot_starts(within_s=4)
        talk.say(speech(0.5), at_s=12)
        await talk.until(15)
    assert len(got) == 1
    assert got[0][1].shape[1] / 48_000 == pytest.approx(1.5 + 0.4 + 0.48, abs=0.1)
    assert len(ears.heard) == 3
    assert ears.threads == {"fastrtc-worker"}


async def test_a_command_in_the_same_breath() -> None:
    """Lost otherwise: "Computer, lights on" would have to be said twice."""
    ears, got = Ears("computer, 12345"), list[Any]()
    async with Conversation(make(ears, got)) as talk:
        talk.say(speech(3.0), at_s=1)
        await talk.bot_starts(within_s=6)
        assert len([m for m in talk.messages if m.type == "stopword"]) == 1
    whole = ears.heard[0][1].shape[1]
    rest = got[0][1].shape[1]
    assert rest == pytest.approx(whole * 7 / 15 + 0.25 * 48_000, abs=4)


async def test_no_word_no_answer() -> None:
    """Lost otherwise: the bot would join in other people's talk."""
    ears, got = Ears(*["bla"] * 3), list[Any]()
    async with Conversation(make(ears, got)) as talk:
        for n in range(3):
            talk.say(speech(1.0), at_s=1 + 3 * n)
        await talk.bot_is_silent(for_s=12)
    assert got == []
    assert len(ears.heard) == 3


async def test_a_failing_recognizer_is_reported_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: one failure would make the bot deaf, in silence."""
    ears, got = Ears(ValueError("secret"), "computer do it"), list[Any]()
    async with Conversation(make(ears, got)) as talk:
        talk.say(speech(1.0), at_s=1)
        message = await talk.message("error", within_s=4)
        assert "secret" not in message.data
        talk.say(speech(1.0), at_s=5)
        await talk.bot_starts(within_s=8)
    assert "ValueError: secret" in caplog.text


async def test_an_async_recognizer() -> None:
    """Lost otherwise: recognizers behind a network could not be used."""

    class Remote:
        async def stt(self, audio: Any) -> str:
            await asyncio.sleep(0.3)
            return "computer do it"

    got: list[Any] = []
    remote: Any = Remote()
    async with Conversation(make(remote, got)) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=4)

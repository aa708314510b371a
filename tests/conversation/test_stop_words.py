"""Conversations with a bot that sleeps until it hears its name."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from fastrtc import ReplyOnStopWords
from fastrtc.handlers.stop_words.tape import WINDOW_S
from fastrtc.handlers.stop_words.transcripts import STT_TIMEOUT_S
from fastrtc.testing import Conversation, LoudnessModel
from tests.support.stop_words import Bot, SlowEars, errors, stopwords
from tests.support.tone_words import Ears, said

pytestmark = pytest.mark.virtual_time


# -- the word and the command ----------------------------------------------------------


async def test_the_turn_after_the_word_is_answered_and_then_it_sleeps() -> None:
    """Lost otherwise: the bot would not answer, or answer everything."""
    ears, bot = Ears(), Bot()
    async with Conversation(bot.handler(ears)) as talk:
        talk.say(said("well well"), at_s=1)
        talk.say(said("computer"), at_s=4)
        await talk.until(6)
        assert bot.told == []
        (at_s,) = stopwords(talk)
        assert 4.4 < at_s < 4.7
        talk.say(said("lights on"), at_s=7)
        await talk.bot_starts(within_s=4)
        talk.say(said("lights on"), at_s=12)
        await talk.until(15)
    assert bot.told == ["lights on"]
    assert ears.texts == ["well well", "computer", "lights on"]


@pytest.mark.parametrize(
    ("text", "gap_s"),
    [
        ("computer lights on", 0.15),
        ("well computer lights on", 0.15),
        ("well well computer lights on", 0.13),
        ("computer … lights on", 0.0),
        ("well … well computer lights … on", 0.15),
        ("computer … lights … on … on", 0.1),
    ],
)
async def test_a_command_in_the_same_breath(text: str, gap_s: float) -> None:
    """Lost otherwise: "Computer, lights on" would have to be said twice."""
    bot = Bot()
    async with Conversation(bot.handler(Ears())) as talk:
        talk.say(said(text, gap_s), at_s=1)
        await talk.bot_starts(within_s=6)
        assert len(stopwords(talk)) == 1
        await talk.until(10)
    command = text.replace("… ", "").partition("computer ")[2]
    assert bot.told == [command]


async def test_a_command_without_a_gap_keeps_its_first_sound() -> None:
    """Lost otherwise: the bot would hear "ghts on"."""
    bot = Bot()
    async with Conversation(bot.handler(Ears())) as talk:
        talk.say(said("computer lights on", gap_s=0.0), at_s=1)
        await talk.bot_starts(within_s=6)
    assert bot.told[0].split()[-2:] == ["lights", "on"]
    rate_hz, array = bot.audio[0]
    loud_s = np.count_nonzero(np.abs(array) > 100) / rate_hz
    assert 0.8 <= loud_s < 1.15


async def test_words_before_the_word_don_t_move_it() -> None:
    """Lost otherwise: after a slow or fast beginning the command would be cut wrong."""
    bot = Bot()
    async with Conversation(bot.handler(Ears())) as talk:
        talk.say(said("on on on on on … computer lights stop", gap_s=0.0), at_s=1)
        await talk.bot_starts(within_s=8)
    assert bot.told[0].split()[-2:] == ["lights", "stop"]
    rate_hz, array = bot.audio[0]
    assert 0.8 <= np.count_nonzero(np.abs(array) > 100) / rate_hz < 1.1


async def test_any_of_several_words() -> None:
    """Lost otherwise: only the first name would be listened to."""
    bot = Bot()
    async with Conversation(bot.handler(Ears(), ["well robot", "computer"])) as talk:
        for n, text in enumerate(["robot on", "well robot on", "computer stop"]):
            talk.say(said(text, 0.15), at_s=1 + 5 * n)
        await talk.until(16)
    assert bot.told == ["on", "stop"]


async def test_the_page_is_told_while_the_user_still_talks() -> None:
    """Lost otherwise: nobody would know whether to go on with the command."""
    bot = Bot()
    async with Conversation(bot.handler(Ears())) as talk:
        spoken = talk.say(said("computer … lights … on … on … on"), at_s=1)
        await talk.until(spoken.end_s)
        (at_s,) = stopwords(talk)
        assert at_s < 1.4 + 0.2
        logs = [m.data for m in talk.messages if m.type == "log"]
        assert logs == ["started_talking"]


async def test_nothing_said_in_time_and_it_sleeps_again() -> None:
    """Lost otherwise: a minute later the bot would answer somebody else's talk."""
    bot = Bot()
    async with Conversation(bot.handler(Ears(), command_within_s=3)) as talk:
        talk.say(said("computer"), at_s=1)
        talk.say(said("lights on"), at_s=6)
        await talk.until(9)
        assert bot.told == []
        talk.say(said("computer"), at_s=10)
        talk.say(said("well on"), at_s=13)
        await talk.bot_starts(within_s=8)
    assert bot.told == ["well on"]


async def test_after_a_reply_it_may_stay_awake() -> None:
    """Lost otherwise: every sentence of a conversation would need the word."""
    bot = Bot()
    async with Conversation(bot.handler(Ears(), stay_awake_s=5)) as talk:
        talk.say(said("computer on", 0.15), at_s=1)
        talk.say(said("lights on"), at_s=6)
        talk.say(said("stop"), at_s=11)
        await talk.until(14)
        assert bot.told == ["on", "lights on", "stop"]
        talk.say(said("well well"), at_s=18)
        await talk.bot_is_silent(for_s=8)
    assert bot.told == ["on", "lights on", "stop"]


# -- recognition -----------------------------------------------------------------------


async def test_each_stretch_is_transcribed_once_in_a_growing_window() -> None:
    """Lost otherwise: listening would cost a transcription every half second."""
    ears, bot = Ears(), Bot()
    ears_threads: set[str] = set()
    plain = ears.stt

    def stt(audio: Any) -> Any:
        ears_threads.add(threading.current_thread().name)
        return plain(audio)

    ears.stt = stt  # pyright: ignore[reportAttributeAccessIssue]
    async with Conversation(bot.handler(ears)) as talk:
        talk.say(said("well on … lights … on"), at_s=20)
        await talk.until(60)
    assert ears.texts == ["well on", "well on lights", "well on lights on"]
    assert ears_threads == {"fastrtc-worker"}
    for rate_hz, array in ears.clips:
        assert rate_hz == 16_000
        assert array.dtype == np.int16
        assert array.shape[0] == 1


async def test_the_window_is_bounded() -> None:
    """Lost otherwise: a radio in the room would be transcribed from the start."""
    ears, bot = Ears(), Bot()
    async with Conversation(bot.handler(ears)) as talk:
        talk.say(said(" ".join(["well on …"] * 25)), at_s=1)
        await talk.until(40)
    lengths_s = [array.shape[1] / rate_hz for rate_hz, array in ears.clips]
    assert len(lengths_s) == 25
    assert max(lengths_s) == pytest.approx(WINDOW_S, abs=0.2)
    assert lengths_s[-1] == pytest.approx(WINDOW_S, abs=0.2)


async def test_the_word_is_found_late_in_a_long_turn() -> None:
    """Lost otherwise: who has talked for long could not turn to the bot."""
    bot = Bot()
    async with Conversation(bot.handler(Ears())) as talk:
        talk.say(said(" ".join(["well …"] * 40) + " computer … lights on"), at_s=1)
        await talk.bot_starts(within_s=40)
    assert bot.told == ["lights on"]


async def test_a_slow_recognizer_gets_the_newest_stretch_next() -> None:
    """Lost otherwise: transcriptions would pile up behind the talk."""
    ears, bot = SlowEars(1.5), Bot()
    async with Conversation(bot.handler(ears)) as talk:
        talk.say(said("well … on … well … on … well … on"), at_s=1)
        await talk.until(10)
    assert ears.most_at_once == 1
    # While the first was transcribed two more were said, of which the last is next.
    assert ears.texts[0] == "well"
    assert ears.texts[-1] == "well on well on well on"
    assert len(ears.texts) <= 4


async def test_a_slow_recognizer_hears_the_command_all_the_same() -> None:
    """Lost otherwise: with a slow model nothing but the word would be heard."""
    bot = Bot()
    async with Conversation(bot.handler(SlowEars(3.0))) as talk:
        talk.say(said("computer"), at_s=1)
        talk.say(said("lights on"), at_s=2.5)
        await talk.bot_starts(within_s=8)
        assert bot.told == ["lights on"]
        talk.say(said("computer stop", 0.15), at_s=12)
        await talk.bot_starts(within_s=12)
    assert bot.told == ["lights on", "stop"]


async def test_a_hopeless_recognizer_fills_no_memory() -> None:
    """Lost otherwise: turns would wait for ever, and be answered long after."""
    ears, bot = SlowEars(9.0), Bot()
    handler = bot.handler(ears)
    async with Conversation(handler) as talk:
        for n in range(40):
            talk.say(said("well"), at_s=1 + 1.5 * n)
        await talk.until(61)
        alive: Any = talk.client.session.handler
        assert len(alive._turns) <= 8
        assert len(alive._watch._waiting) <= 16
    assert ears.most_at_once == 1


async def test_a_failing_recognizer_is_reported_once_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: one failure would make the bot deaf, in silence."""
    ears, bot = Ears(), Bot()
    plain = ears.stt

    def stt(audio: Any) -> Any:
        if len(ears.clips) == 0:
            ears.clips.append(audio)
            raise ValueError("secret")
        return plain(audio)

    ears.stt = stt  # pyright: ignore[reportAttributeAccessIssue]
    async with Conversation(bot.handler(ears)) as talk:
        talk.say(said("computer … lights … on"), at_s=1)
        await talk.until(5)
        (message,) = errors(talk)
        assert "secret" not in message
        assert bot.told == []
        assert not talk.ended
        talk.say(said("computer stop", 0.15), at_s=6)
        await talk.bot_starts(within_s=5)
    assert bot.told == ["stop"]
    assert "ValueError: secret" in caplog.text


async def test_a_hanging_recognizer_is_reported_and_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: one lost answer of a server would make the bot deaf."""
    bot = Bot()
    async with Conversation(bot.handler(SlowEars(3600.0, 0.1))) as talk:
        talk.say(said("computer stop"), at_s=1)
        message = await talk.message("error", within_s=STT_TIMEOUT_S + 2)
        assert message.at_s > STT_TIMEOUT_S
        talk.say(said("computer on", 0.15), at_s=13)
        await talk.bot_starts(within_s=5)
    assert bot.told == ["on"]
    assert "SlowEars.stt() took over 10 s" in caplog.text


async def test_a_recognizer_that_gives_no_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: the author would not learn what is wrong with the model."""

    class Mute:
        def stt(self, audio: Any) -> Any:
            return None

    bot = Bot()
    async with Conversation(bot.handler(Mute())) as talk:
        talk.say(said("computer"), at_s=1)
        await talk.message("error", within_s=3)
    assert "Mute.stt() must return the text as a str, not NoneType" in caplog.text


async def test_words_of_the_users_own() -> None:
    """Lost otherwise: subclasses that decide what wakes the bot would be ignored."""

    class Polite(ReplyOnStopWords):
        def stop_word_detected(self, text: str) -> bool:
            return "stop" in text

        def copy(self) -> Polite:
            return Polite(bot.reply, ["x"], model=self.model, stt_model=Ears())

    bot = Bot()
    async with Conversation(
        Polite(bot.reply, ["x"], model=LoudnessModel(), stt_model=Ears())
    ) as talk:
        talk.say(said("computer on"), at_s=1)
        talk.say(said("lights stop"), at_s=5)
        await talk.bot_starts(within_s=8)
    assert bot.told == ["lights stop"]


# -- the bot's turn --------------------------------------------------------------------


async def test_talk_does_not_interrupt_but_the_word_does() -> None:
    """Lost otherwise: in company the bot could not finish a sentence."""
    bot = Bot(reply_s=12.0)
    async with Conversation(bot.handler(Ears())) as talk:
        talk.say(said("computer on", 0.15), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        talk.say(said("well well lights on"), at_s=started_s + 1)
        await talk.until(started_s + 5)
        # Neither ended nor held.
        (span,) = talk.bot_speech()
        assert span.end_s >= started_s + 4.9
        spoken = talk.say(said("computer … lights … stop"), at_s=started_s + 6)
        await talk.until(spoken.end_s)
        (span,) = talk.bot_speech()
        assert span.end_s == pytest.approx(started_s + 6.4 + 0.15, abs=0.1)
        await talk.bot_starts(within_s=2)
    assert bot.told == ["on", "lights stop"]


async def test_an_awake_bot_is_interrupted_by_speech() -> None:
    """Lost otherwise: in a conversation the user could not break in."""
    bot = Bot(reply_s=8.0)
    async with Conversation(bot.handler(Ears(), stay_awake_s=5)) as talk:
        talk.say(said("computer on", 0.15), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        talk.say(said("well well lights on"), at_s=started_s + 1)
        await talk.until(started_s + 3)
        assert talk.bot_speech()[0].end_s == pytest.approx(started_s + 1.25, abs=0.15)
        await talk.bot_starts(within_s=2)
    assert bot.told == ["on", "well well lights on"]


async def test_a_bot_that_can_not_be_interrupted_hears_nothing_meanwhile() -> None:
    """Lost otherwise: it would answer what was said into its reply."""
    bot, ears = Bot(reply_s=4.0), Ears()
    async with Conversation(bot.handler(ears, can_interrupt=False)) as talk:
        talk.say(said("computer on", 0.15), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        talk.say(said("computer stop"), at_s=started_s + 1)
        await talk.until(started_s + 6)
        assert talk.bot_spoke_s() == pytest.approx(4.0, abs=0.1)
        talk.say(said("computer lights", 0.15), at_s=started_s + 7)
        await talk.until(started_s + 11)
    assert bot.told == ["on", "lights"]
    # At the gap of 0.15 s the word was known already.
    assert ears.texts == ["computer", "computer"]


async def test_a_reply_on_request_drops_the_turn() -> None:
    """Lost otherwise: the words before a button was pressed would be answered too."""
    bot = Bot()
    async with Conversation(bot.handler(Ears())) as talk:
        talk.say(said("computer … lights … on"), at_s=1)
        await talk.until(2.0)
        handler: Any = talk.client.session.handler
        handler.trigger_response()
        await talk.until(6)
    assert bot.told == [""]


async def test_a_dropped_turn_is_not_announced() -> None:
    """Lost otherwise: the page would say "listening" and nobody would listen."""
    bot = Bot()
    async with Conversation(bot.handler(SlowEars(2.0))) as talk:
        talk.say(said("computer"), at_s=1)
        await talk.until(1.7)
        handler: Any = talk.client.session.handler
        handler.trigger_response()
        await talk.until(6)
        assert stopwords(talk) == []


async def test_a_reset_forgets_the_word() -> None:
    """Lost otherwise: the next user of a shared device would be answered."""
    bot = Bot()
    async with Conversation(bot.handler(Ears())) as talk:
        talk.say(said("computer"), at_s=1)
        await talk.until(3)
        handler: Any = talk.client.session.handler
        handler.reset()
        talk.say(said("lights on"), at_s=4)
        await talk.bot_is_silent(for_s=4)
    assert bot.told == []

"""A bot with a name that a keyword spotter listens for."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from fastrtc.handlers.stop_words.spotting import PUSH_TIMEOUT_S
from fastrtc.handlers.stop_words.tape import WINDOW_S
from fastrtc.keyword_spotting import Hit
from fastrtc.testing import Conversation
from tests.support.stop_words import Bot, errors, stopwords
from tests.support.tone_words import Spotter, SpotterStream, said

pytestmark = pytest.mark.virtual_time


# -- keyword spotters ------------------------------------------------------------------


async def test_a_spotter_hears_the_word_and_needs_no_recognizer() -> None:
    """Lost otherwise: a wake word would need a speech-to-text model."""
    spotter, bot = Spotter("computer"), Bot()
    async with Conversation(bot.spotting(spotter)) as talk:
        talk.say(said("well well"), at_s=10)
        talk.say(said("computer"), at_s=14)
        talk.say(said("lights on"), at_s=17)
        await talk.bot_starts(within_s=20)
        (at_s,) = stopwords(talk)
        assert 14.5 < at_s < 14.8
        talk.say(said("computer stop", 0.15), at_s=22)
        await talk.until(27)
    assert bot.told == ["lights on", "stop"]
    assert spotter.rates == [16_000]
    (stream,) = spotter.streams
    pushed_s = sum(samples.size for samples in stream.pushed) / 16_000
    # Two turns and one up to its hit, with their pre-rolls and pauses.
    assert pushed_s < 0.9 + 0.4 + 0.4 + 3 * 1.1
    assert stream.resets >= 3


async def test_the_word_is_heard_before_the_sentence_ends() -> None:
    """Lost otherwise: a bot that talks would be silenced too late."""
    bot = Bot(reply_s=8.0)
    async with Conversation(bot.spotting(Spotter("computer"))) as talk:
        talk.say(said("computer on", 0.15), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        talk.say(said("well computer stop lights on stop", 0.15), at_s=started_s + 1)
        await talk.until(started_s + 3)
        (span,) = talk.bot_speech()
        assert span.end_s < started_s + 1 + 0.95 + 0.35
        await talk.bot_starts(within_s=5)
    assert bot.told == ["on", "stop lights on stop"]


async def test_stop_words_choose_among_the_spotters_keywords() -> None:
    """Lost otherwise: an engine's other keywords would wake the bot too."""
    bot = Bot()
    for words, told in ((["robot"], []), (["Computer!"], ["on"]), ([], ["on"])):
        bot.told.clear()
        async with Conversation(bot.spotting(Spotter("computer"), words)) as talk:
            talk.say(said("computer on", 0.15), at_s=1)
            await talk.until(5)
        assert bot.told == told


async def test_a_spotter_that_lags_loses_nothing() -> None:
    """Lost otherwise: a busy machine would make the bot deaf."""

    class Slow(Spotter):
        def open_stream(self, sample_rate_hz: int) -> Any:
            stream = super().open_stream(sample_rate_hz)
            push = stream.push

            async def pushed(samples: Any) -> Any:
                await asyncio.sleep(0.5 + 2 * samples.size / sample_rate_hz)
                return push(samples)

            stream.push = pushed
            return stream

    bot, spotter = Bot(), Slow("computer")
    async with Conversation(bot.spotting(spotter)) as talk:
        talk.say(said("well computer lights on", 0.15), at_s=1)
        await talk.bot_starts(within_s=15)
    assert bot.told == ["lights on"]
    assert max(s.size for s in spotter.streams[0].pushed) <= 16_000


async def test_a_spotter_that_never_catches_up_keeps_to_the_present() -> None:
    """Lost otherwise: audio would pile up, and the bot wake up minutes late."""

    class Hopeless(Spotter):
        def open_stream(self, sample_rate_hz: int) -> Any:
            stream = super().open_stream(sample_rate_hz)
            push = stream.push

            async def pushed(samples: Any) -> Any:
                await asyncio.sleep(4 * samples.size / sample_rate_hz)
                return push(samples)

            stream.push = pushed
            return stream

    bot = Bot()
    async with Conversation(bot.spotting(Hopeless("computer"))) as talk:
        talk.say(said(" ".join(["well on …"] * 50)), at_s=1)
        await talk.until(70)
        handler: Any = talk.client.session.handler
        tape = handler._listener.tape
        assert tape._kept < (WINDOW_S + 1) * 16_000
        talk.say(said("computer lights", 0.15), at_s=100)
        await talk.bot_starts(within_s=60)
    assert bot.told == ["lights"]


class Broken(Spotter):
    """Fails as told, then works."""

    def __init__(self, failure: Any) -> None:
        super().__init__("computer")
        self.failure = failure

    def open_stream(self, sample_rate_hz: int) -> Any:
        stream = super().open_stream(sample_rate_hz)
        if len(self.streams) == 1:
            stream.push = self.failure
        return stream


async def test_a_spotter_that_fails_is_reported_and_opened_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: one failure would make the bot deaf, in silence."""

    def fail(samples: Any) -> Any:
        raise ValueError("secret")

    spotter, bot = Broken(fail), Bot()
    async with Conversation(bot.spotting(spotter)) as talk:
        talk.say(said("computer on"), at_s=1)
        await talk.until(4)
        (message,) = errors(talk)
        assert "keyword spotter" in message
        assert "secret" not in message
        talk.say(said("computer stop", 0.15), at_s=5)
        await talk.bot_starts(within_s=5)
    assert bot.told == ["stop"]
    assert len(spotter.streams) == 2
    assert caplog.text.count("ValueError: secret") == 1


async def test_a_spotter_that_hangs_is_reported_and_opened_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: the bot would be deaf for the rest of the session."""

    async def hang(samples: Any) -> Any:
        await asyncio.sleep(3600)

    bot = Bot()
    async with Conversation(bot.spotting(Broken(hang))) as talk:
        talk.say(said("computer on"), at_s=1)
        await talk.message("error", within_s=PUSH_TIMEOUT_S + 2)
        talk.say(said("computer stop", 0.15), at_s=10)
        await talk.bot_starts(within_s=8)
    assert bot.told == ["stop"]
    assert "Broken's push() took over 5 s" in caplog.text


async def test_a_spotter_whose_hits_are_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: the author would not learn what is wrong with the engine."""
    bot = Bot()
    for wrong in ("computer", Hit("computer", float("nan"))):
        spotter = Broken(lambda samples, wrong=wrong: [wrong])
        async with Conversation(bot.spotting(spotter)) as talk:
            talk.say(said("computer"), at_s=1)
            await talk.message("error", within_s=3)
        assert "Broken's push() must return Hits" in caplog.text
        caplog.clear()


async def test_a_spotter_that_can_not_be_opened(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a missing model would be found out by users' silence."""

    class Missing(Spotter):
        def open_stream(self, sample_rate_hz: int) -> Any:
            raise FileNotFoundError("no such model")

    async with Conversation(Bot().spotting(Missing("computer"))) as talk:
        await talk.message("error", within_s=1)
        talk.say(said("computer"), at_s=3)
        await talk.message("error", within_s=5, after_s=3)
        assert not talk.ended
    assert "no such model" in caplog.text


def test_the_fake_spotter_is_one() -> None:
    """Lost otherwise: these tests would test something else."""
    stream = SpotterStream("computer", 16_000)
    hits = [
        hit
        for s in np.split(said("well computer on", 0.1, 16_000)[1][0], 70)
        for hit in stream.push(s)
    ]
    assert [hit.keyword for hit in hits] == ["computer"]

"""A bot with a name: its turns, its models, and a recorded voice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import AlgoOptions, ReplyOnStopWords, SileroVadOptions
from fastrtc.testing import Conversation, LoudnessModel
from tests.support.handlers import tone
from tests.support.recordings import recording
from tests.support.stop_words import Bot, stopwords
from tests.support.tone_words import Ears, said, understood

pytestmark = pytest.mark.virtual_time


# -- turns -----------------------------------------------------------------------------


async def test_no_reply_is_prepared_while_it_sleeps() -> None:
    """Lost otherwise: talk that isn't meant for the bot would cost a reply each."""
    bot = Bot()
    algo = AlgoOptions(preemptive_after_ms=100)
    async with Conversation(bot.handler(Ears(), algo_options=algo)) as talk:
        talk.say(said("well … on … well"), at_s=1)
        await talk.until(6)
        assert bot.told == []
        talk.say(said("computer lights … on", 0.15), at_s=7)
        await talk.bot_starts(within_s=5)
    # Prepared at the first pause in vain, and again with all of it at the end.
    assert bot.told[-1] == "lights on"


class Judge:
    """An end-of-turn model that finds every turn finished."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def end_of_turn(self, audio: Any) -> float:
        self.asked.append(understood(audio))
        return 1.0

    def warmup(self) -> None:
        return None


async def test_the_end_of_turn_model_is_asked_only_about_commands() -> None:
    """Lost otherwise: it would judge all talk, or never let the bot answer early."""
    judge, bot = Judge(), Bot()
    async with Conversation(bot.handler(Ears(), end_of_turn_model=judge)) as talk:
        talk.say(said("well well"), at_s=1)
        talk.say(said("computer"), at_s=4)
        await talk.until(6)
        assert judge.asked == []
        spoken = talk.say(said("stop"), at_s=7)
        started_s = await talk.bot_starts(within_s=4)
        assert started_s - spoken.end_s < 0.3
        spoken = talk.say(said("computer on"), at_s=12)
        started_s = await talk.bot_starts(within_s=7)
        assert started_s - spoken.end_s < 0.3
    assert judge.asked == ["stop", "computer on"]


@pytest.mark.parametrize(
    "options",
    [
        {"algo_options": AlgoOptions(min_silence_ms=200)},
        {"model_options": SileroVadOptions(min_silence_duration_ms=200)},
    ],
)
async def test_a_silence_that_was_set_is_enough(options: Any) -> None:
    """Lost otherwise: the bot would be slower than it was told to be."""
    bot = Bot()
    async with Conversation(bot.handler(Ears(), **options)) as talk:
        spoken = talk.say(said("computer on", 0.15), at_s=1)
        started_s = await talk.bot_starts(within_s=4)
        assert started_s - spoken.end_s == pytest.approx(0.25, abs=0.06)


async def test_a_turn_that_is_cut() -> None:
    """Lost otherwise: a turn at its greatest length would confuse or end the bot."""
    ears, bot = Ears(), Bot()
    algo = AlgoOptions(max_continuous_speech_s=2.0)
    async with Conversation(bot.handler(ears, algo_options=algo)) as talk:
        talk.say(said("well lights on stop well lights on stop", 0.05), at_s=1)
        await talk.until(8)
        assert bot.told == []
        talk.say(said("computer lights on", 0.15), at_s=9)
        await talk.bot_starts(within_s=4)
    assert bot.told == ["lights on"]
    assert len(ears.texts) <= 4


async def test_the_rest_of_a_turn_that_is_cut_is_heard() -> None:
    """Lost otherwise: the word would be missed when somebody has talked for long."""
    bot = Bot()
    algo = AlgoOptions(max_continuous_speech_s=2.0)
    async with Conversation(bot.handler(Ears(), algo_options=algo)) as talk:
        talk.say(said("well well well well well computer … lights on", 0.0), at_s=1)
        await talk.bot_starts(within_s=8)
    assert bot.told == ["lights on"]


async def test_stereo() -> None:
    """Lost otherwise: the recognizer would hear half speed, and `fn` swapped ears."""
    ears, bot = Ears(), Bot()

    def reply(audio: Any) -> Iterator[Any]:
        rate_hz, array = audio
        assert array.shape[1] % 2 == 0
        yield from bot.reply((rate_hz, array[:, ::2]))

    handler = ReplyOnStopWords(
        reply,
        ["computer"],
        model=LoudnessModel(),
        stt_model=ears,
        expected_layout="stereo",
    )
    async with Conversation(handler) as talk:
        rate_hz, array = said("computer lights on", 0.15)
        talk.say((rate_hz, np.repeat(array, 2, axis=1)), at_s=1)
        await talk.until(9)
    # The script's microphone is mono: 20 ms of it are 10 ms of stereo.
    assert [text.split()[-1] for text in bot.told] == ["on"]


class OwnModel:
    """A user's voice detector, which only judges clips."""

    def vad(self, audio: Any, options: Any) -> Any:
        rate_hz, clip = audio
        found = np.flatnonzero(np.abs(clip) > 100)
        if not found.size:
            return 0.0, []
        chunk = {"start": int(found[0]), "end": int(found[-1]) + 1}
        return found.size / rate_hz, [chunk]

    def warmup(self) -> None:
        return None


async def test_with_a_voice_detector_of_ones_own() -> None:
    """Lost otherwise: stop words would work with Silero only."""
    ears, bot = Ears(), Bot()
    async with Conversation(bot.handler(ears, model=OwnModel())) as talk:
        talk.say(said("computer lights on", 0.2), at_s=1)
        await talk.bot_starts(within_s=5)
    assert bot.told == ["lights on"]
    assert {rate_hz for rate_hz, _ in ears.clips} == {16_000}


# -- real speech -----------------------------------------------------------------------

WORD_ENDS_MS, COMMAND_BEGINS_MS = 1120, 1260
"""Of "go forward" and "ten" in the recording of "go forward ten meters"."""


async def test_a_recorded_voice_and_the_real_voice_detector() -> None:
    """Lost otherwise: with real speech the command would be cut or not found."""
    rate_hz, samples = recording("sphinx/goforward")
    got: list[Any] = []
    clips: list[Any] = []

    class Knows:
        def stt(self, audio: Any) -> str:
            clips.append(audio)
            return "Go forward ten meters."

    def reply(audio: Any) -> Iterator[Any]:
        got.append(audio)
        yield 24_000, tone(0.5)

    handler = ReplyOnStopWords(
        reply, ["go forward"], stt_model=Knows(), input_sample_rate=rate_hz
    )
    async with Conversation(handler) as talk:
        talk.say((rate_hz, samples), at_s=1)
        await talk.bot_starts(within_s=8)
        assert len(stopwords(talk)) == 1
    ((_, command),) = got
    begins_ms = 1000 * position(command[0], samples[0]) / rate_hz
    assert WORD_ENDS_MS - 250 <= begins_ms <= COMMAND_BEGINS_MS
    assert len(clips) <= 3


def position(part: Any, whole: Any) -> int:
    """The index in `whole` at which `part` begins, sample for sample."""
    key = part[:400]
    views = np.lib.stride_tricks.sliding_window_view(whole, key.size)
    (found,) = np.flatnonzero((views == key).all(axis=1))
    return int(found)

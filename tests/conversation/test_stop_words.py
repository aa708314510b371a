"""Conversations with a bot that sleeps until it hears its name."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import AlgoOptions, ReplyOnStopWords, SileroVadOptions
from fastrtc.handlers.stop_words.spotting import PUSH_TIMEOUT_S
from fastrtc.handlers.stop_words.tape import WINDOW_S
from fastrtc.handlers.stop_words.transcripts import STT_TIMEOUT_S
from fastrtc.keyword_spotting import Hit
from fastrtc.testing import Conversation, LoudnessModel
from tests.support.handlers import tone
from tests.support.recordings import recording
from tests.support.tone_words import Ears, Spotter, SpotterStream, said, understood

pytestmark = pytest.mark.virtual_time


class Bot:
    """What its reply function was told, and the handler around it."""

    def __init__(self, reply_s: float = 0.5) -> None:
        self.told: list[str] = []
        self.audio: list[Any] = []
        self._reply_s = reply_s

    def reply(self, audio: Any) -> Iterator[Any]:
        self.audio.append(audio)
        self.told.append(understood(audio))
        yield 24_000, tone(self._reply_s)

    def handler(
        self, ears: Any = None, words: Any = ("computer",), **options: Any
    ) -> ReplyOnStopWords:
        options = {"model": LoudnessModel(), "stt_model": ears, **options}
        return ReplyOnStopWords(self.reply, words, **options)

    def spotting(self, spotter: Any, words: Any = (), **options: Any) -> Any:
        return self.handler(None, words, spotter=spotter, **options)


def stopwords(talk: Conversation) -> list[float]:
    return [message.at_s for message in talk.messages if message.type == "stopword"]


def errors(talk: Conversation) -> list[str]:
    return [message.data for message in talk.messages if message.type == "error"]


class SlowEars(Ears):
    """Transcribes behind a slow network."""

    def __init__(self, *delays_s: float) -> None:
        super().__init__()
        self.delays_s = list(delays_s)
        self.under_way = self.most_at_once = 0

    async def stt(self, audio: Any) -> Any:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await asyncio.sleep(
                self.delays_s.pop(0) if len(self.delays_s) > 1 else self.delays_s[0]
            )
        finally:
            self.under_way -= 1
        return super().stt(audio)


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


def test_the_fake_spotter_is_one() -> None:
    """Lost otherwise: these tests would test something else."""
    stream = SpotterStream("computer", 16_000)
    hits = [
        hit
        for s in np.split(said("well computer on", 0.1, 16_000)[1][0], 70)
        for hit in stream.push(s)
    ]
    assert [hit.keyword for hit in hits] == ["computer"]

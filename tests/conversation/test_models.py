"""Voice detectors in conversation: ours on real speech, and users' own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrtc import AlgoOptions, ReplyOnPause, SileroVadOptions, get_tts_model
from fastrtc.testing import Conversation, LoudnessModel, speech
from tests.support.handlers import tone
from tests.support.recordings import recording

pytestmark = pytest.mark.virtual_time
VOICE = (24_000, tone(0.5))


class OwnModel:
    """A user's model: whole clips only, and it notes who calls it."""

    def __init__(self) -> None:
        self.threads: set[str] = set()
        self.options: set[Any] = set()
        self.loud = LoudnessModel()

    def vad(self, audio: Any, options: Any) -> Any:
        self.threads.add(threading.current_thread().name)
        self.options.add(options)
        rate_hz, clip = audio
        found = np.flatnonzero(np.abs(clip) > 100)
        if not found.size:
            return 0.0, []
        chunk = {"start": int(found[0]), "end": int(found[-1]) + 1}
        return found.size / rate_hz, [chunk]

    def warmup(self) -> None:
        return None


async def test_a_model_of_ones_own_runs_off_the_loop() -> None:
    """Lost otherwise: a slow model would freeze all sessions of the server."""
    model = OwnModel()
    handler = ReplyOnPause(
        lambda audio: iter([VOICE]), model=model, model_options="mine"
    )
    async with Conversation(handler) as talk:
        for n in range(3):
            said = talk.say(speech(1.0), at_s=1 + 4 * n)
            started_s = await talk.bot_starts(within_s=7)
            assert 0.4 < started_s - said.end_s < 0.8
    assert model.threads == {"fastrtc-worker"}
    assert model.options == {"mine"}


async def test_a_model_of_ones_own_hears_every_frame() -> None:
    """Lost otherwise: words would be missing from the utterance."""
    got: list[Any] = []
    async with Conversation(ReplyOnPause(got.append, model=OwnModel())) as talk:
        talk.say(speech(2.0), at_s=1)
        await talk.until(6)
    ((rate_hz, array),) = got
    loud = np.flatnonzero(np.abs(array[0]) > 50)
    assert loud.size / rate_hz == pytest.approx(2.0, rel=0.02)


async def test_a_failing_model_is_told_and_is_no_speech(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a broken model would count as speech, in silence."""

    class Broken(OwnModel):
        def vad(self, audio: Any, options: Any) -> Any:
            raise ValueError("secret")

    got: list[Any] = []
    async with Conversation(ReplyOnPause(got.append, model=Broken())) as talk:
        talk.say(speech(1.0), at_s=1)
        message = await talk.message("error", within_s=4)
        assert "secret" not in message.data
        await talk.until(4)
        assert not talk.ended
    assert got == []
    assert "ValueError: secret" in caplog.text


# -- real speech -----------------------------------------------------------------------


def spoken(text: str) -> Any:
    pytest.importorskip("espeakng_loader")
    rate_hz, audio = get_tts_model("espeak").tts(text)
    return rate_hz, np.asarray(audio, np.int16).reshape(1, -1)


async def test_real_speech_is_answered_once_and_soon() -> None:
    """Lost otherwise: the bot would cut users off, or make them wait."""
    got: list[Any] = []

    def reply(audio: Any) -> Iterator[Any]:
        got.append(audio)
        yield VOICE

    clip = spoken("Could you tell me what the weather will be like tomorrow?")
    async with Conversation(ReplyOnPause(reply)) as talk:
        said = talk.say(clip, at_s=1)
        started_s = await talk.bot_starts(within_s=10)
        assert 0.1 < started_s - said.end_s < 0.5
        await talk.until(said.end_s + 3)
    ((rate_hz, array),) = got
    # All of it: the samples that are not silence are those that were said.
    said_loud = np.flatnonzero(np.abs(clip[1][0]) > 1000)
    got_loud = np.flatnonzero(np.abs(array[0]) > 1000)
    length_s = (said_loud[-1] - said_loud[0]) / clip[0]
    assert (got_loud[-1] - got_loud[0]) / rate_hz == pytest.approx(length_s, abs=0.02)


async def test_real_speech_interrupts() -> None:
    """Lost otherwise: users would have to wait for the end of every answer."""
    clip = spoken("Wait, stop, that is not what I meant at all.")

    def reply(audio: Any) -> Iterator[Any]:
        yield 24_000, tone(8.0)

    async with Conversation(ReplyOnPause(reply)) as talk:
        talk.say(clip, at_s=1)
        started_s = await talk.bot_starts(within_s=8)
        said = talk.say(clip, at_s=started_s + 2)
        await talk.until(said.end_s)
        assert talk.bot_speech()[0].end_s - said.start_s < 0.6


async def test_noise_and_tones_are_not_answered() -> None:
    """Lost otherwise: music or a fan would talk to the bot."""
    noise = np.random.default_rng(0).normal(0, 800, 48_000 * 3).astype(np.int16)
    got: list[Any] = []
    async with Conversation(ReplyOnPause(got.append)) as talk:
        talk.say((48_000, noise.reshape(1, -1)), at_s=1)
        await talk.until(6)
    assert got == []


async def test_the_threshold_of_silero_is_used() -> None:
    """Lost otherwise: sensitivity could not be set."""
    got: list[Any] = []
    options = SileroVadOptions(threshold=1.1)
    async with Conversation(ReplyOnPause(got.append, model_options=options)) as talk:
        talk.say(spoken("Can anybody hear me?"), at_s=1)
        await talk.until(6)
    assert got == []


async def listen(
    seconds: float, *, algo: AlgoOptions | None = None, **vad: Any
) -> tuple[list[NDArray[np.int16]], float]:
    """What `fn` gets of so much speech, and the silence after which it gets it."""
    got: list[Any] = []
    options = SileroVadOptions(**vad)
    handler = ReplyOnPause(got.append, None, algo, options, model=LoudnessModel())
    async with Conversation(handler) as talk:
        said = talk.say(speech(seconds), at_s=3)
        await talk.until(8)
        ends_s = [m.at_s for m in talk.messages if m.data == "pause_detected"]
    silence_s = ends_s[-1] - said.end_s if ends_s else 0.0
    return [array[0] for _, array in got], silence_s


def before_s(array: NDArray[np.int16]) -> float:
    """Silence before the first sound."""
    return float(np.flatnonzero(np.abs(array) > 50)[0]) / 48_000


async def test_the_shortest_speech_of_silero_is_used() -> None:
    """Lost otherwise: a bot could not be made to ignore short words."""
    assert len((await listen(0.3))[0]) == 1
    assert len((await listen(0.3, min_speech_duration_ms=400))[0]) == 0
    assert len((await listen(0.5, min_speech_duration_ms=400))[0]) == 1


async def test_the_shortest_silence_of_silero_is_used() -> None:
    """Lost otherwise: patience set in the way of older programs would be ignored."""
    assert (await listen(1.0))[1] == pytest.approx(0.5, abs=0.03)
    _, silence_s = await listen(1.0, min_silence_duration_ms=900)
    assert silence_s == pytest.approx(0.9, abs=0.03)


async def test_the_pad_of_silero_is_used() -> None:
    """Lost otherwise: the first sounds of slow starters would be lost."""
    (array,), _ = await listen(1.0, speech_pad_ms=1500)
    assert before_s(array) == pytest.approx(1.5, abs=0.05)


async def test_the_pre_roll_is_an_option() -> None:
    """Lost otherwise: the same."""
    (array,), _ = await listen(1.0, algo=AlgoOptions(pre_roll_ms=1500))
    assert before_s(array) == pytest.approx(1.5, abs=0.05)


async def test_the_longest_speech_of_silero_is_used() -> None:
    """Lost otherwise: long speeches would be answered at their end only."""
    assert len((await listen(2.5, max_speech_duration_s=1.0))[0]) == 3


def test_an_option_that_no_longer_acts_says_so() -> None:
    """Lost otherwise: people would look for the effect of what has none."""
    with pytest.warns(UserWarning, match="window_size_samples no longer acts"):
        SileroVadOptions(window_size_samples=512)


async def test_how_much_a_model_is_shown_is_the_window() -> None:
    """Lost otherwise: a model that needs some context could not be given it."""
    sizes: set[int] = set()

    class Measuring(OwnModel):
        def vad(self, audio: Any, options: Any) -> Any:
            sizes.add(audio[1].size)
            return super().vad(audio, options)

    algo = AlgoOptions(audio_chunk_duration=1.0)
    handler = ReplyOnPause(lambda a: None, algo_options=algo, model=Measuring())
    async with Conversation(handler) as talk:
        await talk.until(2)
    assert sizes == {48_000}


async def test_a_model_that_fails_has_heard_no_speech() -> None:
    """Lost otherwise: a turn in which the model fails would never end."""

    class Failing(OwnModel):
        fails = False

        def vad(self, audio: Any, options: Any) -> Any:
            if self.fails:
                raise ValueError("secret")
            return super().vad(audio, options)

    model = Failing()
    async with Conversation(ReplyOnPause(lambda a: iter([VOICE]), model=model)) as talk:
        talk.say(speech(3.0), at_s=1)
        await talk.until(2)
        model.fails = True
        error = await talk.message("error", within_s=1)
        assert "voice activity model" in error.data
        assert await talk.bot_starts(within_s=1) < 3


async def test_many_conversations_at_once() -> None:
    """Lost otherwise: one user's speech would be judged by another's."""
    clip = recording("asterisk/conf-onlyperson")
    talks = [Conversation(ReplyOnPause(lambda audio: iter([VOICE]))) for _ in range(8)]
    for talk in talks:
        await talk.__aenter__()
    for n, talk in enumerate(talks):
        talk.say(clip, at_s=1 + n / 3)
    await asyncio.sleep(9)
    for n, talk in enumerate(talks):
        assert len(talk.bot_speech()) == 1
        span = talk.bot_speech()[0]
        end_s = 1 + n / 3 + clip[1].shape[1] / clip[0]
        assert 0.1 < span.start_s - end_s < 0.5
        await talk.hang_up()

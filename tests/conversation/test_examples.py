"""ReplyOnPause and ReplyOnStopWords as programs written for FastRTC use them.

Their structure is that of the predecessor's guide; where it leaves something open
("generate a response"), a few lines stand in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AdditionalOutputs,
    AlgoOptions,
    ReplyOnPause,
    ReplyOnStopWords,
    SileroVadOptions,
    Stream,
    get_tts_model,
)
from fastrtc.testing import Conversation
from tests.support.recordings import recording

pytestmark = pytest.mark.virtual_time


def generate_response(sample_rate: int, audio_array: Any) -> Iterator[Any]:
    for _ in range(3):
        yield np.full((1, sample_rate // 4), 3000, np.int16)


def response(audio: tuple[int, Any]) -> Iterator[Any]:
    sample_rate, audio_array = audio
    for audio_chunk in generate_response(sample_rate, audio_array):
        yield (sample_rate, audio_chunk)


async def test_a_reply_on_pause() -> None:
    """Lost otherwise: the first example of the guide would not run."""
    stream = Stream(
        handler=ReplyOnPause(response), modality="audio", mode="send-receive"
    )
    async with Conversation(stream) as talk:
        said = talk.say(recording("asterisk/conf-onlyperson"), at_s=1)
        await talk.until(said.end_s + 3)
        assert talk.bot_spoke_s() == pytest.approx(0.75, abs=0.05)


async def test_a_reply_on_pause_with_its_options() -> None:
    """Lost otherwise: programs that tuned turn taking would not run."""
    stream = Stream(
        handler=ReplyOnPause(
            response,
            algo_options=AlgoOptions(
                audio_chunk_duration=0.6,
                started_talking_threshold=0.2,
                speech_threshold=0.1,
            ),
            model_options=SileroVadOptions(
                threshold=0.5, min_speech_duration_ms=250, min_silence_duration_ms=100
            ),
        ),
        modality="audio",
        mode="send-receive",
    )
    async with Conversation(stream) as talk:
        said = talk.say(recording("asterisk/conf-onlyperson"), at_s=1)
        await talk.until(said.end_s + 3)
        assert talk.bot_spoke_s() == pytest.approx(0.75, abs=0.05)


async def test_stop_words_with_any_recogniser() -> None:
    """Lost otherwise: the stop word example of the guide would not run."""

    class Recogniser:
        def stt(self, audio: Any) -> str:
            return "Computer, you are the only person in this conference."

    def answer(audio: tuple[int, Any]) -> Iterator[Any]:
        """This function must yield audio frames"""
        for numpy_array in generate_response(24_000, audio[1]):
            yield (24_000, numpy_array, "mono")

    stream = Stream(
        handler=ReplyOnStopWords(
            answer,
            input_sample_rate=16000,
            stop_words=["computer"],
            stt_model=Recogniser(),
        ),
        modality="audio",
        mode="send-receive",
    )
    async with Conversation(stream) as talk:
        said = talk.say(recording("asterisk/conf-onlyperson"), at_s=1)
        await talk.until(said.end_s + 3)
        assert [m.type for m in talk.messages].count("stopword") == 1
        assert talk.bot_spoke_s() == pytest.approx(0.75, abs=0.05)


async def test_a_voice_speaks_in_a_reply() -> None:
    """Lost otherwise: the text to speech example of the guide would not run."""
    model = get_tts_model(model="espeak")

    async def answer(audio: tuple[int, Any]) -> Any:
        async for part in model.stream_tts("Hello, world!"):
            yield part

    stream = Stream(ReplyOnPause(answer), modality="audio", mode="send-receive")
    async with Conversation(stream) as talk:
        said = talk.say(recording("asterisk/conf-onlyperson"), at_s=1)
        await talk.until(said.end_s + 4)
        assert talk.bot_spoke_s() > 0.5


async def test_a_history_is_handed_on_over_the_phone() -> None:
    """Lost otherwise: a caller's bot would forget each turn at the next."""
    got: list[Any] = []

    def answer(audio: tuple[int, Any], history: list[str] | None = None) -> Any:
        got.append(history)
        yield AdditionalOutputs([*(history or []), "a turn"])
        yield audio

    stream = Stream(ReplyOnPause(answer), modality="audio", mode="send-receive")
    async with Conversation(stream) as talk:
        talk.client.session.handler.phone_mode = True
        for n in range(3):
            said = talk.say(recording("asterisk/conf-onlyperson"), at_s=1 + 8 * n)
            await talk.until(said.end_s + 4)
    assert got == [None, ["a turn"], ["a turn", "a turn"]]

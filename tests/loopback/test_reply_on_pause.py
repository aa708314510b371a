"""A conversation: real speech in, an answer out, and interruptions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrtc import AdditionalOutputs, ReplyOnPause, get_current_context, get_tts_model
from fastrtc.audio import StreamResampler

from .client import FRAME_SAMPLES, Client, calling
from .support import serving
from .tones import clip, loudness, pitch_hz

pytestmark = pytest.mark.loopback

ANSWER_HZ = 880.0
HEARD_MS = 480
"""What is surely heard of an answer of 600 ms: aiortc keeps the last 80 ms of what
is sent in its jitter buffer until more comes."""


@lru_cache
def speech() -> NDArray[np.int16]:
    """A spoken sentence, int16 (samples,) at 48 kHz, without silence around it."""
    rate_hz, spoken = get_tts_model("espeak").tts("Good morning, how are you today?")
    samples = StreamResampler(rate_hz, 48_000).push(spoken.reshape(1, -1))[0]
    loud = np.flatnonzero(np.abs(samples) > 500)
    return samples[loud[0] : loud[-1]]


class Person:
    """A source that is silent until told to speak, then says one sentence."""

    def __init__(self) -> None:
        self._left = np.zeros(0, np.int16)
        rng = np.random.default_rng(1)
        self._noise = rng.normal(0, 15, FRAME_SAMPLES).astype(np.int16)

    def speak(self) -> None:
        self._left = speech()

    @property
    def speaking(self) -> bool:
        return bool(self._left.size)

    def __call__(self, _: int) -> NDArray[np.int16]:
        frame = self._noise.copy()
        said, self._left = np.split(self._left, [FRAME_SAMPLES])
        frame[: said.size] += said
        return frame[None]


def answer(audio: Any) -> Iterator[Any]:
    rate_hz, array = audio
    assert array.dtype == np.int16
    assert array.shape[0] == 1
    yield AdditionalOutputs(array.shape[1] / rate_hz, get_current_context().webrtc_id)
    yield 24_000, clip(ANSWER_HZ, 0.6, 24_000)


async def answer_async(audio: Any) -> AsyncIterator[Any]:
    for item in answer(audio):
        yield item


def loud_ms(client: Client) -> int:
    """How much the client has heard that is not silence, milliseconds."""
    heard = client.heard[0]
    return 0 if heard.size < 960 else 10 * int((loudness(heard) > 1_000).sum())


@pytest.mark.parametrize("fn", [answer, answer_async])
async def test_speech_is_answered_after_the_pause(fn: Any) -> None:
    """Without it, the bot would not answer, or not have heard it all."""
    person = Person()
    async with serving(ReplyOnPause(fn)) as server, calling(server, person) as client:
        person.speak()
        await client.message("log", "started_talking")
        assert person.speaking
        await client.message("log", "pause_detected")
        assert not person.speaking
        await client.message("log", "response_starting")
        latest = server.stream.fetch_latest_output(client.id)
        seconds, webrtc_id = (await server.run(latest)).args
        spoken_s = speech().size / 48_000
        assert spoken_s <= seconds <= spoken_s + 1.5
        assert webrtc_id == client.id
        await client.until(lambda: loud_ms(client) >= HEARD_MS, "the answer")
        heard = client.heard[0]
        loud = np.flatnonzero(np.abs(heard) > 3_000)
        assert abs(pitch_hz(heard[loud[0] : loud[-1]]) - ANSWER_HZ) < 5
        await client.message("log", "response_ended")
        assert [m for m in client.messages if m["type"] == "error"] == []


async def test_the_bot_falls_silent_when_it_is_interrupted() -> None:
    """Without it, the bot would talk over its user."""
    closed = threading.Event()

    def monologue(audio: Any) -> Iterator[Any]:
        try:
            while True:
                yield 24_000, clip(ANSWER_HZ, 0.5, 24_000)
        finally:
            closed.set()

    person = Person()
    handler = ReplyOnPause(monologue)
    async with serving(handler) as server, calling(server, person) as client:
        person.speak()
        await client.until(lambda: loud_ms(client) >= 300, "the bot's voice")
        client.messages.clear()
        person.speak()
        await client.message("log", "started_talking")
        client.forget()
        # What is on its way now may still be heard, some 200 ms; then nothing until
        # the next answer, after the whole sentence and the pause.
        await client.message("log", "pause_detected")
        assert person.speaking is False
        assert loud_ms(client) <= 400
        assert await asyncio.get_running_loop().run_in_executor(None, closed.wait, 5)


async def test_who_may_not_be_interrupted_finishes() -> None:
    """Without it, an announcement that must be heard could be cut off."""
    calls: list[int] = []

    def announce(audio: Any) -> Iterator[Any]:
        calls.append(1)
        yield 24_000, clip(ANSWER_HZ, 3.0, 24_000)

    person = Person()
    handler = ReplyOnPause(announce, can_interrupt=False)
    async with serving(handler) as server, calling(server, person) as client:
        person.speak()
        await client.until(lambda: loud_ms(client) >= 100, "the bot's voice")
        person.speak()
        await client.message("log", "response_ended")
        await client.until(lambda: loud_ms(client) >= 2_900, "all of it")
        assert len(calls) == 1


async def test_inputs_reach_the_reply_function() -> None:
    """Without it, what users set on the page would not reach the app."""
    got: list[Any] = []

    def reply(audio: Any, name: str, number: int = 7) -> Iterator[Any]:
        got.append((name, number))
        yield AdditionalOutputs(name, number)

    person = Person()
    async with serving(ReplyOnPause(reply)) as server:
        async with calling(server, person) as client:
            person.speak()
            # The function can't run without a name: the page is asked for it.
            await client.message("send_input")
            server.stream.set_input(client.id, "Ada", 3)
            await client.message("fetch_output")
        assert got == [("Ada", 3)]


@pytest.mark.parametrize("values", [(), (1, 2, 3, 4)])
async def test_inputs_of_the_wrong_number_are_an_error_and_no_end(
    values: tuple[Any, ...],
) -> None:
    """Without it, one wrong input would leave a session mute for good."""
    got: list[Any] = []

    def reply(audio: Any, name: str, number: int) -> Iterator[Any]:
        got.append((name, number))
        yield 24_000, clip(ANSWER_HZ, 0.2, 24_000)

    person = Person()
    async with (
        serving(ReplyOnPause(reply)) as server,
        calling(server, person) as client,
    ):
        server.stream.set_input(client.id, *values)
        person.speak()
        await client.message("error")
        assert got == []
        server.stream.set_input(client.id, "Ada", 3)
        client.messages.clear()
        person.speak()
        await client.message("log", "response_starting")
        await client.until(lambda: got, "the inputs")
        assert got == [("Ada", 3)]

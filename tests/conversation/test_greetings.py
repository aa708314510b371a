"""Handlers that speak first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import AdditionalOutputs, AsyncStreamHandler, StreamHandler
from fastrtc.testing import Conversation
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time


class Greeter(StreamHandler):
    """Greets for a second, then emits a second of another tone, once."""

    def __init__(self) -> None:
        super().__init__()
        self.to_say: list[Any] = [(24_000, tone(1.0, hz=1000))]

    def greet(self) -> Iterator[Any]:
        yield AdditionalOutputs("hello")
        yield 24_000, tone(0.5, hz=500)
        yield 24_000, tone(0.5, hz=500)

    def receive(self, frame: Any) -> None:
        return None

    def emit(self) -> Any:
        return self.to_say.pop() if self.to_say else None

    def copy(self) -> StreamHandler:
        return type(self)()


class AsyncGreeter(AsyncStreamHandler):
    """The same, as coroutines."""

    def __init__(self) -> None:
        super().__init__()
        self.to_say: list[Any] = [(24_000, tone(1.0, hz=1000))]

    async def greet(self) -> AsyncIterator[Any]:
        yield AdditionalOutputs("hello")
        yield 24_000, tone(0.5, hz=500)
        await asyncio.sleep(0.1)
        yield 24_000, tone(0.5, hz=500)

    async def receive(self, frame: Any) -> None:
        return None

    async def emit(self) -> Any:
        return self.to_say.pop() if self.to_say else None

    def copy(self) -> AsyncStreamHandler:
        return type(self)()


def loudest_hz(samples: Any) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * 24_000 / samples.size)


@pytest.mark.parametrize("handler", [Greeter(), AsyncGreeter()])
async def test_a_stream_handler_speaks_first(handler: Any) -> None:
    """Lost otherwise: only a ReplyOnPause could greet its caller."""
    async with Conversation(handler) as talk:
        assert await talk.bot_starts(within_s=0.2) < 0.1
        await talk.message("fetch_output", within_s=1)
        await talk.until(3)
        assert talk.bot_spoke_s() == pytest.approx(2.0, abs=0.1)
        assert loudest_hz(talk.bot_audio(0, 0.9)[0]) == pytest.approx(500, abs=5)
        assert loudest_hz(talk.bot_audio(1.2, 1.9)[0]) == pytest.approx(1000, abs=5)


async def test_a_greeting_ends_when_it_is_cleared() -> None:
    """Lost otherwise: a caller who knows the greeting has to hear it out."""

    class Talker(Greeter):
        def greet(self) -> Iterator[Any]:
            for _ in range(100):
                yield 24_000, tone(1.0, hz=500)

    async with Conversation(Talker()) as talk:
        await talk.until(2)
        talk.client.session.handler.clear_queue()
        await talk.until(3.5)
        assert loudest_hz(talk.bot_audio(2.2, 2.9)[0]) == pytest.approx(1000, abs=5)
        assert talk.bot_spoke_s(0, 3.5) == pytest.approx(3.0, abs=0.15)


async def test_a_greeting_that_fails_is_told_and_the_bot_goes_on() -> None:
    """Lost otherwise: one bad greeting would silence the handler."""

    class Broken(Greeter):
        def greet(self) -> Iterator[Any]:
            raise ZeroDivisionError
            yield None

    async with Conversation(Broken()) as talk:
        await talk.message("error", within_s=1)
        await talk.until(2)
        assert talk.bot_spoke_s() == pytest.approx(1.0, abs=0.05)

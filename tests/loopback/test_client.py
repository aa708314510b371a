"""fastrtc.client against a real server, over both transports."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AdditionalOutputs,
    AsyncStreamHandler,
    CloseStream,
    ReplyOnPause,
    get_tts_model,
)
from fastrtc.audio import resample
from fastrtc.client import (
    Call,
    Caption,
    EndStream,
    ErrorMessage,
    Log,
    Message,
    Other,
    OutputsReady,
    SessionClosedError,
    connect,
    websocket_line,
)
from fastrtc.errors import ConfigurationError, OutputError
from fastrtc.transports.websocket import connection
from tests.support.pictures import RED, plain

from .handlers import Echo
from .python_client import BOTH, first, hear, kind_of
from .support import NO_ICE_SERVERS, PATIENCE_S, serving
from .tones import LEFT_HZ, assert_unbroken, clip, pitch_hz

pytestmark = pytest.mark.loopback
RATE_HZ = 48_000
ATTEMPTS = 4

# -- audio -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transport", "encoding"),
    [
        ("webrtc", "pcm16"),
        ("websocket", "pcm16"),
        ("websocket", "opus"),
        ("websocket", "mulaw"),
    ],
)
async def test_what_is_said_is_heard_unbroken(transport: Any, encoding: Any) -> None:
    """Lost otherwise: a bot's voice would crackle, or have the wrong pitch."""
    options: Any = {"transport": transport, "encoding": encoding}
    async with serving(Echo()) as server:
        for attempt in range(ATTEMPTS):
            async with connect(server.url, sample_rate=RATE_HZ, **options) as call:
                saying = asyncio.ensure_future(
                    call.say((24_000, clip(LEFT_HZ, 2.0, 24_000)))
                )
                heard = await hear(call, 1.8)
                await saying
            loud = np.flatnonzero(np.abs(heard) > 3_000)
            try:
                assert_unbroken(heard[loud[0] + 9_600 : loud[-1] - 960], LEFT_HZ)
                break
            except AssertionError:
                # On a busy machine an echo has gaps of its own.
                if attempt == ATTEMPTS - 1:
                    raise
        await server.empty()


@BOTH
async def test_a_question_is_answered_and_an_interruption_acts(transport: Any) -> None:
    """Lost otherwise: bots could not talk to an agent as people do."""
    ended = threading.Event()

    def monologue(audio: Any) -> Iterator[Any]:
        try:
            while True:
                yield 24_000, clip(880.0, 0.5, 24_000)
        finally:
            ended.set()

    rate_hz, spoken = get_tts_model("espeak").tts("Good morning, how are you today?")
    question = resample(spoken.reshape(1, -1), rate_hz, 24_000)
    async with (
        serving(ReplyOnPause(monologue)) as server,
        connect(server.url, transport=transport) as call,
    ):
        messages = call.messages()
        await call.say((24_000, question))
        await first(messages, lambda m: m == Log("response_starting"))
        answer = await hear(call, 1.0)
        spectrum = np.abs(np.fft.rfft(answer[4_800:]))
        assert spectrum.argmax() * 24_000 / (answer.size - 4_800) == pytest.approx(
            880, abs=5
        )
        await call.say((24_000, question))
        assert await asyncio.to_thread(ended.wait, PATIENCE_S)


@BOTH
async def test_hush_stops_what_was_to_be_said(transport: Any) -> None:
    """Lost otherwise: a bot could not stop talking."""
    async with (
        serving(Echo()) as server,
        connect(server.url, transport=transport) as call,
    ):
        saying = asyncio.ensure_future(call.say((24_000, clip(LEFT_HZ, 60.0, 24_000))))
        await hear(call, 0.3)
        call.hush()
        await asyncio.wait_for(saying, PATIENCE_S)
        with pytest.raises(OutputError):
            await call.say(np.zeros(3, np.int16))  # pyright: ignore
        with pytest.raises(ConfigurationError, match="sends no video"):
            await call.show(plain(RED))


# -- messages --------------------------------------------------------------------------


class Chatty(AsyncStreamHandler):
    """Answers typed text with messages of its own."""

    async def receive(self, frame: Any) -> None:
        pass

    async def receive_text(self, text: str) -> None:
        if text == "bye":
            self.queue.put_nowait(CloseStream("So long."))
        elif text == "outputs":
            self.queue.put_nowait(AdditionalOutputs(1))
        else:
            await self.send_message('{"type": "own", "data": ["' + text + '"]}')

    async def start_up(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def emit(self) -> Any:
        return await self.queue.get()

    def copy(self) -> Chatty:
        return Chatty()


@BOTH
async def test_texts_go_both_ways_and_the_end_is_told(transport: Any) -> None:
    """Lost otherwise: a service could neither type to an agent nor learn of its end."""
    kinds: Any = ("audio",)
    async with (
        serving(Chatty()) as server,
        connect(server.url, transport=transport, kinds=kinds) as call,
    ):
        messages = call.messages()
        call.send_text("hällo")
        own = await first(messages, kind_of(Other))
        assert own == Other("own", ["hällo"])
        call.send_text("outputs")
        assert await first(messages, kind_of(OutputsReady)) == OutputsReady()
        call.send_text("bye")
        assert await first(messages, kind_of(EndStream)) == EndStream("So long.")
        assert await asyncio.wait_for(call.wait_closed(), PATIENCE_S) == "So long."
        assert call.closed
        # All that comes ends with the session, in peace.
        assert [m async for m in call.messages()] == []
        async for _ in call.audio():
            pass
        for refused in (call.say((24_000, clip(LEFT_HZ, 1, 24_000))), _typed(call)):
            with pytest.raises(SessionClosedError, match="So long"):
                await refused
        await server.empty()


async def _typed(call: Call) -> None:
    call.send_text("too late")


async def test_text_alone_needs_no_media() -> None:
    """Lost otherwise: a chat would have to open an audio line."""
    async with (
        serving(Chatty()) as server,
        connect(server.url, kinds=()) as call,
    ):
        call.send_text("hello")
        assert await first(call.messages(), kind_of(Other)) == Other("own", ["hello"])


class Presenter(AsyncStreamHandler):
    """Speaks all the time, and counts what it hears."""

    heard = 0

    async def receive(self, frame: Any) -> None:
        type(self).heard += 1

    async def emit(self) -> Any:
        return 24_000, clip(LEFT_HZ, 0.5, 24_000)

    def copy(self) -> Presenter:
        return Presenter()


@BOTH
async def test_who_only_listens_says_nothing_and_stays(
    transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: a recorder would be thrown out for its silence."""
    monkeypatch.setattr(websocket_line, "PING_S", 0.1)
    monkeypatch.setattr(connection, "IDLE_TIMEOUT_S", 0.5)
    Presenter.heard = 0
    async with (
        serving(Presenter()) as server,
        connect(server.url, transport=transport, mode="receive") as call,
    ):
        heard = await hear(call, 1.5)
        assert pitch_hz(np.repeat(heard[-12_000:], 2)) == pytest.approx(LEFT_HZ, abs=5)
        assert not call.closed
        assert Presenter.heard == 0
        with pytest.raises(ConfigurationError, match="sends no audio"):
            await call.say((24_000, clip(LEFT_HZ, 0.5, 24_000)))


class Broken(AsyncStreamHandler):
    """Raises at the first sound."""

    async def receive(self, frame: Any) -> None:
        raise RuntimeError("secret")

    async def emit(self) -> Any:
        await asyncio.Event().wait()

    def copy(self) -> Broken:
        return Broken()


@BOTH
async def test_errors_of_the_app_are_messages(transport: Any) -> None:
    """Lost otherwise: a test would not see that its agent failed."""
    async with (
        serving(Broken()) as server,
        connect(server.url, transport=transport) as call,
    ):
        error: Message = await first(call.messages(), kind_of(ErrorMessage))
        assert isinstance(error, ErrorMessage)
        assert error.text
        assert "secret" not in error.text


async def test_captions_are_typed() -> None:
    """Lost otherwise: a bot would have to parse what the agent writes."""
    from fastrtc import Caption as Said

    def answer(audio: Any) -> Iterator[Any]:
        yield Said("Hello there.")

    rate_hz, spoken = get_tts_model("espeak").tts("Good morning, how are you today?")
    async with (
        serving(ReplyOnPause(answer)) as server,
        connect(server.url, rtc_configuration=NO_ICE_SERVERS) as call,
    ):
        await call.say((rate_hz, spoken))
        said = await first(call.messages(), kind_of(Caption))
        assert isinstance(said, Caption)
        assert (said.role, said.text) == ("assistant", "Hello there.")

"""The WebSocket door: a real uvicorn, and the `websockets` library as the client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrtc import AsyncStreamHandler, ReplyOnPause, get_tts_model
from fastrtc.audio import mulaw_decode, mulaw_encode, resample
from fastrtc.handlers.threads import threads as workers
from fastrtc.session import Frame
from fastrtc.transports.opus import OpusDecoder, OpusEncoder
from fastrtc.transports.websocket import bounds, connection

from .handlers import Echo
from .support import PATIENCE_S, Server
from .tones import assert_unbroken, clip, loudness
from .websocket_client import Caller, calling, serving

pytestmark = pytest.mark.loopback

TONE_HZ = 440.0
PCM = {"encoding": "pcm16", "sample_rate": 24_000}


# -- sound -----------------------------------------------------------------------------


def _as_payloads(samples: NDArray[np.int16], format_: Any) -> list[bytes]:
    """A clip at the format's rate as messages of 20 ms."""
    rate_hz = 16_000 if format_ is None else format_.get("sample_rate", 48_000)
    parts = np.split(samples, samples.shape[1] * 50 // rate_hz, axis=1)
    if format_ is None or format_["encoding"] == "mulaw":
        return [mulaw_encode(part) for part in parts]
    if format_["encoding"] == "pcm16":
        return [part.astype("<i2").tobytes() for part in parts]
    encoder = OpusEncoder()
    return [bytes(encoder.encode(Frame(part, 48_000, 0, 0))) for part in parts]


def _as_samples(payloads: list[bytes], format_: Any) -> NDArray[np.int16]:
    """What was heard, at 48 kHz, int16 (samples,)."""
    if format_ is not None and format_["encoding"] == "opus":
        decoder = OpusDecoder(48_000)
        arrays = [array for payload in payloads for array in decoder.decode(payload)]
        return np.concatenate(arrays, axis=1)[0]
    joined, rate_hz = b"".join(payloads), 16_000
    samples = mulaw_decode(joined)
    if format_ is not None:
        rate_hz = format_["sample_rate"]
        if format_["encoding"] == "pcm16":
            samples = np.frombuffer(joined, "<i2").reshape(1, -1)
    return resample(samples, rate_hz, 48_000)[0]


@pytest.mark.parametrize(
    ("format_", "handler_hz"),
    [
        (None, 16_000),
        ({"encoding": "mulaw", "sample_rate": 8_000}, 24_000),
        ({"encoding": "pcm16", "sample_rate": 16_000}, 48_000),
        ({"encoding": "pcm16", "sample_rate": 44_100}, 24_000),
        ({"encoding": "opus"}, 24_000),
    ],
)
async def test_a_tone_comes_back_whole(format_: Any, handler_hz: int) -> None:
    """Lost otherwise: voices would crackle, or have the wrong pitch or speed."""
    rate_hz = 16_000 if format_ is None else format_.get("sample_rate", 48_000)
    async with (
        serving(Echo(handler_hz)) as server,
        calling(server, format_) as caller,
    ):
        await caller.start()
        for payload in _as_payloads(clip(TONE_HZ, 1.5, rate_hz), format_):
            await caller.send(payload)
        # What is left are the filters' tails, less than 40 ms.
        await caller.until(lambda: len(caller.audio) >= 72)
        heard = _as_samples(caller.audio, format_)
        assert 1.44 <= heard.size / 48_000 <= 1.52
        assert_unbroken(heard[4_800 : heard.size - 4_800], TONE_HZ)
        await caller.say({"event": "stop"})
        assert await caller.closed() == 1000
        await server.closed(caller.id)


# -- conversation ----------------------------------------------------------------------


async def test_speech_is_answered_and_an_interruption_is_told() -> None:
    """Lost otherwise: over a WebSocket the bot would not answer, or talk over its
    user."""
    ended = threading.Event()

    def monologue(audio: Any) -> Iterator[Any]:
        try:
            while True:
                yield 24_000, clip(880.0, 0.5, 24_000)
        finally:
            ended.set()

    rate_hz, spoken = get_tts_model("espeak").tts("Good morning, how are you today?")
    speech = resample(spoken.reshape(1, -1), rate_hz, 24_000)[0]
    loud = np.flatnonzero(np.abs(speech) > 500)
    speech = speech[loud[0] : loud[-1]]
    async with (
        serving(ReplyOnPause(monologue)) as server,
        calling(server, PCM) as caller,
    ):
        await caller.start()
        microphone = asyncio.ensure_future(_talk(caller, speech))
        await caller.event("log", "response_starting")
        await caller.until(lambda: len(caller.audio) > 25)
        before_s = _loud_s(caller)
        microphone.cancel()
        microphone = asyncio.ensure_future(_talk(caller, speech))
        await caller.event("clear")
        # From the interruption on there is the fade into silence, and no word more.
        heard = len(caller.audio)
        await server.call(lambda: None)
        assert all(
            not np.frombuffer(a, "<i2")[120:].any() for a in caller.audio[heard:]
        )
        assert _loud_s(caller) - before_s < 2
        assert await asyncio.to_thread(ended.wait, PATIENCE_S)
        microphone.cancel()
        await asyncio.gather(microphone, return_exceptions=True)
        assert [e for e in caller.events if e.get("type") == "error"] == []


async def _talk(caller: Caller, speech: NDArray[np.int16]) -> None:
    """A microphone: the speech, then its room, in real time."""
    noise = np.random.default_rng(1).normal(0, 15, 24_000 * 60).astype(np.int16)
    noise[4_800 : 4_800 + speech.size] += speech
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number, start in enumerate(range(0, noise.size, 480)):
        await asyncio.sleep(began_s + number * 0.02 - loop.time())
        await caller.send(noise[start : start + 480].astype("<i2").tobytes())


def _loud_s(caller: Caller) -> float:
    samples = np.frombuffer(b"".join(caller.audio), "<i2")
    return float((loudness(samples) > 1_000).sum()) * 0.02


# -- ends ------------------------------------------------------------------------------


async def test_limits_hold_over_a_real_socket() -> None:
    """Lost otherwise: refused clients would hang, and not know why."""
    async with serving(Echo(), concurrency_limit=1, time_limit=1.0) as server:
        async with calling(server) as first, calling(server) as second:
            await first.start()
            await first.say({"event": "ping"})
            await first.event("pong")
            await second.start()
            refusal = await second.event("error")
            assert refusal["status"] == "failed"
            assert refusal["meta"] == {"error": "concurrency_limit_reached", "limit": 1}
            assert await second.closed() == 1013
            ending = await first.event("end_stream")
            assert "time limit" in ending["data"]
            assert await first.closed() == 1000
        async with calling(server, path="/of/my/own") as third:
            await third.start()
            await third.say({"event": "ping"})
            await third.event("pong")


async def test_a_server_that_stops_lets_go() -> None:
    """Lost otherwise: a deployment would wait for its callers, or let them hang."""
    async with contextlib.AsyncExitStack() as stack:
        async with serving(Echo()) as server:
            caller = await stack.enter_async_context(calling(server, PCM))
            await caller.start()
            await caller.event("started")
        assert await caller.closed() == 1012


class Talker(AsyncStreamHandler):
    """Sends more than any buffer holds."""

    async def start_up(self) -> None:
        for _ in range(200):
            await self.send_message("x" * 100_000)

    async def receive(self, frame: Any) -> None:
        pass

    async def emit(self) -> Any:
        return None

    def copy(self) -> Talker:
        return Talker()


async def test_a_client_that_never_reads_loses_its_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lost otherwise: one stalled phone would hold a slot until TCP gives up."""
    monkeypatch.setattr(connection, "SEND_TIMEOUT_S", 0.3)
    async with serving(Talker(), concurrency_limit=1) as server:
        address = server.url.removeprefix("http://")
        reader, writer = await _raw_client(address)
        text = json.dumps({"event": "start", "websocket_id": "stuck"}).encode()
        writer.write(_masked(text))
        await writer.drain()
        stuck = reader._transport  # pyright: ignore
        stuck.pause_reading()
        await _opened(server, "stuck")
        await server.closed("stuck")
        assert await server.session_ids() == []
        writer.transport.abort()


async def _opened(server: Server, session_id: str) -> None:
    async def wait() -> None:
        table: Any = server.stream.sessions
        while session_id not in table:
            await table._opened.wait()

    await server.run(wait())


async def _raw_client(
    address: str,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=raw)
    writer.write(
        f"GET /websocket/offer HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def _masked(text: bytes) -> bytes:
    """A client's text frame (RFC 6455, 5.2), its mask all zeros."""
    assert len(text) < 126
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


async def test_nothing_is_left_of_a_hundred_callers() -> None:
    """Lost otherwise: a server would slowly die of callers that come and go."""
    async with serving(Echo()) as server:
        before = await server.tasks()
        threads = await asyncio.to_thread(_threads)
        for _ in range(10):
            await asyncio.gather(*(_come_and_go(server, kind) for kind in range(10)))
        await server.empty()
        await server.ended_since(before)
        assert await server.session_ids() == []
        assert await asyncio.to_thread(_threads) == threads


def _threads() -> list[str]:
    """Those that are not of asyncio's own executors, once idle ones have ended."""
    workers.end_idle()
    for thread in threading.enumerate():
        if thread.name == "fastrtc-worker":
            thread.join(5)
    names = [thread.name for thread in threading.enumerate()]
    return sorted(name for name in names if not name.startswith("asyncio_"))


async def _come_and_go(server: Server, kind: int) -> None:
    formats = [None, PCM, {"encoding": "opus"}]
    async with calling(server, formats[kind % 3]) as caller:
        if kind == 0:
            return
        await caller.start()
        if kind == 1:
            return
        if kind == 2:
            caller.socket.transport.abort()
            return
        if kind == 3:
            await caller.socket.send("garbage")
            assert await caller.closed() == 1008
            return
        if kind == 4:
            await caller.socket.send("a" * (bounds.MAX_EVENT_CHARS + 1))
            assert await caller.closed() == 1009
            return
        await caller.send(b"\0" * 640)
        await caller.say({"event": "ping"})
        await caller.event("pong")
        if kind % 2:
            await caller.say({"event": "stop"})
            assert await caller.closed() == 1000

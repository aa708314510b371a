"""fastrtc.client: what needs no server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc.client import (
    Call,
    Caption,
    EndStream,
    ErrorMessage,
    InputsWanted,
    Log,
    Other,
    OutputsReady,
    SessionClosedError,
    StopWord,
    WarningMessage,
    connect,
)
from fastrtc.client.inbox import Inbox
from fastrtc.client.lines import CallOptions, as_refusal
from fastrtc.client.messages import parse_message
from fastrtc.client.voice import Voice, parse_clip
from fastrtc.errors import ConfigurationError, OutputError
from fastrtc.messages import create_message, error_message
from fastrtc.outputs import Caption as Said
from fastrtc.outputs import Clip
from fastrtc.session import Frame
from fastrtc.transports.opus import OpusEncoder
from fastrtc.transports.webrtc import calling_audio
from fastrtc.transports.webrtc.calling_audio import SpeechReceiver
from tests.support.handlers import tone

# -- messages --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (create_message("log", "pause_detected"), Log("pause_detected")),
        (create_message("stopword", "computer"), StopWord("computer")),
        (create_message("send_input", "me"), InputsWanted()),
        (create_message("fetch_output", []), OutputsReady()),
        (create_message("end_stream", "bye"), EndStream("bye")),
        (create_message("end_stream", None), EndStream("")),
        (create_message("warning", "hot"), WarningMessage("hot")),
        (error_message("no"), ErrorMessage("no")),
        ('{"type":"error","message":"old"}', ErrorMessage("old")),
        (
            Said("hi", role="user", id="7", final=False).message(),
            Caption("user", "hi", "7", False),
        ),
        ('{"type":"caption","data":"x"}', Other("caption", "x")),
        ('{"type":"caption","data":{"role":"x"}}', Other("caption", {"role": "x"})),
        ('{"type":"log","data":{"a":1}}', Other("log", {"a": 1})),
        ('{"type":"mine","data":[1]}', Other("mine", [1])),
        ('{"type":"mine"}', Other("mine", {"type": "mine"})),
        ('{"a":1}', Other("", {"a": 1})),
        ("[1]", Other("", [1])),
        ("plain words", Other("", "plain words")),
    ],
)
def test_messages_are_typed(text: str, message: object) -> None:
    """Lost otherwise: a bot would miss what the server tells it."""
    assert parse_message(text) == message


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_a_message(text: str) -> None:
    """Lost otherwise: an app's own message could end a client."""
    parse_message(text)


# -- addresses and options -------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "http", "ws"),
    [
        ("http://h:80", "http://h:80/x", "ws://h:80/x"),
        ("https://h/p/", "https://h/p/x", "wss://h/p/x"),
        ("ws://h/websocket/offer", "http://h/x", "ws://h/x"),
        ("wss://h/p/webrtc/offer", "https://h/p/x", "wss://h/p/x"),
        ("http://h/p?token=1", "http://h/p/x?token=1", "ws://h/p/x?token=1"),
    ],
)
def test_addresses(url: str, http: str, ws: str) -> None:
    """Lost otherwise: the address that people copy would not work."""
    options = CallOptions(url, "me")
    assert options.address("http", "/x") == http
    assert options.address("ws", "/x") == ws


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"url": "localhost:8000"}, "http://127.0.0.1:8000"),
        ({"transport": "carrier pigeon"}, "websocket"),
        ({"mode": "both"}, "send-receive"),
        ({"encoding": "mp3"}, "pcm16"),
        ({"kinds": ["smell"]}, "video"),
        ({"kinds": ["video"], "transport": "websocket"}, "webrtc"),
        ({"sample_rate": 44_101}, "multiple of 50"),
        ({"sample_rate": 96_000}, "48000"),
        ({"color": "cmyk"}, "bgr"),
    ],
)
def test_wrong_options_say_what_is_right(wrong: Any, text: str) -> None:
    """Lost otherwise: a typing error would be a riddle."""
    options: Any = {"url": "http://h", **wrong}
    with pytest.raises(ConfigurationError, match=text):
        connect(**options)


def test_refusals_have_their_fields() -> None:
    """Lost otherwise: a program could not tell a full stream from a wrong request."""
    meta = {"error": "concurrency_limit_reached", "limit": 3}
    error = as_refusal({"status": "failed", "meta": meta})
    assert (error.code, error.meta) == ("concurrency_limit_reached", {"limit": 3})
    assert "3" in str(error)
    assert as_refusal({"status": "failed"}).code == "refused"
    named = as_refusal({"meta": {"error": "x", "message": "Because."}})
    assert str(named) == "Because."


# -- inbox -----------------------------------------------------------------------------


async def take(items: AsyncIterator[int]) -> list[int]:
    return [item async for item in items]


async def test_an_inbox_drops_the_oldest() -> None:
    """Lost otherwise: a bot that doesn't listen would fill the memory."""
    inbox: Inbox[int] = Inbox(3)
    for number in range(5):
        inbox.put(number)
    inbox.end()
    inbox.put(9)
    assert await take(inbox.each()) == [2, 3, 4]
    assert inbox.dropped == 2
    assert await take(inbox.each()) == []


async def test_an_inbox_wakes_all_who_wait_when_it_ends() -> None:
    """Lost otherwise: a second loop over the messages would hang for ever."""
    inbox: Inbox[int] = Inbox(3)
    waiting = [asyncio.ensure_future(take(inbox.each())) for _ in range(3)]
    await asyncio.sleep(0)
    inbox.put(1)
    await asyncio.sleep(0)
    inbox.end(SessionClosedError("lost"))
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, SessionClosedError) for result in done)


# -- voice -----------------------------------------------------------------------------

RATE_HZ = 24_000


def ramp(count: int) -> Any:
    """Samples that can be told apart, int16 (1, count)."""
    return (1 + np.arange(count)).astype(np.int16)[None]


class Ear:
    """Takes frames as a transport does."""

    def __init__(self, voice: Voice) -> None:
        self.loop = asyncio.get_running_loop()
        self.frames: list[Frame] = []
        self.times_s: list[float] = []
        self._voice = voice
        self.task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        try:
            while True:
                self.frames.append(await self._voice.next_frame())
                self.times_s.append(self.loop.time())
        except SessionClosedError:
            return

    @property
    def audio(self) -> Any:
        return np.concatenate([f.samples for f in self.frames], axis=1)[0]

    async def end(self) -> None:
        self._voice.end(SessionClosedError("over"))
        await self.task


@pytest.mark.virtual_time
async def test_clips_leave_in_real_time_with_silence_around_them() -> None:
    """Lost otherwise: turn taking would see no pause, or a burst."""
    voice = Voice(RATE_HZ)
    ear = Ear(voice)
    await asyncio.sleep(0.1)
    samples = ramp(RATE_HZ)
    began_s = ear.loop.time()
    await voice.say(Clip(RATE_HZ, samples))
    assert ear.loop.time() - began_s == pytest.approx(0.8, abs=0.021)
    await asyncio.sleep(0.4)
    audio = ear.audio
    first = int(np.flatnonzero(audio)[0]) - int(np.flatnonzero(samples[0])[0])
    assert (audio[first : first + RATE_HZ] == samples[0]).all()
    assert not audio[:first].any()
    assert not audio[first + RATE_HZ :].any()
    assert np.diff(ear.times_s) == pytest.approx(0.02)
    positions = [frame.position for frame in ear.frames]
    assert np.diff(positions).tolist() == [480] * (len(positions) - 1)
    await ear.end()


@pytest.mark.virtual_time
async def test_pieces_of_any_length_and_rate_make_one_stream() -> None:
    """Lost otherwise: a live microphone would crackle at every block."""
    voice = Voice(RATE_HZ)
    ear = Ear(voice)
    spoken = tone(2.0, rate_hz=48_000, hz=440)
    for start in range(0, spoken.shape[1], 1_111):
        await voice.say(Clip(48_000, spoken[:, start : start + 1_111]))
    await asyncio.sleep(0.3)
    loud = np.flatnonzero(np.abs(ear.audio) > 1_000)
    heard = ear.audio[loud[0] : loud[-1]].astype(np.float64)
    assert heard.size == pytest.approx(2.0 * RATE_HZ, abs=60)
    # A sine's second difference is itself: any seam would stand out.
    bend = 2 * np.cos(2 * np.pi * 440 / RATE_HZ)
    seam = np.abs(heard[2:] - bend * heard[1:-1] + heard[:-2])
    assert seam[100:-100].max() < 40
    await ear.end()


@pytest.mark.virtual_time
async def test_a_slow_transport_delays_nothing_for_good() -> None:
    """Lost otherwise: a busy machine's bot would speak ever later."""
    voice = Voice(RATE_HZ)
    loop = asyncio.get_running_loop()
    began_s, sent_s = loop.time(), []
    for number in range(101):
        await voice.next_frame()
        sent_s.append(loop.time())
        # Some come late for the next frame.
        await asyncio.sleep(0.030 if number % 10 == 5 else 0.007)
    assert sent_s[-1] - began_s == pytest.approx(2.0)


@pytest.mark.virtual_time
async def test_a_resampled_clip_is_said_to_its_end() -> None:
    """Lost otherwise: the last sound of a clip would come before the next one."""
    voice = Voice(RATE_HZ)
    ear = Ear(voice)
    level, samples = 5_000, np.full((1, 4_800), 5_000, np.int16)
    await voice.say(Clip(48_000, samples))
    await asyncio.sleep(0.5)
    assert ear.audio.astype(int).sum() == pytest.approx(level * 2_400, rel=0.002)
    await ear.end()


@pytest.mark.virtual_time
async def test_hush_and_the_end_free_who_speaks() -> None:
    """Lost otherwise: a bot would be stuck in a call that is over."""
    voice = Voice(RATE_HZ)
    ear = Ear(voice)
    saying = asyncio.ensure_future(voice.say(Clip(RATE_HZ, ramp(60 * RATE_HZ))))
    await asyncio.sleep(1)
    voice.hush()
    await saying
    hushed = len(ear.frames)
    await asyncio.sleep(1)
    assert not any(frame.samples.any() for frame in ear.frames[hushed + 1 :])
    saying = asyncio.ensure_future(voice.say(Clip(RATE_HZ, ramp(60 * RATE_HZ))))
    await asyncio.sleep(1)
    await ear.end()
    with pytest.raises(SessionClosedError, match="over"):
        await saying
    with pytest.raises(SessionClosedError, match="over"):
        await voice.say(Clip(RATE_HZ, ramp(10)))


@pytest.mark.virtual_time
async def test_a_transport_that_stood_still_gets_no_burst() -> None:
    """Lost otherwise: after a lost network the bot would speak in fast motion."""
    voice = Voice(RATE_HZ)
    await voice.next_frame()
    await asyncio.sleep(10)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(11):
        await voice.next_frame()
    assert loop.time() - began_s == pytest.approx(0.2)


def test_clips_are_checked() -> None:
    """Lost otherwise: a wrong array would be noise."""
    stereo = np.array([[100, 200], [300, 400]], np.int16)
    parsed = parse_clip((RATE_HZ, stereo))
    assert parsed is not None
    assert parsed.samples.tolist() == [[200, 300]]
    floats = parse_clip((RATE_HZ, np.array([0.5], np.float32)))
    assert floats is not None
    assert floats.samples.tolist() == [[16383]]
    assert parse_clip((RATE_HZ, np.zeros(0, np.int16))) is None
    for wrong in (None, stereo, (RATE_HZ, [1, 2]), (0, stereo)):
        with pytest.raises(OutputError):
            parse_clip(wrong)  # pyright: ignore


# -- a call ----------------------------------------------------------------------------


class PaperLine:
    """A line to nobody."""

    session_token: str | None = None
    sends: Collection[str] = ("audio",)

    def __init__(self, *given: Any) -> None:
        self.listener = given[-1]
        self.closed = 0
        self.texts: list[str] = []

    async def open(self) -> None:
        pass

    def send_text(self, text: str) -> None:
        self.texts.append(text)

    async def close(self) -> None:
        self.closed += 1


def make_call() -> tuple[Call, Any]:
    """A call and what it takes for its line."""
    call = Call(CallOptions("http://h", "me"), PaperLine, RATE_HZ, "bgr")
    return call, call._line


async def test_an_interruption_clears_what_nobody_has_heard() -> None:
    """Lost otherwise: an interrupted bot would talk on from the client's memory."""
    call, line = make_call()
    line.listener.on_audio(ramp(480))
    line.listener.on_clear()
    line.listener.on_audio(ramp(240))
    line.listener.on_end("over", lost=False)
    assert [samples.shape[1] async for _, samples in call.audio()] == [240]
    await call.close()


async def test_who_has_said_goodbye_is_not_lost() -> None:
    """Lost otherwise: every time limit would look like a broken network."""
    call, line = make_call()
    line.listener.on_text(create_message("end_stream", "enough"))
    line.listener.on_end("The socket broke.", lost=True)
    line.listener.on_end("Again.", lost=True)
    assert [m async for m in call.messages()] == [EndStream("enough")]
    assert await call.wait_closed() == "enough"
    await call.close()
    await call.close()
    assert line.closed == 1


async def test_a_lost_line_is_an_error_for_all() -> None:
    """Lost otherwise: a recording that broke off would look complete."""
    call, line = make_call()
    line.listener.on_audio(ramp(480))
    line.listener.on_end("The connection was lost.", lost=True)
    audio = call.audio()
    _, samples = await audio.__anext__()
    assert samples.shape == (1, 480)
    for items in (audio, call.messages(), call.pictures()):
        with pytest.raises(SessionClosedError, match="lost"):
            await items.__anext__()
    for work in (call.say((RATE_HZ, ramp(480))), call.say((RATE_HZ, ramp(0)))):
        with pytest.raises(SessionClosedError, match="lost"):
            await work
    await call.close()


async def test_texts_have_a_bound() -> None:
    """Lost otherwise: a long text would vanish without a word."""
    call, line = make_call()
    call.send_text("hello")
    assert json.loads(line.texts[0]) == {"type": "text", "data": "hello"}
    with pytest.raises(OutputError, match="characters"):
        call.send_text("x" * 70_000)
    await call.close()
    with pytest.raises(SessionClosedError, match="hung up"):
        call.send_text("late")


# -- the ear over WebRTC ---------------------------------------------------------------


@dataclass
class Rtp:
    """A packet as aiortc has it."""

    sequence_number: int
    timestamp: int
    payload: bytes


def packets(count: int) -> list[Rtp]:
    """20 ms of a tone each."""
    encoder, spoken = OpusEncoder(), tone(count / 50, rate_hz=RATE_HZ)
    frames = [
        Frame(spoken[:, 480 * n : 480 * (n + 1)], RATE_HZ, 480 * n, 0)
        for n in range(count)
    ]
    return [
        Rtp((65_530 + n) % 65_536, (2**32 - 3_000 + 960 * n) % 2**32, bytes(packet))
        for n, packet in enumerate(map(encoder.encode, frames))
    ]


def heard_of(came: list[Rtp]) -> Any:
    parts: list[Any] = []
    receiver = SpeechReceiver(RATE_HZ, parts.append)
    for packet in came:
        receiver.on_packet(packet)
    return np.concatenate(parts, axis=1)[0]


def test_a_lost_packet_becomes_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: a recording would be shorter than what was said."""
    now_s = iter(range(1_000))
    monkeypatch.setattr(calling_audio.time, "monotonic", lambda: next(now_s))
    whole = heard_of(packets(40))
    broken = heard_of([p for n, p in enumerate(packets(40)) if n not in (20, 21)])
    assert whole.size == pytest.approx(40 * 480, abs=20)
    assert broken.size == pytest.approx(whole.size, abs=20)
    quiet = np.abs(broken.astype(int)) < 300
    assert quiet[20 * 480 + 60 : 22 * 480 - 60].mean() > 0.9


def test_a_pause_is_left_out() -> None:
    """Lost otherwise: each answer would be heard a second late."""
    came = packets(40)
    for packet in came[20:]:
        packet.timestamp = (packet.timestamp + 48_000 * 7) % 2**32
    assert heard_of(came).size == pytest.approx(40 * 480, abs=20)
    # Nor does one that comes back in time, as after a change of the clock.
    for packet in came[20:]:
        packet.timestamp = (packet.timestamp - 48_000 * 20) % 2**32
    assert heard_of(came).size == pytest.approx(40 * 480, abs=20)

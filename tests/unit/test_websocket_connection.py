"""fastrtc.transports.websocket: one client's whole life, on a virtual clock."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from fastrtc import AdditionalOutputs, CloseStream, get_current_context
from fastrtc.audio import mulaw_encode
from tests.support.handlers import AsyncHandler, tone
from tests.support.websocket import PCM, Ear, Mouth, Wire, door_to, now_s, talking

pytestmark = pytest.mark.virtual_time


# -- FastRTC's protocol ----------------------------------------------------------------


async def test_an_old_client_gets_what_fastrtc_sends_and_nothing_else() -> None:
    """Lost otherwise: programs written for FastRTC's WebSocket would break."""
    ear, mouth = Ear(), Mouth((24_000, tone(0.06)), AdditionalOutputs(1))
    handler = AsyncHandler(mouth.emit, ear.receive, input_sample_rate=16_000)
    _, door = door_to(handler)
    wire = Wire(door)
    wire.start()
    wire.media(mulaw_encode(tone(0.04, 16_000)))
    wire.say({"event": "ping"})
    await wire.event("fetch_output")
    await wire.until(lambda: len(wire.texts) == 5)
    await wire.hang_up()
    assert sorted(wire.texts) == sorted(
        [
            '{"event":"pong"}',
            '{"type": "fetch_output", "data": []}',
            *(
                f'{{"event":"media","media":{{"payload":"{payload}"}}}}'
                for payload in _mulaw_base64(tone(0.06))
            ),
        ]
    )
    assert wire.audio == []
    assert wire.close_code == 1000
    assert [(rate, a.shape) for rate, a in ear.frames] == [(16_000, (1, 320))] * 2


def _mulaw_base64(clip: Any) -> list[str]:
    import base64

    return [
        base64.b64encode(mulaw_encode(part)).decode()
        for part in np.split(clip, clip.shape[1] // 480, axis=1)
    ]


async def test_an_old_client_gets_no_clear() -> None:
    """Lost otherwise: a client that knows only `media` events would stumble."""
    wire, session = await talking(None)
    session.playout.clear()
    await asyncio.sleep(0.1)
    await wire.hang_up()
    assert all("clear" not in text for text in wire.texts)


# -- new formats -----------------------------------------------------------------------


async def test_formats_are_agreed_and_audio_is_binary() -> None:
    """Lost otherwise: a new client would sound like a telephone, or not at all."""
    ear, mouth = Ear(), Mouth((48_000, tone(1, 48_000)))
    table, door = door_to(AsyncHandler(mouth.emit, ear.receive))
    wire = Wire(door)
    wire.start(format=PCM, output={"encoding": "pcm16", "sample_rate": 16_000})
    started = await wire.event("started")
    assert json.loads(wire.texts[0]) == started
    assert started["input"] == {"encoding": "pcm16", "sample_rate": 24_000}
    assert started["output"] == {"encoding": "pcm16", "sample_rate": 16_000}
    for part in np.split(tone(1, 24_000), 50, axis=1):
        wire.say(part.astype("<i2").tobytes())
    session = table.get("me")
    assert session is not None
    await asyncio.sleep(0.1)
    await session.playout.drained()
    await wire.hang_up()
    assert 0.97 <= ear.seconds <= 1.0
    assert ear.frames[0][0] == 48_000
    heard = np.frombuffer(b"".join(data for _, data in wire.audio), "<i2")
    assert 0.97 <= heard.size / 16_000 <= 1.02
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size)))
    assert abs(spectrum.argmax() * 16_000 / heard.size - 440) < 2


async def test_audio_leaves_as_it_is_played() -> None:
    """Lost otherwise: an interruption would find all of a reply sent already."""
    mouth = Mouth((24_000, tone(2)))
    _, door = door_to(AsyncHandler(mouth.emit))
    wire = Wire(door)
    wire.start(format=PCM)
    await wire.until(lambda: len(wire.audio) == 100)
    await wire.hang_up()
    times = np.array([at_s for at_s, _ in wire.audio])
    assert np.allclose(np.diff(times), 0.02, atol=1e-3)


async def test_clear_is_told_when_the_bot_is_interrupted() -> None:
    """Lost otherwise: the client would play on what it has in store."""
    wire, session = await talking()
    before, cleared_s = len(wire.sent), now_s()
    session.playout.clear()
    await asyncio.sleep(1)
    await wire.hang_up()
    at_s, first = wire.sent[before]
    assert first.get("text") == '{"event":"clear"}'
    assert at_s == cleared_s
    # The silence speech fades into, and no word more.
    tail = [np.frombuffer(m["bytes"], "<i2") for _, m in wire.sent[before + 1 : -1]]
    assert len(tail) == 3
    assert all(not part[120:].any() for part in tail)


async def test_audio_that_a_slow_socket_holds_is_dropped_by_an_interruption() -> None:
    """Lost otherwise: on a slow line the bot would talk on over its user."""
    wire, session = await talking()
    wire.gate.clear()
    await asyncio.sleep(0.3)
    before = len(wire.sent)
    session.playout.clear()
    wire.gate.set()
    await wire.event("clear")
    await wire.hang_up()
    # The one that was on its way, then this.
    assert wire.sent[before + 1][1].get("text") == '{"event":"clear"}'


async def test_mulaw_and_opus_are_binary_too() -> None:
    """Lost otherwise: two of the three encodings would not work."""
    for encoding in ("mulaw", "opus"):
        wire, _ = await talking({"encoding": encoding})
        await wire.hang_up()
        assert len(wire.audio) >= 9
        sizes = {len(data) for _, data in wire.audio}
        assert sizes == {480} if encoding == "mulaw" else max(sizes) < 480


async def test_audio_in_json_is_of_the_agreed_format_too() -> None:
    """Lost otherwise: clients without binary messages could not use PCM."""
    ear = Ear()
    _, door = door_to(AsyncHandler(receive=ear.receive, input_sample_rate=24_000))
    wire = Wire(door)
    wire.start(format=PCM)
    wire.media(tone(0.2, 24_000).astype("<i2").tobytes())
    await asyncio.sleep(0.1)
    await wire.hang_up()
    heard = np.concatenate([array for _, array in ear.frames], axis=1)
    assert np.array_equal(heard, tone(0.2, 24_000))


# -- texts and the session -------------------------------------------------------------


async def test_typed_text_reaches_the_session() -> None:
    """Lost otherwise: a user without a microphone could not take part."""
    typed: list[str] = []
    table, door = door_to(AsyncHandler())
    wire = Wire(door)
    await wire.started()
    session: Any = table.get("me")
    session.receive_text = typed.append
    wire.say({"type": "text", "data": "Grüße"})
    await wire.hang_up()
    assert typed == ["Grüße"]


async def test_user_code_sees_the_socket_and_its_messages_arrive() -> None:
    """Lost otherwise: get_current_context().websocket would be None, as in a browser
    call."""
    seen: list[Any] = []

    async def start_up(handler: AsyncHandler) -> None:
        context = get_current_context()
        seen.append((context.webrtc_id, context.websocket, context.headers))
        await handler.send_message('{"type": "log", "data": "hello"}')

    _, door = door_to(AsyncHandler(start_up=start_up))
    wire = Wire(door)
    wire.start("mine", format=PCM)
    await wire.event("log")
    await wire.hang_up()
    assert seen == [("mine", wire.websocket, {"origin": "http://here"})]
    assert [e.get("event") or e["type"] for e in wire.events] == ["started", "log"]


async def test_an_app_may_send_many_messages_at_once() -> None:
    """Lost otherwise: an app that sends a page of captions would lose its session."""

    async def start_up(handler: AsyncHandler) -> None:
        for _ in range(1_000):
            await handler.send_message('{"type": "log", "data": ""}')

    _, door = door_to(AsyncHandler(start_up=start_up))
    wire = Wire(door)
    wire.start()
    await wire.until(lambda: len(wire.texts) == 1_000)
    await wire.hang_up()


async def test_an_app_that_ends_the_session_is_heard_out() -> None:
    """Lost otherwise: the bot's goodbye would be cut off, or no reason be given."""
    mouth = Mouth((24_000, tone(1)), CloseStream("bye"))
    table, door = door_to(AsyncHandler(mouth.emit))
    wire = Wire(door)
    wire.start(format=PCM)
    await wire.serving
    assert len(wire.audio) == 50
    assert wire.events[-1] == {"type": "end_stream", "data": "bye"}
    assert wire.close_code == 1000
    assert len(table) == 0


async def test_shutdown_runs_once_however_it_ends() -> None:
    """Lost otherwise: an app would leave what it opened for a client open."""
    ends: list[int] = []

    async def shutdown(handler: AsyncHandler) -> None:
        ends.append(1)

    table, door = door_to(AsyncHandler(shutdown=shutdown), limit=None)
    for end in (Wire.hang_up, _leave, _cancel, _garbage):
        wire = Wire(door)
        await wire.started()
        await end(wire)
        assert len(table) == 0
        assert sum(ends) == 1
        ends.clear()


async def _leave(wire: Wire) -> None:
    wire.leave()
    await wire.serving


async def _cancel(wire: Wire) -> None:
    wire.serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wire.serving


async def _garbage(wire: Wire) -> None:
    wire.say("garbage")
    assert (await wire.refused())["error"] == "invalid_message"


# -- modes and modalities --------------------------------------------------------------


async def test_a_stream_that_only_sends_hears_and_says_nothing() -> None:
    """Lost otherwise: a recorder would talk."""
    # More than is queued: it is played to nobody, at its own pace.
    ear, mouth = Ear(), Mouth(*[(24_000, tone(2))] * 3, AdditionalOutputs(1))
    _, door = door_to(AsyncHandler(mouth.emit, ear.receive), mode="send")
    wire = Wire(door)
    wire.start()
    wire.media(mulaw_encode(tone(0.1, 48_000)))
    await wire.event("fetch_output")
    await wire.hang_up()
    assert len(ear.frames) == 5
    assert [e.get("event") for e in wire.events if "media" in e] == []


async def test_a_stream_that_only_receives_feeds_nothing_and_may_wait() -> None:
    """Lost otherwise: a radio would be cut off after a minute."""
    ear = Ear()
    table, door = door_to(AsyncHandler(receive=ear.receive), mode="receive")
    wire = Wire(door)
    await wire.started()
    wire.media(mulaw_encode(tone(0.1, 48_000)))
    await asyncio.sleep(200)
    assert len(table) == 1
    await wire.hang_up()
    assert ear.frames == []


async def test_video_alone_is_refused_and_audio_with_video_is_not() -> None:
    """Lost otherwise: a page would wait for a picture that can't come."""
    table, door = door_to(AsyncHandler(), modality="video")
    wire = Wire(door)
    wire.start()
    meta = await wire.refused()
    assert meta["error"] == "modality_not_supported"
    assert "WebRTC" in meta["message"]
    assert len(table) == 0
    _, door = door_to(AsyncHandler(), modality="audio-video")
    wire = Wire(door)
    await wire.started()
    await wire.hang_up()

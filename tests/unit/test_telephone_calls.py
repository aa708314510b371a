"""fastrtc.transports.telephone: one call's whole life, on a virtual clock."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import numpy as np
import pytest

from fastrtc import AdditionalOutputs, CloseStream, ReplyOnPause, get_current_context
from fastrtc.audio import mulaw_decode, mulaw_encode
from fastrtc.context import PhoneCall
from fastrtc.errors import RefusedError
from fastrtc.testing import LoudnessModel
from fastrtc.transports.telephone import Twilio, bounds, connection
from fastrtc.transports.telephone.provider import Webhook
from tests.support.handlers import AsyncHandler, tone
from tests.support.telephone import LINES, TWILIO, Line, PhoneWire, phone_door_to
from tests.support.websocket import Ear, Mouth, now_s

pytestmark = pytest.mark.virtual_time
every_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)

FRAME_S = 0.02
SILENCE = b"\xff" * 160
WEBHOOK = [("CallSid", "CA1"), ("From", "+13125550100"), ("To", "+13125550199")]


async def handled(wire: PhoneWire) -> None:
    """Let the server take what was sent."""
    await asyncio.sleep(FRAME_S)


async def say(wire: PhoneWire, clip: Any) -> None:
    """The caller's voice in real time; 8 kHz."""
    for frame in np.split(clip, clip.shape[1] // 160, axis=1):
        wire.say(wire.line.speech(mulaw_encode(frame)))
        await asyncio.sleep(FRAME_S)


async def be_quiet(wire: PhoneWire, seconds: float) -> None:
    for _ in range(round(seconds / FRAME_S)):
        wire.say(wire.line.speech(SILENCE))
        await asyncio.sleep(FRAME_S)


# -- a whole call ----------------------------------------------------------------------


@every_line
async def test_voices_go_both_ways(line: Line) -> None:
    """Lost otherwise: caller and bot would not hear each other."""
    ear, mouth = Ear(), Mouth((24_000, tone(0.2)))
    handler = AsyncHandler(mouth.emit, ear.receive, input_sample_rate=16_000)
    table, door = phone_door_to(handler, line.provider)
    wire = PhoneWire(door, line)
    wire.dial()
    await say(wire, tone(0.4, 8_000))
    await wire.until(lambda: len(wire.voice) >= 10)
    session = table.get(line.stream_id)
    assert session is not None
    assert session.handler.phone_mode
    await wire.end()
    assert len(table) == 0
    assert all(rate == 16_000 and a.shape == (1, 320) for rate, a in ear.frames)
    assert 0.34 <= ear.seconds <= 0.4
    heard = mulaw_decode(b"".join(wire.voice))
    assert 0.19 <= heard.shape[1] / 8_000 <= 0.22
    assert np.abs(heard).max() > 5_000
    assert wire.of_kind("media", "playAudio", "mark", "checkpoint") == wire.events


@every_line
async def test_the_bot_hangs_up(line: Line) -> None:
    """Lost otherwise: a call would go on, and cost, after the bot has said goodbye."""
    mouth = Mouth(((24_000, tone(0.5)), CloseStream()))
    table, door = phone_door_to(AsyncHandler(mouth.emit), line.provider)
    wire = PhoneWire(door, line)
    wire.dial()
    await wire.until(lambda: wire.marks)
    # It is played only now, so the goodbye is not cut off.
    assert len(table) == 1
    wire.hear_out()
    await wire.serving
    assert wire.close_code == 1000
    assert len(table) == 0


async def test_the_context_of_a_call() -> None:
    """Lost otherwise: an app couldn't know who calls."""
    seen: list[Any] = []

    class Asks(AsyncHandler):
        def copy(self) -> AsyncHandler:
            return type(self)()

        async def start_up(self) -> None:
            seen.append(get_current_context())

    _, door = phone_door_to(Asks())
    wire = PhoneWire(door)
    wire.dial()
    await handled(wire)
    await wire.end()
    context = seen[0]
    assert context.webrtc_id == TWILIO.stream_id
    assert context.websocket is wire.websocket
    assert context.call == PhoneCall(
        "twilio", TWILIO.call_id, parameters={"FirstName": "Jane"}
    )
    assert context.headers["origin"] == "http://here"


@every_line
async def test_keys_reach_the_handler_in_order(line: Line) -> None:
    """Lost otherwise: "press 1 for…" would not work."""
    pressed: list[str] = []

    class Menu(AsyncHandler):
        def copy(self) -> AsyncHandler:
            return type(self)()

        async def receive_dtmf(self, digit: str) -> None:
            await asyncio.sleep(0.01 if digit == "1" else 0)
            pressed.append(digit)

    _, door = phone_door_to(Menu(), line.provider)
    wire = PhoneWire(door, line)
    wire.dial()
    for digit in ("1", "2", "#", "a"):
        wire.say(line.dtmf.replace('"1"', f'"{digit}"'))
    await asyncio.sleep(0.1)
    await wire.end()
    assert pressed == ["1", "2", "#", "A"]


async def test_handlers_need_not_care_for_keys() -> None:
    """Lost otherwise: a key would end the call of a handler that knows no keys."""
    table, door = phone_door_to(AsyncHandler())
    wire = PhoneWire(door)
    wire.dial()
    wire.say(TWILIO.dtmf)
    await handled(wire)
    session = table.get(TWILIO.stream_id)
    assert session is not None
    assert session.user_errors == 0
    await wire.end()


async def test_nothing_but_its_own_messages_goes_to_the_provider() -> None:
    """Lost otherwise: Twilio ends streams that send it other messages."""
    mouth = Mouth(AdditionalOutputs(1), (24_000, tone(0.1)))
    table, door = phone_door_to(AsyncHandler(mouth.emit))
    wire = PhoneWire(door)
    wire.dial()
    await wire.until(lambda: wire.marks)
    session = table.get(TWILIO.stream_id)
    assert session is not None
    session.channel.send('{"type": "log", "data": "x"}')
    await handled(wire)
    await wire.end()
    assert wire.of_kind("media", "mark") == wire.events


async def test_outputs_are_the_next_inputs() -> None:
    """Lost otherwise: an agent on the phone would forget the conversation."""
    got: list[Any] = []

    def reply(audio: Any, history: list[str] | None = None) -> Any:
        got.append(history)
        yield 8_000, tone(0.1, 8_000)
        yield AdditionalOutputs([*(history or []), "said"])

    _, door = phone_door_to(ReplyOnPause(reply, model=LoudnessModel()))
    wire = PhoneWire(door)
    wire.dial()
    for turn in range(2):
        await say(wire, tone(1.0, 8_000))
        quiet = asyncio.ensure_future(be_quiet(wire, 5))
        await wire.until(lambda turn=turn: len(wire.marks) > turn)
        wire.hear_out()
        await quiet
    await wire.end()
    assert got == [None, ["said"]]


# -- what was played -------------------------------------------------------------------


async def talking(line: Line = TWILIO) -> tuple[PhoneWire, Any]:
    """A call in the middle of a reply."""
    mouth = Mouth((24_000, tone(5)))
    table, door = phone_door_to(AsyncHandler(mouth.emit), line.provider)
    wire = PhoneWire(door, line)
    wire.dial()
    await wire.until(lambda: len(wire.voice) > 10)
    session = table.get(line.stream_id)
    assert session is not None
    return wire, session


@every_line
async def test_an_interruption_clears_what_the_provider_has(line: Line) -> None:
    """Lost otherwise: the bot would talk on over its caller."""
    wire, session = await talking(line)
    session.playout.clear()
    await wire.until(lambda: wire.of_kind("clear", "clearAudio"))
    events = wire.events
    cleared = events.index(wire.of_kind("clear", "clearAudio")[0])
    await asyncio.sleep(0.2)
    await wire.end()
    after = [
        event["media"]["payload"]
        for event in wire.events[cleared:]
        if event["event"] in ("media", "playAudio")
    ]
    # The fade into silence, and no word more.
    assert len(after) <= 3


async def test_there_is_nothing_to_clear_in_silence() -> None:
    """Lost otherwise: each word of the caller would cost a needless message."""
    mouth = Mouth((24_000, tone(0.3)))
    table, door = phone_door_to(AsyncHandler(mouth.emit))
    wire = PhoneWire(door)
    wire.dial()
    await wire.until(lambda: wire.marks)
    session = table.get(TWILIO.stream_id)
    assert session is not None
    wire.hear_out()
    await handled(wire)
    session.playout.clear()
    await handled(wire)
    assert wire.of_kind("clear") == []
    await wire.end()


async def test_the_bot_speaks_until_the_mark_comes_back() -> None:
    """Lost otherwise: the bot would think it is silent while the caller hears it."""
    mouth = Mouth((24_000, tone(0.5)))
    table, door = phone_door_to(AsyncHandler(mouth.emit))
    wire = PhoneWire(door)
    wire.dial()
    await wire.until(lambda: wire.marks)
    session = table.get(TWILIO.stream_id)
    assert session is not None
    await asyncio.sleep(1)
    assert not session.playout.idle
    wire.say(TWILIO.played("another"))
    await handled(wire)
    assert not session.playout.idle
    wire.hear_out()
    await handled(wire)
    assert session.playout.idle
    assert await session.played_out()
    await wire.end()


async def test_an_old_mark_ends_no_newer_reply() -> None:
    """Lost otherwise: the second of two replies could not be interrupted."""
    mouth = Mouth((24_000, tone(0.3)))
    table, door = phone_door_to(AsyncHandler(mouth.emit))
    wire = PhoneWire(door)
    wire.dial()
    await wire.until(lambda: wire.marks)
    mouth.said.append((24_000, tone(0.3)))
    await wire.until(lambda: len(wire.marks) == 2)
    session = table.get(TWILIO.stream_id)
    assert session is not None
    wire.say(TWILIO.played(wire.marks[0]))
    await handled(wire)
    assert not session.playout.idle
    wire.hear_out()
    await handled(wire)
    assert session.playout.idle
    await wire.end()


async def test_a_lost_mark_is_not_waited_for_for_ever() -> None:
    """Lost otherwise: one lost message, and the bot would never listen again."""
    mouth = Mouth((24_000, tone(0.3)))
    table, door = phone_door_to(AsyncHandler(mouth.emit))
    wire = PhoneWire(door)
    wire.dial()
    await wire.until(lambda: wire.marks)
    session = table.get(TWILIO.stream_id)
    assert session is not None
    asked_s = now_s()
    assert await session.played_out()
    assert now_s() - asked_s == pytest.approx(bounds.MARK_TIMEOUT_S, abs=0.05)
    await wire.end()


async def test_a_reply_starts_with_a_small_lead() -> None:
    """Lost otherwise: every hiccup of the network would be a gap in the bot's voice."""
    wire, _ = await talking()
    await wire.until(lambda: len(wire.voice) == 50)
    times = [t for t, m in wire.sent if '"media"' in m.get("text", "")]
    await wire.end()
    first = times[0]
    lead = round(bounds.LEAD_S / FRAME_S)
    for index, at_s in enumerate(times[:50]):
        due_s = max(0, index - lead) * FRAME_S
        assert at_s - first == pytest.approx(due_s, abs=0.002)


# -- who gets in -----------------------------------------------------------------------


async def test_one_limit_counts_calls_too() -> None:
    """Lost otherwise: four calls would pass a limit of one, as in FastRTC."""
    table, door = phone_door_to(AsyncHandler(), limit=1)
    first = PhoneWire(door)
    first.dial()
    await handled(first)
    second = PhoneWire(door)
    second.say('{"event": "start", "streamSid": "MZ2"}')
    await second.serving
    assert second.close_code == 1013
    assert second.events == []
    webhook = Webhook("POST", "https://b.io/telephone/incoming", {}, form=WEBHOOK)
    assert '<Reject reason="busy"' in door.answer(webhook, "wss://b.io/x")
    await first.end()
    assert len(table) == 0
    assert "<Connect>" in door.answer(webhook, "wss://b.io/x")


async def test_a_call_can_not_be_taken_over() -> None:
    """Lost otherwise: whoever knows a stream's id could end or overhear its call."""
    table, door = phone_door_to(AsyncHandler(), limit=None)
    owner = PhoneWire(door)
    owner.dial()
    await handled(owner)
    session = table.get(TWILIO.stream_id)
    thief = PhoneWire(door)
    thief.dial()
    await thief.serving
    assert thief.close_code == 1008
    assert table.get(TWILIO.stream_id) is session
    await owner.end()


async def test_the_time_limit_holds_for_calls() -> None:
    """Lost otherwise: calls would last, and cost, for ever, as in FastRTC."""
    _, door = phone_door_to(AsyncHandler(), time_limit_s=2)
    wire = PhoneWire(door)
    began_s = now_s()
    wire.dial()
    await be_quiet(wire, 1)
    await wire.serving
    assert now_s() - began_s == pytest.approx(2, abs=0.1)
    assert wire.close_code == 1000


async def test_closing_the_stream_ends_its_calls() -> None:
    """Lost otherwise: a server could not stop while somebody is on the phone."""
    table, door = phone_door_to(AsyncHandler())
    wire = PhoneWire(door)
    wire.dial()
    await handled(wire)
    await table.close_all("the server stops")
    await wire.serving
    assert wire.close_code == 1000


async def test_video_alone_has_no_telephone() -> None:
    """Lost otherwise: a caller would wait in silence for a picture."""
    table, door = phone_door_to(AsyncHandler(), modality="video")
    wire = PhoneWire(door)
    wire.dial()
    await wire.serving
    assert wire.close_code == 1008
    assert len(table) == 0


@pytest.mark.parametrize(
    ("mode", "hears", "speaks"), [("send", 1, 0), ("receive", 0, 1)]
)
async def test_one_way_streams(mode: str, hears: int, speaks: int) -> None:
    """Lost otherwise: an announcement line or a dictation line could not be built."""
    ear, mouth = Ear(), Mouth((24_000, tone(0.2)))
    _, door = phone_door_to(AsyncHandler(mouth.emit, ear.receive), mode=mode)
    wire = PhoneWire(door)
    wire.dial()
    await say(wire, tone(0.5, 8_000))
    await wire.end()
    assert bool(ear.frames) == hears
    assert bool(wire.voice) == speaks


SIGNED = Twilio("secret")


def signed_ticket(door: Any) -> str:
    url = "https://b.io/telephone/incoming?name=Jane"
    signature = SIGNED._signature(url, Webhook("POST", url, {}, form=WEBHOOK)).decode()
    headers = {"x-twilio-signature": signature}
    query = [("name", "Jane")]
    webhook = Webhook("POST", url, headers, query=query, form=WEBHOOK)
    xml = door.answer(webhook, "wss://b.io/telephone/handler")
    return re.findall(r'name="ticket" value="([^"]+)"', xml)[0]


async def test_with_a_secret_a_call_needs_its_ticket() -> None:
    """Lost otherwise: who knows the address could call without the provider."""
    calls: list[Any] = []

    class Asks(AsyncHandler):
        def copy(self) -> AsyncHandler:
            return type(self)()

        async def start_up(self) -> None:
            calls.append(get_current_context().call)

    table, door = phone_door_to(Asks(), SIGNED)
    ticket = signed_ticket(door)
    for wrong in ("none", ticket[:-8] + "AAAAAAAA"):
        wire = PhoneWire(door)
        wire.dial(wrong)
        await wire.serving
        assert wire.close_code == 1008
    assert len(table) == 0
    wire = PhoneWire(door)
    wire.dial(ticket)
    await handled(wire)
    await wire.end()
    assert calls == [
        PhoneCall(
            "twilio",
            "CA1",
            "+13125550100",
            "+13125550199",
            "inbound",
            {"name": "Jane", "FirstName": "Jane"},
        )
    ]
    again = PhoneWire(door)
    again.dial(ticket)
    await again.serving
    assert again.close_code == 1008


async def test_a_ticket_may_stand_in_the_address() -> None:
    """Lost otherwise: Plivo's calls would be refused."""
    _, door = phone_door_to(AsyncHandler(), SIGNED)
    ticket = signed_ticket(door)
    wire = PhoneWire(door, query=f"ticket={ticket}".encode())
    wire.say('{"event": "start", "streamSid": "MZ1"}')
    await handled(wire)
    assert wire.close_code is None
    await wire.end()


def test_a_forged_webhook() -> None:
    """Lost otherwise: anybody could get a ticket."""

    async def check() -> None:
        _, door = phone_door_to(AsyncHandler(), SIGNED)
        with pytest.raises(RefusedError, match="public_url"):
            door.answer(Webhook("POST", "https://b.io/x", {}, form=WEBHOOK), "wss://x")

    asyncio.run(check())


async def test_too_long_parameters_do_not_cost_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a long address would lose the call and not only its words."""
    _, door = phone_door_to(AsyncHandler())
    query = [("x", "y" * 500)]
    webhook = Webhook("POST", "https://b.io/x", {}, query=query, form=WEBHOOK)
    with caplog.at_level(logging.WARNING, "fastrtc"):
        assert "<Connect>" in door.answer(webhook, "wss://b.io/x")
    assert "left out" in caplog.text


# -- floods, silence and garbage -------------------------------------------------------


async def test_a_start_must_come() -> None:
    """Lost otherwise: open sockets would gather."""
    _, door = phone_door_to(AsyncHandler())
    began_s = now_s()
    wire = PhoneWire(door)
    wire.say(TWILIO.connected)
    await wire.serving
    assert now_s() - began_s == pytest.approx(bounds.START_TIMEOUT_S, abs=0.1)
    assert wire.close_code == 1008
    flood = PhoneWire(door)
    for _ in range(200):
        flood.say(TWILIO.connected)
    await flood.serving
    assert flood.close_code == 1008


@pytest.mark.parametrize("last", ["leave", "stop"])
async def test_leaving_before_start(last: str) -> None:
    """Lost otherwise: a call hung up at once would leave something behind."""
    table, door = phone_door_to(AsyncHandler())
    wire = PhoneWire(door)
    wire.say(TWILIO.connected)
    if last == "leave":
        wire.leave()
    else:
        wire.say(TWILIO.stop)
    await wire.serving
    assert len(table) == 0


async def test_a_dead_line_is_let_go() -> None:
    """Lost otherwise: a call whose network died would hold its line for ever."""
    table, door = phone_door_to(AsyncHandler())
    wire = PhoneWire(door)
    wire.dial()
    await be_quiet(wire, 1)
    before_s = now_s()
    await wire.serving
    assert now_s() - before_s == pytest.approx(bounds.IDLE_TIMEOUT_S, abs=0.1)
    assert len(table) == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", 1008),
        ("[]", 1008),
        ('{"event": "media", "media": {"payload": 7}}', 1008),
        ('{"event": "media", "media": {"payload": "A"}}', 1008),
        ('{"event": "x", "y": "' + "z" * 300_000 + '"}', 1009),
        (b"\x00", 1008),
    ],
)
async def test_garbage_ends_the_call(
    message: Any, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: nobody would learn why callers hear nothing."""
    table, door = phone_door_to(AsyncHandler())
    wire = PhoneWire(door)
    wire.dial()
    await handled(wire)
    with caplog.at_level(logging.WARNING, "fastrtc"):
        wire.say(message)
        await wire.serving
    assert wire.close_code == code
    assert "its call ends" in caplog.text
    assert len(table) == 0


async def test_unknown_events_and_a_second_start_change_nothing() -> None:
    """Lost otherwise: a provider's next version would end calls."""
    table, door = phone_door_to(AsyncHandler())
    wire = PhoneWire(door)
    wire.dial()
    wire.say('{"event": "weather", "weather": {"rain": true}}')
    wire.say(TWILIO.start)
    await handled(wire)
    assert len(table) == 1
    await wire.end()


async def test_a_provider_that_does_not_read() -> None:
    """Lost otherwise: a stuck socket would hold its line and fill the memory."""
    wire, session = await talking()
    wire.gate.clear()
    began_s = now_s()
    quiet = asyncio.ensure_future(be_quiet(wire, 20))
    await wire.serving
    # And the time that the last messages and the closing are given.
    expected_s = connection.SEND_TIMEOUT_S + 1.5
    assert now_s() - began_s == pytest.approx(expected_s, abs=0.1)
    assert session.state == "closed"
    await quiet


async def test_a_failing_handler_does_not_end_the_call() -> None:
    """Lost otherwise: one bug in a key's handling would hang up."""

    class Breaks(AsyncHandler):
        def copy(self) -> AsyncHandler:
            return type(self)()

        def receive_dtmf(self, digit: str) -> None:
            raise ValueError("no such menu")

    table, door = phone_door_to(Breaks())
    wire = PhoneWire(door)
    wire.dial()
    wire.say(TWILIO.dtmf)
    wire.say(TWILIO.dtmf)
    await handled(wire)
    session = table.get(TWILIO.stream_id)
    assert session is not None
    assert session.user_errors == 2
    await wire.end()

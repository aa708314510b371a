"""The telephone: a real uvicorn, and `websockets` with the providers' own messages."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, FastAPI
from numpy.typing import NDArray
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fastrtc import AdditionalOutputs, ReplyOnPause, get_current_context, get_tts_model
from fastrtc.access import Access
from fastrtc.audio import mulaw_decode, mulaw_encode, resample
from fastrtc.context import PhoneCall
from fastrtc.session import SessionTable
from fastrtc.telephone import PhoneProvider, Plivo, TelephoneOptions, Telnyx, Twilio
from fastrtc.telephone_route import add_telephone_routes
from tests.support.services import stand_in
from tests.support.telephone import LINES, TWILIO, Line

from .handlers import Echo
from .support import PATIENCE_S, Server, audio_stream
from .tones import assert_unbroken, clip

pytestmark = pytest.mark.loopback
every_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)

FROM, TO = "+13125550100", "+13125550199"
TONE_HZ = 440.0
SILENCE = b"\xff" * 160


# -- the server and the provider -------------------------------------------------------


@dataclass(frozen=True)
class Lines:
    """What the routes need of a stream."""

    sessions: SessionTable
    access: Access
    telephone: TelephoneOptions


@contextlib.asynccontextmanager
async def serving(
    handler: Any, telephone: TelephoneOptions, **options: Any
) -> AsyncGenerator[Server]:
    """A running server with a telephone under `/bots`."""
    stream = audio_stream(handler, **options)
    app, router = FastAPI(), APIRouter(prefix="/bots")
    stream.mount(app)
    add_telephone_routes(router, Lines(stream.sessions, stream.access, telephone))
    app.include_router(router)
    server = Server(stream, app=app)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    assert not len(stream.sessions), "a session outlived its server"
    assert not server.left_tasks, server.left_tasks


KEY = Ed25519PrivateKey.generate()
PUBLIC_KEY = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


def account_of(line: Line, api_url: str = "http://127.0.0.1:9") -> PhoneProvider:
    """An account whose webhooks are checked."""
    if line.name == "twilio":
        return Twilio("secret", "AC1", api_url)
    if line.name == "telnyx":
        return Telnyx(PUBLIC_KEY, api_url=api_url)
    return Plivo("secret", "MA1", api_url)


def sign(line: Line, url: str, form: dict[str, str]) -> dict[str, str]:
    """The headers of a genuine webhook."""
    if line.name == "twilio":
        signature = RequestValidator("secret").compute_signature(url, form)
        return {"X-Twilio-Signature": signature}
    if line.name == "telnyx":
        now = str(int(time.time()))
        signed = KEY.sign(f"{now}|{urlencode(form)}".encode())
        return {
            "telnyx-timestamp": now,
            "telnyx-signature-ed25519": base64.b64encode(signed).decode(),
        }
    bare, query = url.split("?")
    pairs = "&".join(f"{k}={v}" for k, v in sorted(parse_qsl(query)))
    fields = "".join(f"{k}{v}" for k, v in sorted(form.items()))
    signed = f"{bare}?{pairs}.{fields}.nonce".encode()
    mac = hmac.new(b"secret", signed, hashlib.sha256).digest()
    return {
        "X-Plivo-Signature-V3": base64.b64encode(mac).decode(),
        "X-Plivo-Signature-V3-Nonce": "nonce",
    }


@dataclass(frozen=True)
class Answer:
    """What a webhook was answered."""

    status: int
    text: str
    stream_url: str = ""
    ticket: str = "none"


async def ring(
    server: Server, line: Line, *, genuine: bool = True, method: str = "POST"
) -> Answer:
    """Tell the server of a call, as the provider does."""
    url = f"{server.url}/bots/telephone/incoming?name=Jane"
    id_field = "CallUUID" if line.name == "plivo" else "CallSid"
    form = {id_field: line.call_id, "From": FROM, "To": TO, "Direction": "inbound"}
    headers = sign(line, url, form) if genuine else {}
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        if method == "GET":
            response = await http.get(url, params={"name": "Jane", **form})
        else:
            response = await http.post(url, data=form, headers=headers)
    if response.status_code != 200:
        return Answer(response.status_code, response.text)
    assert response.headers["content-type"].startswith("application/xml")
    return parse_answer(response.text)


def parse_answer(text: str) -> Answer:
    """The stream in a provider's XML."""
    stream = ElementTree.fromstring(text).find(".//Stream")
    if stream is None:
        return Answer(200, text)
    url = (stream.get("url") or stream.text or "").replace("wss://", "ws://")
    parameter = stream.find("Parameter")
    ticket = "none" if parameter is None else parameter.get("value", "")
    return Answer(200, text, url, ticket)


class Phone:
    """The provider's end of a call: it plays what it gets, as real ones do."""

    def __init__(self, socket_: ClientConnection, line: Line) -> None:
        self.socket = socket_
        self.line = line
        self.events: list[dict[str, Any]] = []
        self.heard: list[bytes] = []
        self.cleared = 0
        self._changed = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())
        self._marks: set[asyncio.Task[None]] = set()
        self._played_s = 0.0

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                event = json.loads(await self.socket.recv())
                self.events.append(event)
                await self._take(event)
                self._changed.set()
        self._changed.set()

    async def _take(self, event: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        if event["event"] in ("media", "playAudio"):
            audio = base64.b64decode(event["media"]["payload"])
            self.heard.append(audio)
            self._played_s = max(self._played_s, loop.time()) + len(audio) / 8_000
        elif event["event"] in ("mark", "checkpoint"):
            name = event.get("name") or event["mark"]["name"]
            wait_s = self._played_s - loop.time()
            task = asyncio.ensure_future(self._tell(name, wait_s))
            self._marks.add(task)
            task.add_done_callback(self._marks.discard)
        else:
            assert event["event"] in ("clear", "clearAudio"), event
            self.cleared += 1
            self._played_s = 0.0

    async def _tell(self, name: str, wait_s: float) -> None:
        await asyncio.sleep(max(0.0, wait_s))
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(self.line.played(name))

    async def begin(self, ticket: str) -> None:
        for text in self.line.started(ticket):
            await self.socket.send(text)

    async def say(self, samples: NDArray[np.int16], *, then_quiet: bool = True) -> None:
        """A microphone: this at 8 kHz, then its room, in real time."""
        frames = [samples[i : i + 160] for i in range(0, samples.size - 159, 160)]
        due_s = asyncio.get_running_loop().time()
        with contextlib.suppress(ConnectionClosed):
            for frame in frames:
                await self.socket.send(self.line.speech(mulaw_encode(frame)))
                due_s += 0.02
                await asyncio.sleep(due_s - asyncio.get_running_loop().time())
            while then_quiet:
                await self.socket.send(self.line.speech(SILENCE))
                due_s += 0.02
                await asyncio.sleep(due_s - asyncio.get_running_loop().time())

    async def until(self, there: Callable[[], Any]) -> None:
        while not there():
            assert not self._reading.done(), f"closed first: {self.events[-3:]}"
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE_S)

    async def closed(self) -> int | None:
        """The code the server closes with."""
        await asyncio.wait_for(self.socket.wait_closed(), PATIENCE_S)
        await self._reading
        return self.socket.close_code

    async def hang_up(self) -> None:
        if self.line.stop:
            await self.socket.send(self.line.stop)
        await self.leave()

    async def leave(self) -> None:
        await self.socket.close()
        await self._reading
        for task in self._marks:
            task.cancel()


@contextlib.asynccontextmanager
async def dialling(answer: Answer, line: Line) -> AsyncGenerator[Phone]:
    """A call, connected as the answer says."""
    async with connect(answer.stream_url, proxy=None) as socket_:
        phone = Phone(socket_, line)
        try:
            await phone.begin(answer.ticket)
            yield phone
        finally:
            await phone.leave()


def spoken(text: str) -> NDArray[np.int16]:
    rate_hz, samples = get_tts_model("espeak").tts(text)
    speech = resample(samples.reshape(1, -1), rate_hz, 8_000)[0]
    loud = np.flatnonzero(np.abs(speech) > 500)
    return speech[loud[0] : loud[-1]]


# -- calls -----------------------------------------------------------------------------


@every_line
async def test_a_question_is_answered_and_the_answer_interrupted(line: Line) -> None:
    """Lost otherwise: a real caller would get no answer, or couldn't stop it."""
    calls: list[PhoneCall | None] = []
    inputs: list[Any] = []

    def monologue(audio: Any, said: int = 0) -> Iterator[Any]:
        calls.append(get_current_context().call)
        inputs.append(said)
        yield AdditionalOutputs(said + 1)
        while True:
            yield 24_000, clip(880.0, 0.5, 24_000)

    account = account_of(line)
    async with serving(ReplyOnPause(monologue), TelephoneOptions(account)) as server:
        answer = await ring(server, line)
        assert urlsplit(answer.stream_url).netloc == urlsplit(server.url).netloc
        question = spoken("Please tell me about the weather of tomorrow.")
        async with dialling(answer, line) as phone:
            microphone = asyncio.ensure_future(phone.say(question))
            await phone.until(lambda: len(phone.heard) > 25)
            assert phone.cleared == 0
            microphone.cancel()
            microphone = asyncio.ensure_future(phone.say(question))
            await phone.until(lambda: phone.cleared)
            before = len(phone.heard)
            # The second question is answered too, with the first one's output.
            await phone.until(lambda: len(calls) == 2 and len(phone.heard) > before + 5)
            microphone.cancel()
            await asyncio.gather(microphone, return_exceptions=True)
            assert await server.session_ids() == [line.stream_id]
            await phone.hang_up()
        await server.empty()
    assert inputs == [0, 1]
    assert calls[0] is not None
    assert (calls[0].from_number, calls[0].to_number) == (FROM, TO)
    assert calls[0].call_id == line.call_id
    assert calls[0].parameters["name"] == "Jane"


async def test_a_tone_comes_back_whole() -> None:
    """Lost otherwise: voices on the phone would crackle, or have the wrong pitch."""
    async with serving(Echo(24_000), TelephoneOptions()) as server:
        answer = await ring(server, TWILIO, genuine=False)
        async with dialling(answer, TWILIO) as phone:
            await phone.say(clip(TONE_HZ, 1.5, 8_000)[0], then_quiet=False)
            await phone.until(lambda: len(phone.heard) >= 72)
            heard = mulaw_decode(b"".join(phone.heard))
        heard = resample(heard, 8_000, 48_000)[0]
        assert 1.4 <= heard.size / 48_000 <= 1.54
        assert_unbroken(heard[4_800 : heard.size - 4_800], TONE_HZ)
        await server.empty()


async def test_plivos_call_is_ended_by_its_api() -> None:
    """Lost otherwise: Plivo would call back a bot that has said goodbye."""
    line = LINES[2]
    with stand_in(lambda asked: (204, "")) as api:
        options = TelephoneOptions(account_of(line, api.url))
        async with serving(Echo(), options, time_limit=0.3) as server:
            async with dialling(await ring(server, line), line) as phone:
                assert await phone.closed() == 1000
            await server.empty()
    assert [(a.method, a.path) for a in api.asked] == [
        ("DELETE", f"/v1/Account/MA1/Call/{line.call_id}/")
    ]


async def test_a_caller_who_hangs_up_is_not_hung_up_on() -> None:
    """Lost otherwise: each call would end in a needless, failing request."""
    line = LINES[2]
    with stand_in(lambda asked: (404, "")) as api:
        options = TelephoneOptions(account_of(line, api.url))
        async with serving(Echo(), options) as server:
            async with dialling(await ring(server, line), line) as phone:
                await phone.say(clip(TONE_HZ, 0.2, 8_000)[0], then_quiet=False)
                await phone.until(lambda: phone.heard)
            await server.empty()
    assert api.asked == []


async def test_a_limit_and_a_busy_line() -> None:
    """Lost otherwise: callers too many would be connected to nobody."""
    options = TelephoneOptions()
    async with serving(Echo(), options, concurrency_limit=1) as server:
        answer = await ring(server, TWILIO)
        async with dialling(answer, TWILIO) as phone:
            await phone.say(clip(TONE_HZ, 0.2, 8_000)[0], then_quiet=False)
            await phone.until(lambda: phone.heard)
            assert "busy" in (await ring(server, TWILIO)).text
            async with connect(answer.stream_url, proxy=None) as other:
                await other.send('{"event": "start", "streamSid": "MZ2"}')
                await asyncio.wait_for(other.wait_closed(), PATIENCE_S)
                assert other.close_code == 1013
        await server.empty()
        assert "busy" not in (await ring(server, TWILIO)).text


async def test_the_server_stops_during_a_call() -> None:
    """Lost otherwise: a call would keep a server from stopping."""
    async with serving(Echo(), TelephoneOptions()) as server:
        async with dialling(await ring(server, TWILIO), TWILIO) as phone:
            await phone.say(clip(TONE_HZ, 0.2, 8_000)[0], then_quiet=False)
            await phone.until(lambda: phone.heard)
            await server.stop()
            assert await phone.closed() in (1000, 1001, 1012)
        server.stop = _stopped  # pyright: ignore


async def _stopped() -> None:
    """It is already."""


# -- webhooks --------------------------------------------------------------------------


@every_line
async def test_forged_webhooks(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """Lost otherwise: anybody could talk to the bot at the owner's cost."""
    async with serving(Echo(), TelephoneOptions(account_of(line))) as server:
        answer = await ring(server, line, genuine=False)
        assert answer.status == 403
        assert "public_url" not in answer.text
        assert "public_url" in caplog.text
        url = server.url.replace("http", "ws") + "/bots/telephone/handler"
        async with dialling(Answer(200, "", url), line) as phone:
            assert await phone.closed() == 1008
        assert await server.session_ids() == []


async def test_who_may_not_come_in_may_not_call() -> None:
    """Lost otherwise: the telephone's address would be a way around `authorize`."""
    refuse = {"authorize": lambda connection: None}
    async with serving(Echo(), TelephoneOptions(), **refuse) as server:
        answer = await ring(server, TWILIO, genuine=False)
        with pytest.raises(InvalidStatus, match="403"):
            await connect(answer.stream_url, proxy=None)
        assert await server.session_ids() == []


async def test_a_provider_vouches_for_its_calls() -> None:
    """Lost otherwise: an app with `authorize` could not be called at all."""
    refuse = {"authorize": lambda connection: None}
    options = TelephoneOptions(account_of(TWILIO))
    async with serving(Echo(), options, **refuse) as server:
        async with dialling(await ring(server, TWILIO), TWILIO) as phone:
            await phone.say(clip(TONE_HZ, 0.2, 8_000)[0], then_quiet=False)
            await phone.until(lambda: phone.heard)
        await server.empty()


async def test_webhooks_by_get() -> None:
    """Lost otherwise: an account set to GET would not work."""
    async with serving(Echo(), TelephoneOptions()) as server:
        answer = await ring(server, TWILIO, method="GET")
        url = f"ws://{urlsplit(server.url).netloc}/bots/telephone/handler"
        assert answer.stream_url == url
        assert "wss://" in answer.text


async def test_a_configured_address() -> None:
    """Lost otherwise: a server behind a proxy could not be found."""
    options = TelephoneOptions(public_url="https://bot.example.com/app")
    async with serving(Echo(), options) as server:
        answer = await ring(server, TWILIO)
    assert "wss://bot.example.com/app/bots/telephone/handler" in answer.text


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"x" * 70_000, {}, 400),
        (b"&".join([b"a=b"] * 300), {}, 400),
        (b"a=b", {"host": "a b"}, 400),
        (b"\xff\xfe%zz=%", {}, 200),
        (b"", {"content-type": "application/json"}, 200),
    ],
)
async def test_strange_webhooks(
    content: bytes, headers: dict[str, str], status: int
) -> None:
    """Lost otherwise: garbage would be an error of the server's, or fill its memory."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    async with serving(Echo(), TelephoneOptions()) as server:
        url = f"{server.url}/bots/telephone/incoming"
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            answer = await http.post(url, content=content, headers={**kind, **headers})
    assert answer.status_code == status


async def test_without_twilios_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: a call would fail without a word of what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "twilio.twiml", None)
    async with serving(Echo(), TelephoneOptions()) as server:
        answer = await ring(server, TWILIO, genuine=False)
    assert answer.status == 501
    assert "fastrtc[telephone]" in answer.text


async def test_calls_leave_nothing_behind() -> None:
    """Lost otherwise: a server would slow down from call to call."""
    async with serving(Echo(), TelephoneOptions()) as server:
        before = await server.tasks()
        for ending in ("leave", "hang up", "reset", "early"):
            url = (await ring(server, TWILIO)).stream_url
            async with connect(url, proxy=None) as socket_:
                if ending != "early":
                    start = {"event": "start", "streamSid": uuid.uuid4().hex}
                    await socket_.send(json.dumps(start))
                    await socket_.send(TWILIO.speech(SILENCE))
                if ending == "hang up":
                    await socket_.send(TWILIO.stop)
                elif ending == "reset":
                    socket_.transport.abort()
        await server.empty()
        await server.ended_since(before)

"""WHIP and WHEP: FFmpeg's own sender, an offer as OBS makes it, and aiortc clients."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
from aiortc.rtcdtlstransport import RTCCertificate
from cryptography.hazmat.primitives import serialization

from fastrtc import AsyncAudioVideoStreamHandler, AsyncStreamHandler
from tests.support.handlers import tone as sine
from tests.support.pictures import color_of

from .handlers import Echo
from .support import PATIENCE_S, Server
from .tones import LEFT_HZ, pitch_hz
from .whip_client import SDP, calling, fragment, serving
from .whip_offers import OBS_OFFER, PLAYER_OFFER

pytestmark = pytest.mark.loopback

SENDER = Path(__file__).parent / "whip_sender.py"
needs_muxer = pytest.mark.skipif(
    "whip" not in av.formats_available, reason="this PyAV's FFmpeg has no WHIP muxer"
)


class Witness(AsyncAudioVideoStreamHandler):
    """Keeps what it hears and sees."""

    heard: list[Any]
    seen: list[Any]

    def __init__(self) -> None:
        super().__init__(input_sample_rate=48_000)
        self.heard, self.seen = [], []

    async def receive(self, frame: Any) -> None:
        self.heard.append(frame[1])

    async def video_receive(self, frame: Any) -> None:
        self.seen.append(frame)

    async def emit(self) -> Any:
        await asyncio.Event().wait()

    async def video_emit(self) -> Any:
        await asyncio.Event().wait()

    def copy(self) -> Witness:
        # The test looks at the one it made; there is one session only.
        return self


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of curve P-256 and its key, as PEM files."""
    made: Any = RTCCertificate.generateCertificate()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made._cert.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        made._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, key


# -- real programs ---------------------------------------------------------------------


@needs_muxer
@pytest.mark.parametrize("mode", ["send", "send-receive"])
async def test_ffmpeg_sends_sound_and_pictures(mode: str, tmp_path: Path) -> None:
    """Lost otherwise: ffmpeg could not send to a stream, or would be heard in part."""
    witness = Witness()
    certificate, key = write_certificate(tmp_path)
    async with serving(witness, "audio-video", mode) as server:
        url = f"{server.url}/live/whip"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(str(SENDER), url, "2", str(certificate), str(key)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode == 0, errors.decode()[-2000:]
        assert out == b"connected\n"
        # It has deleted its session.
        assert await server.session_ids() == []
        heard = np.concatenate(witness.heard, axis=1)[0]
        assert 1.8 < heard.size / 48_000 < 2.3
        assert pitch_hz(heard[9_600:86_400]) == pytest.approx(440, abs=2)
        assert len(witness.seen) >= 50
        assert witness.seen[-1].shape == (240, 320, 3)
        assert {color_of(picture) for picture in witness.seen} == {"blue"}


async def test_an_offer_of_obs_is_answered() -> None:
    """Lost otherwise: OBS would show "failed to connect", and nothing else."""
    async with serving(Witness(), "audio-video", "send") as server:
        url = f"{server.url}/live/whip"
        # curl, as OBS sets it up: no Accept but */*.
        headers = {"Content-Type": SDP, "Accept": "*/*", "User-Agent": "Mozilla/5.0"}
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            response = await http.post(url, content=OBS_OFFER, headers=headers)
            assert response.status_code == 201, response.text
            assert response.headers["content-type"].startswith(SDP)
            # OBS puts it in the place of its URL's path.
            location = response.headers["location"]
            assert location.startswith("/live/whip/")
            answer = response.text
            assert answer.startswith("v=0")
            assert answer.count("a=recvonly") == 2
            assert "opus/48000/2" in answer
            assert "H264/90000" in answer
            assert "VP8" not in answer
            assert answer.count("a=candidate:") >= 1
            gone = await http.delete(server.url + location, headers=headers)
            # OBS takes anything but 200 for a failure.
            assert gone.status_code == 200
        assert await server.session_ids() == []


# -- clients of ours -------------------------------------------------------------------


class Ear(AsyncStreamHandler):
    """Hears one second, then is content."""

    def __init__(self) -> None:
        super().__init__(input_sample_rate=48_000)
        self.heard: list[Any] = []
        self.full = asyncio.Event()

    async def receive(self, frame: Any) -> None:
        self.heard.append(frame[1])
        if len(self.heard) >= 50:
            self.full.set()

    async def emit(self) -> Any:
        await asyncio.Event().wait()

    def copy(self) -> Ear:
        return self


@pytest.mark.parametrize("trickle", ["no", "after"])
async def test_sound_arrives_by_whip(trickle: Any) -> None:
    """Lost otherwise: clients that trickle would never connect."""
    ear = Ear()
    async with (
        serving(ear, "audio", "send") as server,
        calling(server, "whip", trickle=trickle) as client,
    ):
        await server.run(asyncio.wait_for(_event(ear), PATIENCE_S))
        heard = np.concatenate(ear.heard, axis=1)[0]
        assert pitch_hz(heard[9_600:]) == pytest.approx(LEFT_HZ, abs=3)
        assert "host" in await server.call(lambda: _candidates(server))
        # The session's name, which apps may show, is no key to its resource.
        (name,) = await server.session_ids()
        assert name not in client.resource
        assert await client.hang_up() == 200
        assert await client.hang_up() == 404
        assert await server.session_ids() == []
        await client.closed()


async def _event(ear: Ear) -> None:
    await ear.full.wait()


def _candidates(server: Server) -> set[str]:
    """The types of the client's candidates that the server knows."""
    door: Any = server.stream.door
    (connection,) = door._connections.values()
    (transceiver,) = connection.pc.getTransceivers()
    transport = transceiver.receiver.transport.transport
    return {c.type for c in transport.getRemoteCandidates()}


async def test_a_generator_is_played_by_whep() -> None:
    """Lost otherwise: players could not listen to a radio made of a function."""

    def play() -> Iterator[Any]:
        for _ in range(8):
            yield 24_000, sine(0.5, hz=440)

    async with (
        serving(play, "audio", "receive") as server,
        calling(server, "whep") as client,
    ):
        heard = await client.listen(0.6)
        assert pitch_hz(heard[0, 9_600:]) == pytest.approx(440, abs=6)
        ended = client.resource
        await server.empty()
        async with httpx.AsyncClient() as http:
            assert (await http.delete(ended)).status_code == 404


class Greeter(AsyncStreamHandler):
    """Speaks first, and all the time."""

    async def receive(self, frame: Any) -> None:
        raise AssertionError("a player says nothing")

    async def emit(self) -> Any:
        return 24_000, sine(0.5, hz=440)

    def copy(self) -> Greeter:
        return Greeter()


async def test_a_handler_that_speaks_first_is_played_by_whep() -> None:
    """Lost otherwise: a presenter could not be watched by a player."""
    async with (
        serving(Greeter(), "audio", "send-receive") as server,
        calling(server, "whep") as client,
    ):
        heard = await client.listen(0.6)
        assert pitch_hz(heard[0, 9_600:]) == pytest.approx(440, abs=6)


async def test_an_offer_of_a_player_as_the_draft_shows_it_is_answered() -> None:
    """Lost otherwise: players that bundle strictly would be refused."""
    async with (
        serving(Witness(), "audio-video", "send-receive") as server,
        httpx.AsyncClient(timeout=PATIENCE_S) as http,
    ):
        url = f"{server.url}/live/whep"
        sent = {"Content-Type": SDP}
        before = await server.tasks()
        answer = await http.post(url, content=PLAYER_OFFER, headers=sent)
        assert answer.status_code == 201, answer.text
        assert answer.text.count("a=sendonly") == 2
        assert "m=video 0 " not in answer.text
        resource = httpx.URL(url).join(answer.headers["location"])
        assert (await http.delete(resource)).status_code == 200
        await server.ended_since(before)


async def test_the_end_of_a_sender_is_noticed_without_delete() -> None:
    """Lost otherwise: a program that just stops would hold its place."""
    async with serving(Echo(), "audio", "send-receive", concurrency_limit=1) as server:
        async with calling(server, "whip"):
            assert len(await server.session_ids()) == 1
        await server.empty()
        async with calling(server, "whip") as second:
            assert await second.hang_up() == 200


# -- what is refused -------------------------------------------------------------------


async def test_candidates_need_the_right_precondition() -> None:
    """Lost otherwise: a restart of ICE would seem to work, and the call would die."""
    async with (
        serving(Ear(), "audio", "send") as server,
        calling(server, "whip") as client,
        httpx.AsyncClient(timeout=PATIENCE_S) as http,
    ):
        sdp = client.pc.localDescription.sdp
        good = fragment(sdp, [])
        assert (await client.patch(http, good)).status_code == 204
        for status, body, headers in (
            (428, good, {"If_Match": ""}),
            (412, good, {"If_Match": '"another"'}),
            (415, good, {"Content_Type": "application/json"}),
            (400, "no fragment", {}),
            (413, good + "a=x\r\n" * 10_000, {}),
            (422, fragment(sdp, [], "ysXw"), {"If_Match": "*"}),
            (400, good.replace("1 tcp 1518280447", "tcp"), {}),
        ):
            answer = await client.patch(http, body, **headers)
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status
        # The session goes on, whatever was refused.
        assert client.pc.connectionState == "connected"
        assert (await http.get(client.resource)).status_code == 204
        assert (await http.post(client.resource)).status_code == 405
        for unknown in (client.resource[:-1], client.resource + "x"):
            assert (await http.delete(unknown)).status_code == 404
        assert len(await server.session_ids()) == 1


async def test_offers_that_do_not_fit_are_refused() -> None:
    """Lost otherwise: a sender's user would not know what to change."""
    async with (
        serving(Ear(), "audio", "send", concurrency_limit=1) as server,
        httpx.AsyncClient(timeout=PATIENCE_S) as http,
    ):
        url = f"{server.url}/live/whip"
        for status, content, headers in (
            (415, OBS_OFFER, {"Content-Type": "application/json"}),
            (406, OBS_OFFER, {"Accept": "application/json"}),
            (400, "hello", {}),
            (400, b"\xff\xfe", {}),
            (413, "v=0" + 70_000 * " ", {}),
            # OBS always sends pictures too.
            (422, OBS_OFFER, {}),
            (422, "v=0\r\n", {}),
        ):
            sent = {"Content-Type": SDP, **headers}
            answer = await http.post(url, content=content, headers=sent)
            assert answer.status_code == status, answer.text
            assert answer.json()["status"] == status
            assert await server.session_ids() == []
        async with calling(server, "whip"):
            answer = await http.post(
                url, content=OBS_OFFER, headers={"Content-Type": SDP}
            )
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["limit"] == 1


async def test_each_stream_has_its_direction() -> None:
    """Lost otherwise: a player of a send-only stream would wait for ever."""

    def play() -> Iterator[Any]:
        yield 24_000, sine(0.5)

    for handler, mode, wrong, right in (
        (Ear(), "send", "whep", "whip"),
        (play, "receive", "whip", "whep"),
    ):
        async with (
            serving(handler, "audio", mode) as server,
            httpx.AsyncClient() as http,
        ):
            url = f"{server.url}/live/{wrong}"
            headers = {"Content-Type": SDP}
            answer = await http.post(url, content=OBS_OFFER, headers=headers)
            assert answer.status_code == 404
            assert f"/{right}" in answer.json()["detail"]


async def test_endpoints_say_what_they_take_and_which_servers_to_use() -> None:
    """Lost otherwise: clients behind a firewall would not learn of the TURN server."""
    servers = [
        {"urls": "stun:stun.example.net"},
        {
            "urls": ["turn:turn.example.net?transport=udp"],
            "username": "user",
            "credential": 'pass"word',
        },
    ]
    configuration = {"iceServers": servers}
    async with (
        serving(Ear(), "audio", "send", rtc_configuration=configuration) as server,
        httpx.AsyncClient(timeout=PATIENCE_S) as http,
    ):
        options = await http.options(f"{server.url}/live/whip")
        assert options.status_code == 200
        assert options.headers["accept-post"] == SDP
        assert "link" not in options.headers
        assert (await http.get(f"{server.url}/live/whip")).status_code == 204
        assert (await http.put(f"{server.url}/live/whip")).status_code == 405
        async with calling(server, "whip") as client:
            assert client.response.headers.get_list("link") == [
                '<stun:stun.example.net>; rel="ice-server"',
                '<turn:turn.example.net?transport=udp>; rel="ice-server"; '
                'username="user"; credential="pass\\"word"; '
                'credential-type="password"',
            ]


async def test_who_may_come_in_is_asked_of_senders_too() -> None:
    """Lost otherwise: a stream with `authorize` would stand open to everybody."""

    def authorize(request: Any) -> str | None:
        right = request.headers.get("authorization") == "Bearer right"
        return "obs" if right else None

    async with (
        serving(Ear(), "audio", "send", authorize=authorize) as server,
        httpx.AsyncClient(timeout=PATIENCE_S) as http,
    ):
        url = f"{server.url}/live/whip"
        for token, status in (("", 401), ("Bearer wrong", 401), ("Bearer right", 422)):
            headers = {"Content-Type": SDP, "Authorization": token}
            answer = await http.post(url, content=OBS_OFFER, headers=headers)
            assert answer.status_code == status, answer.text
            challenge = answer.headers.get("www-authenticate")
            assert challenge == ("Bearer" if status == 401 else None)

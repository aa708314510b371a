"""Nonsense from the network: refused in clear words, and nobody else notices."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from fastrtc.options import MAX_BODY_BYTES, MAX_CANDIDATES, MAX_PENDING_IDS

from .client import Client, calling
from .echoes import assert_echoes, assert_undisturbed
from .handlers import Echo
from .support import Server, serving
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback

CANDIDATE = "candidate:1 1 udp 2130706431 192.0.2.9 40000 typ host"


@contextlib.asynccontextmanager
async def witnessed() -> AsyncGenerator[tuple[Server, Client], None]:
    """A server with two slots, one held by a call that must not notice anything.

    At the end the call is whole, the other slot is free and no task is left.
    """
    async with (
        serving(Echo(), concurrency_limit=2) as server,
        calling(server, tone(LEFT_HZ), webrtc_id="witness") as witness,
    ):
        await witness.listen(0.2)
        tasks = await server.tasks()
        witness.forget()
        await server.longest_stall()
        yield server, witness
        await assert_undisturbed(server, witness)
        assert await server.session_ids() == ["witness"]
        await server.ended_since(tasks)
        async with calling(server, tone(LEFT_HZ)) as next_client:
            await next_client.listen(0.1)


async def sdp_of(
    *, audio: bool = True, video: bool = False, channel: bool = True
) -> str:
    """An offer of a client that wants these things."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    if audio:
        pc.addTransceiver("audio")
    if video:
        pc.addTransceiver("video")
    if channel:
        pc.createDataChannel("text")
    await pc.setLocalDescription(await pc.createOffer())
    sdp = pc.localDescription.sdp
    await pc.close()
    return sdp


def offer(sdp: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "offer", "sdp": sdp, "webrtc_id": "bad", **fields}


def candidate(value: Any, webrtc_id: str = "bad") -> dict[str, Any]:
    return {"type": "ice-candidate", "candidate": value, "webrtc_id": webrtc_id}


Spoil = Callable[[str], str]

SPOILT_SDP: dict[str, Spoil] = {
    "garbage": lambda _: "garbage",
    "empty": lambda _: "",
    "garbage after the first line": lambda _: "v=0\r\ngarbage\r\nm=\r\na=\r\n",
    "only the first line": lambda _: "v=0\r\n",
    "80 KB": lambda sdp: sdp + "a=x:" + "y" * 80_000,
    "70 KB of lines": lambda sdp: sdp + "a=x\r\n" * 10_000,
    "too many lines": lambda sdp: sdp + "a=x\r\n" * 7_000,
    "too many sources": lambda sdp: (
        sdp + "".join(f"a=ssrc:{number} cname:x\r\n" for number in range(900))
    ),
    "too many candidates": lambda sdp: sdp + f"a={CANDIDATE}\r\n" * 65,
    "too many sections": lambda sdp: (
        sdp + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n" * 900
    ),
    "half of one": lambda sdp: sdp[: len(sdp) // 2],
    "no fingerprint": lambda sdp: without(sdp, "a=fingerprint"),
    "no password": lambda sdp: without(sdp, "a=ice-pwd"),
    "no codec": lambda sdp: without(sdp, "a=rtpmap"),
    "not a number": lambda sdp: sdp.replace("m=audio ", "m=audio x"),
    "half characters": lambda sdp: sdp.replace("a=mid:0", "a=mid:\ud800"),
    "no codec of ours": lambda sdp: sdp.replace("opus", "op\0us"),
    "a bundle of nothing": lambda sdp: sdp.replace("a=mid:0", "a=mid:x"),
    "a bundle with a text": lambda sdp: sdp.replace("m=audio", "m=text"),
    "no ports": lambda sdp: sdp.replace("m=audio 9", "m=audio 0").replace(
        "a=setup:actpass", "a=setup:nobody"
    ),
}


def without(sdp: str, prefix: str) -> str:
    lines = sdp.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(prefix))


async def test_unusable_offers_are_refused() -> None:
    """Without it, one broken request would take a slot for good."""
    good = await sdp_of()
    async with witnessed() as (server, _):
        for name, spoil in SPOILT_SDP.items():
            meta = await server.refusal(offer(spoil(good)))
            assert meta["error"] == "invalid_offer", name
            assert meta["message"].endswith("."), name
            assert await server.session_ids() == ["witness"], name


async def test_an_offer_that_is_none_is_refused() -> None:
    """Without it, an answer taken for an offer would take a slot for good."""
    sdp = await sdp_of()
    async with witnessed() as (server, _):
        for body in (
            offer(sdp, type="answer"),
            offer(sdp, type="pranswer"),
            offer(sdp, type=""),
            offer(None),
            {"type": "offer", "webrtc_id": "bad"},
        ):
            assert (await server.refusal(body))["error"] == "invalid_offer"


async def test_an_offer_of_nothing_useful_is_refused() -> None:
    """Without it, a call nobody can hear would take a slot."""
    body = offer(await sdp_of(audio=False, video=True, channel=False))
    async with witnessed() as (server, _):
        assert (await server.refusal(body))["error"] == "unsupported_track"
    async with serving(Echo(), allow_extra_tracks=True) as server:
        assert (await server.refusal(body))["error"] == "invalid_offer"


async def test_extra_tracks_are_refused_unless_they_are_allowed() -> None:
    """Without it, allow_extra_tracks would not do what it says."""
    body = offer(await sdp_of(video=True))
    async with witnessed() as (server, _):
        meta = await server.refusal(body)
        assert meta["error"] == "unsupported_track"
        assert "video" in meta["message"]


async def test_allowed_extra_tracks_do_no_harm() -> None:
    """Without it, cameras would be received into a memory that nobody empties."""
    async with serving(Echo(), allow_extra_tracks=True) as server:
        client = Client(server.url, tone(LEFT_HZ))
        client.pc.addTransceiver("video", direction="sendrecv")
        client.pc.addTransceiver("audio", direction="sendrecv")
        await client.connect()
        await assert_echoes(server, client, LEFT_HZ)
        directions = [t.currentDirection for t in client.pc.getTransceivers()]
        assert directions == ["sendrecv", "inactive", "inactive"]
        await client.close()
        await server.closed(client.id)


async def test_only_opus_is_agreed_upon() -> None:
    """Without it, a client that prefers another codec would be heard as noise."""
    preferring = (await sdp_of()).replace("SAVPF 96 9 0 8", "SAVPF 0 8 9 96")
    async with serving(Echo()) as server:
        answer = (await server.post(offer(preferring))).json()
        codecs = [line for line in answer["sdp"].splitlines() if "rtpmap" in line]
        assert codecs == ["a=rtpmap:96 opus/48000/2"]


MALFORMED: dict[str, Any] = {
    "no object": "candidate",
    "null": None,
    "a list": [CANDIDATE],
    "a number for a text": {"candidate": 1, "sdpMid": "0"},
    "no section": {"candidate": CANDIDATE},
    "a text for an index": {"candidate": CANDIDATE, "sdpMLineIndex": "0"},
    "a bool for an index": {"candidate": CANDIDATE, "sdpMLineIndex": True},
    "a long text": {"candidate": "candidate:" + "x" * 5_000, "sdpMid": "0"},
    "a long section": {"candidate": CANDIDATE, "sdpMid": "x" * 5_000},
    "garbage": {"candidate": "candidate:garbage", "sdpMid": "0"},
    "half of one": {"candidate": "candidate:1 1 udp 21307", "sdpMid": "0"},
    "a word for a number": {
        "candidate": CANDIDATE.replace("40000", "port"),
        "sdpMid": "0",
    },
    "an unknown section": {"candidate": CANDIDATE, "sdpMid": "no such"},
    "an index too high": {"candidate": CANDIDATE, "sdpMLineIndex": 99},
    "a negative index": {"candidate": CANDIDATE, "sdpMLineIndex": -1},
    "no address": {
        "candidate": CANDIDATE.replace("192.0.2.9", "nowhere.invalid"),
        "sdpMid": "0",
    },
    "an empty label": {
        "candidate": CANDIDATE.replace("192.0.2.9", "..local"),
        "sdpMid": "0",
    },
    "a long label": {
        "candidate": CANDIDATE.replace("192.0.2.9", "x" * 300 + ".local"),
        "sdpMid": "0",
    },
    "half characters": {
        "candidate": CANDIDATE.replace("192.0.2.9", "\ud800.local"),
        "sdpMid": "0",
    },
    "a huge port": {"candidate": CANDIDATE.replace("40000", "9" * 30), "sdpMid": "0"},
}


async def test_malformed_candidates_are_refused_or_ignored() -> None:
    """Without it, one bad candidate would end a call, or the server."""
    async with witnessed() as (server, witness):
        for name, value in MALFORMED.items():
            answer = await server.post(candidate(value, witness.id))
            assert answer.status_code in (200, 422), (name, answer.text)
            if answer.status_code == 200:
                content = answer.json()
                if content["status"] == "failed":
                    error = content["meta"]["error"]
                    assert error == "invalid_candidate_format", name


async def test_candidates_for_nobody_are_kept_within_bounds() -> None:
    """Without it, anybody could fill the server's memory with candidates."""
    async with witnessed() as (server, _):
        value = {"candidate": CANDIDATE, "sdpMid": "0"}
        for _ in range(32):
            answer = await server.post(candidate(value, "nobody"))
            assert answer.json() == {"status": "success"}
        meta = await server.refusal(candidate(value, "nobody"))
        assert meta["error"] == "too_many_candidates"
        early: Any = server.stream.door._early  # pyright: ignore[reportPrivateUsage]

        async def flood() -> None:
            for number in range(3 * MAX_PENDING_IDS):
                await server.stream.offer(candidate(value, f"nobody {number}"))

        await server.run(flood())
        assert len(early) <= MAX_PENDING_IDS


async def test_a_bad_candidate_before_an_offer_does_not_spoil_it() -> None:
    """Without it, one bad candidate sent ahead would cost the call."""
    async with witnessed() as (server, _):
        meta = await server.refusal(candidate(MALFORMED["garbage"]))
        assert meta["error"] == "invalid_candidate_format"
        async with calling(server, tone(LEFT_HZ), webrtc_id="bad") as client:
            await client.listen(0.1)
        await server.closed("bad")


async def test_more_than_64_candidates_are_refused_and_the_call_goes_on() -> None:
    """Without it, a client could make the server check addresses without end."""
    async with witnessed() as (server, witness):
        refused = 0
        for number in range(MAX_CANDIDATES + 6):
            address = f"192.0.2.{number % 250 + 1}"
            value = {
                "candidate": CANDIDATE.replace("192.0.2.9", address),
                "sdpMid": "0",
            }
            answer = (await server.post(candidate(value, witness.id))).json()
            if answer["status"] == "failed":
                assert answer["meta"]["error"] in (
                    "too_many_candidates",
                    "invalid_candidate_format",
                )
                refused += 1
        assert refused >= 6


async def test_bodies_that_are_no_requests_are_refused() -> None:
    """Without it, malformed requests would show up as errors of the server."""
    url = "/webrtc/offer"
    deep = "[" * 20_000 + "]" * 20_000
    bodies: dict[str, tuple[bytes, int]] = {
        "empty": (b"", 422),
        "not JSON": (b"{", 422),
        "not UTF-8": (b"\xff\xfe\x00", 422),
        "a list": (b"[]", 422),
        "null": (b"null", 422),
        "a number": (b"1" * 90_000, 422),
        "not a number": (b"NaN", 422),
        "no webrtc_id": (b'{"type": "offer", "sdp": "v=0"}', 422),
        "a number as webrtc_id": (b'{"type": "offer", "webrtc_id": 1}', 422),
        "deep": (deep.encode(), 422),
        "deep within": (b'{"webrtc_id": ' + deep.encode() + b"}", 422),
        "over the bound": (b'{"x": "' + b"x" * MAX_BODY_BYTES + b'"}', 413),
    }
    async with witnessed() as (server, _), httpx.AsyncClient(timeout=20) as http:
        for name, (body, status) in bodies.items():
            answer = await http.post(server.url + url, content=body)
            assert answer.status_code == status, (name, answer.text[:200])
            assert "Traceback" not in answer.text
            assert len(answer.content) < 2_000, name
        for method in ("GET", "PUT", "DELETE"):
            answer = await http.request(method, server.url + url)
            assert answer.status_code == 405


async def test_a_body_that_says_no_length_is_bounded_too() -> None:
    """Without it, an endless request would fill the server's memory."""

    async def endless() -> AsyncGenerator[bytes, None]:
        for _ in range(200):
            yield b"x" * 4_096

    async with witnessed() as (server, _), httpx.AsyncClient(timeout=20) as http:
        answer = await http.post(server.url + "/webrtc/offer", content=endless())
        assert answer.status_code == 413


async def test_names_that_are_none_are_refused() -> None:
    """Without it, log lines and pages could be forged by a session's name."""
    sdp = await sdp_of()
    async with witnessed() as (server, _):
        for webrtc_id in ("", "x" * 129, "a\nb", "\u202e", "\0", "\ud800"):
            meta = await server.refusal(offer(sdp, webrtc_id=webrtc_id))
            assert meta["error"] == "invalid_webrtc_id", repr(webrtc_id)


async def test_inputs_for_nobody_are_kept_within_bounds() -> None:
    """Without it, inputs for unknown names would fill the server's memory."""
    async with witnessed() as (server, _):

        def flood() -> None:
            for number in range(3 * MAX_PENDING_IDS):
                server.stream.set_input(f"nobody {number}", number)

        thread = threading.Thread(target=flood)
        thread.start()
        thread.join()
        early: Any = server.stream.sessions
        assert len(early._early_inputs) <= MAX_PENDING_IDS

"""How long requests keep the server's event loop from everybody else.

The figures are printed (`pytest -rP`). The bounds are ten times of what a quiet
machine needs, so that only a real stall fails.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable

import pytest

from .client import calling
from .handlers import Echo
from .support import Server, Stall, serving
from .test_bad_input import CANDIDATE, SPOILT_SDP, candidate, offer, sdp_of
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback

REPEATS = 5
BOUND_MS = 50.0


async def measured(
    server: Server, what: str, act: Callable[[int], Awaitable[object]]
) -> Stall:
    """The median of the longest stalls of several repeats."""
    await act(-1)
    stalls: list[Stall] = []
    for repeat in range(REPEATS):
        await server.longest_stall()
        await act(repeat)
        stalls.append(await server.longest_stall())
    cpu_ms = statistics.median(stall.cpu_ms for stall in stalls)
    wall_ms = statistics.median(stall.wall_ms for stall in stalls)
    print(f"{what:28} {cpu_ms:5.1f} ms CPU, {wall_ms:5.1f} ms by the clock")
    assert cpu_ms < BOUND_MS, f"{what}: {stalls}"
    return Stall(wall_ms, cpu_ms)


async def test_a_good_offer_stalls_nobody() -> None:
    """Without it, each new call would be heard as a gap in all others."""
    async with serving(Echo()) as server:

        async def call(_: int) -> None:
            async with calling(server, tone(LEFT_HZ)) as client:
                await client.until(lambda: client.microphone.sent > 3, "some frames")
            await server.closed(client.id)

        await measured(server, "a call, start to end", call)


async def test_bad_offers_stall_nobody() -> None:
    """Without it, one request could make everybody's audio stutter."""
    good = await sdp_of()
    async with serving(Echo()) as server:
        for name, spoil in SPOILT_SDP.items():
            body = offer(spoil(good))

            async def refused(_: int, body: dict[str, object] = body) -> None:
                await server.refusal(body)

            await measured(server, name, refused)


async def test_candidates_stall_nobody() -> None:
    """Without it, a burst of candidates could make everybody's audio stutter."""
    async with serving(Echo()) as server, calling(server) as client:

        async def add(number: int) -> None:
            text = CANDIDATE.replace("40000", str(41_000 + number))
            value = {"candidate": text, "sdpMid": "0"}
            await server.post(candidate(value, client.id))

        await measured(server, "a candidate", add)


async def test_hosts_that_do_not_answer_hold_up_no_slot_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, one offer with many host names would hold a slot for minutes."""
    monkeypatch.setattr("fastrtc.transports.webrtc.connection.SETUP_TIMEOUT_S", 1.0)
    lines = "".join(
        f"a=candidate:{n} 1 udp 1 host{n}.local 4000{n} typ host\r\n" for n in range(9)
    )
    sdp = (await sdp_of()).replace("a=mid:0\r\n", "a=mid:0\r\n" + lines)
    async with serving(Echo(), concurrency_limit=1) as server:
        began_s = time.perf_counter()
        answer = (await server.post(offer(sdp))).json()
        assert answer["meta"]["error"] == "connection_closed"
        await server.closed("bad")
        assert time.perf_counter() - began_s < 6

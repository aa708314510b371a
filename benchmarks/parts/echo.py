"""Echo: what moving audio costs, and how long it takes."""

from __future__ import annotations

import asyncio
import random

import numpy as np

from ..client.call import run
from ..client.line import onsets_s
from ..client.load import loading, opus_packets
from ..client.probe import probing
from ..plan import SESSIONS, Plan
from ..results import Values
from ..servers import Candidate, Server, running
from ..speech import FRAME_SAMPLES, RATE_HZ, Samples, conversation
from .cost import cost

BURST_FRAMES = 5
WARM_UP_S = 1.0
BETWEEN_S = (0.4, 0.9)
"""At random between these, so that bursts fall anywhere in a server's rhythm."""
ECHO_WITHIN_S = 0.4 + BURST_FRAMES * 0.02


def measure(candidate: Candidate, plan: Plan) -> Values:
    """Latency of one session alone, then the cost of ten."""
    with running(candidate, "bare" if candidate.is_bare else "echo") as server:
        return run(_measure(server, plan))


async def _measure(server: Server, plan: Plan) -> Values:
    values = await _latencies(server.url, plan)
    async with loading(server.url, opus_packets(conversation()), SESSIONS) as load:
        spent = await cost(server, load, plan)
    values["echo_cpu_ms"] = [spent.cpu_ms]
    values["echo_delivered"] = [spent.delivered]
    values["echo_sent"] = [spent.sent]
    values["echo_gap_ms"] = [spent.gap_ms]
    return values


async def _latencies(url: str, plan: Plan) -> Values:
    """From handing a burst to the client's sender to its return, milliseconds."""
    dice = random.Random(11)
    said_s: list[float] = []
    async with probing(url) as probe:
        await asyncio.sleep(WARM_UP_S)
        for _ in range(plan.echo_bursts):
            said_s.append(await probe.say(_burst()))
            await asyncio.sleep(ECHO_WITHIN_S + dice.uniform(*BETWEEN_S))
        heard_s = onsets_s(probe.heard, quiet_s=0.2)
    latencies: list[float] = []
    for at_s in said_s:
        echoes = (x - at_s for x in heard_s if 0 < x - at_s < ECHO_WITHIN_S)
        latencies += [1000 * echo for echo in list(echoes)[:1]]
    return {
        "echo_ms": latencies,
        "echo_lost": [float(len(said_s) - len(latencies))],
    }


def _burst() -> list[Samples]:
    time_s = np.arange(BURST_FRAMES * FRAME_SAMPLES) / RATE_HZ
    tone = (np.sin(2 * np.pi * 1000 * time_s) * 12_000).astype(np.int16)
    return list(tone.reshape(-1, FRAME_SAMPLES))

"""ReplyOnPause: how many listening sessions one core holds."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np

from ..client.call import run
from ..client.load import Load, loading, opus_packets
from ..errors import BenchmarkError
from ..plan import Plan
from ..results import Results
from ..servers import Candidate, Server, running
from ..speech import conversation, utterances
from .reply import Turns, converse

PROBES = 4
WORSE = 2.0
"""Replies suffer when their 95th percentile is so many times that without load."""
TRIES = 2
"""At each step; a moment in which another program took the core isn't the server's
fault, and a server that is overloaded fails both."""
SENT_IN_TIME = 0.95
"""When the client sends less than this part of what is due, a step says nothing."""
TIMEOUT_S = 240.0


@dataclass(frozen=True)
class Step:
    """How replies fared at one number of sessions.

    Attributes:
        turns: of the conversations beside the load.
        server_core: CPU time of the server a second.
        sent: packets that the load sent, of those due.
    """

    turns: Turns
    server_core: float
    sent: float

    @property
    def p95_ms(self) -> float:
        """Of the replies that came; infinite when none did."""
        latencies_ms = self.turns.latencies_ms
        return float(np.percentile(latencies_ms, 95)) if latencies_ms else np.inf

    def failing(self, alone: Step) -> str | None:
        """What is worse than without load; None when nothing is."""
        turns = self.turns
        if self.sent < SENT_IN_TIME:
            return "the client is too slow"
        if turns.missed > alone.turns.missed:
            spoken = turns.missed + turns.early + len(turns.latencies_ms)
            return f"{turns.missed} of {spoken} utterances get no reply in time"
        if self.p95_ms > WORSE * alone.p95_ms:
            return f"the p95 of replies is {self.p95_ms:.0f} ms"
        return None


def measure(candidate: Candidate, plan: Plan, results: Results) -> None:
    """Add sessions until the replies to a few of them suffer."""
    with running(candidate, "reply") as server:
        holds, why = run(_climb(server, plan))
    results.add(candidate.name, {"sessions_a_core": [float(holds)]})
    results.notes.append(f"Sessions a core, {candidate.name}: {why}.")


async def _climb(server: Server, plan: Plan) -> tuple[int, str]:
    """The last number of sessions that went well, and what there is to say of it."""
    async with loading(server.url, opus_packets(conversation()), 0) as load:
        alone = await _step(server, load, plan)
        before = f"the p95 of replies is {alone.p95_ms:.0f} ms without load"
        said, holds = before, 0
        for sessions in plan.ramp:
            try:
                await asyncio.wait_for(load.grow_to(sessions - PROBES), TIMEOUT_S)
                step = await _try(server, load, plan, alone)
            except (BenchmarkError, asyncio.TimeoutError):
                return holds, f"{said}; with {sessions} calls don't connect any more"
            core = f"the server uses {step.server_core:.2f} of its core"
            failing = step.failing(alone)
            if failing is not None:
                return holds, f"{said}; with {sessions} {failing}, and {core}"
            holds = sessions
            said = f"{before}, {step.p95_ms:.0f} ms with {sessions}, where {core}"
    return holds, f"{said}; more was not tried"


async def _try(server: Server, load: Load, plan: Plan, alone: Step) -> Step:
    """The first step that goes well, or the last that doesn't."""
    for _ in range(TRIES - 1):
        await asyncio.sleep(plan.settle_s)
        step = await _step(server, load, plan)
        if step.failing(alone) is None:
            return step
    await asyncio.sleep(plan.settle_s)
    return await _step(server, load, plan)


async def _step(server: Server, load: Load, plan: Plan) -> Step:
    """Converse beside the load that there is."""
    # One clause each: whether pauses within a turn are understood is measured
    # elsewhere, and would blur what the load does.
    material = (utterances()[0], utterances()[3])
    load.reset()
    began_s, cpu_s = time.perf_counter(), server.cpu_s()
    turns = await asyncio.wait_for(
        converse(server.url, PROBES, plan.ramp_turns, material), TIMEOUT_S
    )
    core = (server.cpu_s() - cpu_s) / (time.perf_counter() - began_s)
    return Step(turns, core, load.delivery().sent if len(load) else 1.0)

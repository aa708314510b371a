"""ReplyOnPause: how many listening sessions one core holds."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np

from ..client.load import loading, opus_packets
from ..errors import BenchmarkError
from ..plan import Plan
from ..results import Results
from ..servers import Candidate, running
from ..speech import conversation, utterances
from .reply import Turns, converse

PROBES = 4
WORSE = 2.0
"""Replies suffer when their 95th percentile is so many times that without load."""
CLIENT_CORE_LIMIT = 0.9
"""Above it the client may be what is late, and a level says nothing."""
LEVEL_TIMEOUT_S = 240.0


@dataclass(frozen=True)
class Level:
    """How replies fared at one number of sessions.

    Attributes:
        client_core: CPU time of this process a second.
    """

    turns: Turns
    client_core: float

    @property
    def p95_ms(self) -> float:
        """Of the replies that came; infinite when none did."""
        latencies_ms = self.turns.latencies_ms
        return float(np.percentile(latencies_ms, 95)) if latencies_ms else np.inf


def measure(candidate: Candidate, plan: Plan, results: Results) -> None:
    """Add sessions until the replies to a few of them suffer."""
    with running(candidate, "reply") as server:
        holds, why = asyncio.run(_climb(server.url, plan))
    results.add(candidate.name, {"sessions_a_core": [float(holds)]})
    results.notes.append(f"Sessions a core, {candidate.name}: {why}.")


async def _climb(url: str, plan: Plan) -> tuple[int, str]:
    alone = await _level(url, plan)
    allowed_ms = WORSE * alone.p95_ms
    holds = 0
    async with loading(url, opus_packets(conversation()), 0) as load:
        for sessions in plan.ramp:
            try:
                await asyncio.wait_for(load.grow_to(sessions - PROBES), LEVEL_TIMEOUT_S)
                await asyncio.sleep(plan.settle_s)
                level = await _level(url, plan)
            except (BenchmarkError, asyncio.TimeoutError):
                return holds, f"at {sessions} new calls don't connect any more"
            if level.client_core > CLIENT_CORE_LIMIT:
                return holds, f"at {sessions} the client needs its whole core"
            if level.turns.missed > alone.turns.missed:
                missed = f"{level.turns.missed} of {PROBES * plan.ramp_turns}"
                return holds, f"at {sessions} {missed} utterances get no reply"
            if level.p95_ms > allowed_ms:
                late = f"{level.p95_ms:.0f} ms, {alone.p95_ms:.0f} ms without load"
                return holds, f"at {sessions} the p95 of replies is {late}"
            holds = sessions
    return holds, f"replies are in time at {holds}, the most that was tried"


async def _level(url: str, plan: Plan) -> Level:
    """Converse beside the load that there is."""
    # One clause each: whether pauses within a turn are understood is measured
    # elsewhere, and would blur what the load does.
    material = (utterances()[0], utterances()[3])
    began_s, cpu_s = time.perf_counter(), time.process_time()
    turns = await asyncio.wait_for(
        converse(url, PROBES, plan.ramp_turns, material), LEVEL_TIMEOUT_S
    )
    client_core = (time.process_time() - cpu_s) / (time.perf_counter() - began_s)
    return Level(turns, client_core)

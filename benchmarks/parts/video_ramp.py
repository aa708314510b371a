"""Video: how many small sessions one core holds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import numpy as np

from ..client.call import run
from ..client.camera import Caller, Watcher, watching
from ..errors import BenchmarkError
from ..film import film
from ..plan import Plan
from ..results import Results
from ..servers import Candidate, Server, running

WIDTH, HEIGHT, FPS = 320, 240, 15
CALLS_AT_ONCE = 4
RETURNED = 0.95
"""Of the pictures sent, so many must come back."""
MOST_LAG_MS = 150.0
SENT_IN_TIME = 0.95
"""When the client sends less than this part of what is due, a step says nothing."""
TRIES = 2


@dataclass(frozen=True)
class Step:
    """How one number of sessions fared.

    Attributes:
        sent: pictures sent, of those due.
        returned: pictures that came back, of those sent.
        lag_ms: 95th percentile of one session.
        server_core: CPU time of the server a second.
    """

    sent: float
    returned: float
    lag_ms: float
    server_core: float

    def failing(self) -> str | None:
        """What is wrong; None when nothing is."""
        if self.sent < SENT_IN_TIME:
            return "the client is too slow"
        if self.returned < RETURNED:
            return f"{100 * self.returned:.0f} % of the pictures come back"
        if self.lag_ms > MOST_LAG_MS:
            return f"the p95 of the lag is {self.lag_ms:.0f} ms"
        return None


def measure(candidate: Candidate, plan: Plan, results: Results) -> None:
    """Add sessions until their pictures are late or don't come."""
    with running(candidate, "bare_video" if candidate.is_bare else "video") as server:
        holds, why = run(_climb(server, plan))
    results.add(candidate.name, {"video_sessions": [float(holds)]})
    results.notes.append(f"Video sessions a core, {candidate.name}: {why}.")


async def _climb(server: Server, plan: Plan) -> tuple[int, str]:
    """The last number of sessions that went well, and what there is to say of it."""
    url, holds, said = server.url + "/mirror", 0, "none went well"
    small = film(WIDTH, HEIGHT, FPS)
    async with watching(url, small, "mirrored") as watcher, _calls() as callers:
        for sessions in plan.video_ramp:
            try:
                await _grow(callers, sessions - 1, url)
            except BenchmarkError:
                return holds, f"{said}; with {sessions} calls don't connect any more"
            step = await _try(server, [watcher, *callers], watcher, plan)
            core = f"the server uses {step.server_core:.2f} of its core"
            failing = step.failing()
            if failing is not None:
                return holds, f"{said}; with {sessions} {failing}, and {core}"
            holds = sessions
            lag = f"the p95 of the lag is {step.lag_ms:.0f} ms"
            said = f"with {sessions} {lag}, and {core}"
    return holds, f"{said}; more was not tried"


@contextlib.asynccontextmanager
async def _calls() -> AsyncGenerator[list[Caller], None]:
    """Callers that will be connected; hung up at the end."""
    callers: list[Caller] = []
    try:
        yield callers
    finally:
        await asyncio.gather(*(caller.close() for caller in callers))


async def _grow(callers: list[Caller], number: int, url: str) -> None:
    while len(callers) < number:
        some = min(CALLS_AT_ONCE, number - len(callers))
        new = [Caller(film(WIDTH, HEIGHT, FPS)) for _ in range(some)]
        callers += new
        await asyncio.gather(*(caller.connect(url) for caller in new))


async def _try(
    server: Server, callers: list[Caller], watcher: Watcher, plan: Plan
) -> Step:
    """The first try that goes well, or the last that doesn't."""
    for _ in range(TRIES - 1):
        step = await _step(server, callers, watcher, plan)
        if step.failing() is None:
            return step
    return await _step(server, callers, watcher, plan)


async def _step(
    server: Server, callers: list[Caller], watcher: Watcher, plan: Plan
) -> Step:
    await asyncio.sleep(plan.settle_s)
    clock = asyncio.get_running_loop()
    began_s, cpu_s, seen = clock.time(), server.cpu_s(), len(watcher.seen)
    sent = sum(len(caller.camera.sent) for caller in callers)
    received = sum(caller.received for caller in callers)
    await asyncio.sleep(plan.load_s)
    seconds = clock.time() - began_s
    sent = sum(len(caller.camera.sent) for caller in callers) - sent
    received = sum(caller.received for caller in callers) - received
    lags_s = [one.lag_s for one in watcher.seen[seen:] if one.lag_s is not None]
    return Step(
        sent=sent / (seconds * FPS * len(callers)),
        returned=received / max(1, sent),
        lag_ms=1000 * float(np.percentile(lags_s, 95)) if lags_s else np.inf,
        server_core=(server.cpu_s() - cpu_s) / seconds,
    )

"""What a load costs the server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..client.load import Load
from ..plan import Plan
from ..servers import Server


@dataclass(frozen=True)
class Cost:
    """Of one load.

    Attributes:
        cpu_ms: CPU time a session and second, milliseconds.
        core: CPU time a second: 1.0 is one whole core.
        delivered: the part of 50 packets a second and session that came back.
        memory_mib: the server's resident memory at the end.
    """

    cpu_ms: float
    core: float
    delivered: float
    memory_mib: float


async def cost(server: Server, load: Load, plan: Plan) -> Cost:
    """Let a load settle, then measure."""
    await asyncio.sleep(plan.settle_s)
    clock = asyncio.get_running_loop()
    began_s, cpu_s = clock.time(), server.cpu_s()
    delivered, _ = await load.delivery(plan.load_s)
    core = (server.cpu_s() - cpu_s) / (clock.time() - began_s)
    return Cost(1000 * core / len(load), core, delivered, server.memory_mib())

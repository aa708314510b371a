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
        delivered: packets that came back, of those sent.
        sent: packets sent, of those due; below 1 the client was too slow.
        gap_ms: the median of the sessions' longest gaps between packets.
        memory_mib: the server's resident memory at the end.
    """

    cpu_ms: float
    delivered: float
    sent: float
    gap_ms: float
    memory_mib: float


async def cost(server: Server, load: Load, plan: Plan) -> Cost:
    """Let a load settle, then measure."""
    await asyncio.sleep(plan.settle_s)
    clock = asyncio.get_running_loop()
    began_s, cpu_s = clock.time(), server.cpu_s()
    load.reset()
    await asyncio.sleep(plan.load_s)
    delivery = load.delivery()
    cpu_ms = 1000 * (server.cpu_s() - cpu_s) / (clock.time() - began_s)
    return Cost(
        cpu_ms=cpu_ms / len(load),
        delivered=delivery.returned,
        sent=delivery.sent,
        gap_ms=delivery.gap_ms,
        memory_mib=server.memory_mib(),
    )

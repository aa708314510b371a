"""ReplyOnPause: what it costs to listen."""

from __future__ import annotations

from ..client.call import run
from ..client.load import loading, opus_packets
from ..plan import SESSIONS, Plan
from ..results import Values
from ..servers import Candidate, Server, running
from ..speech import conversation, noise
from .cost import cost


def measure(candidate: Candidate, plan: Plan) -> Values:
    """The cost of one session that hears a quiet room, and of ten that talk."""
    with running(candidate, "reply") as server:
        return run(_measure(server, plan))


async def _measure(server: Server, plan: Plan) -> Values:
    async with loading(server.url, opus_packets(noise(10.0)), 1) as load:
        idle = await cost(server, load, plan)
    async with loading(server.url, opus_packets(conversation()), SESSIONS) as load:
        talking = await cost(server, load, plan)
    return {
        "idle_cpu_ms": [idle.cpu_ms],
        "listening_cpu_ms": [talking.cpu_ms],
        "listening_mib": [talking.memory_mib],
    }

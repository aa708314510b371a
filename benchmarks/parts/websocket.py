"""Echo over a WebSocket: what moving audio costs there."""

from __future__ import annotations

import asyncio

import numpy as np

from ..client.call import run
from ..client.load import opus_packets
from ..client.websocket_load import Message, Wire, as_events, websocket_loading
from ..plan import SESSIONS, Plan
from ..results import Values
from ..servers import Candidate, Server, running
from ..speech import FRAME_SAMPLES, conversation


def measure(candidate: Candidate, plan: Plan) -> Values:
    """The cost of ten sessions in each format that the candidate has."""
    with running(candidate, "echo") as server:
        values = run(_cost(server, plan, None))
        if not candidate.weights:
            # The predecessor has one format only.
            for encoding in ("pcm16", "opus"):
                values |= run(_cost(server, plan, encoding))
    return values


async def _cost(server: Server, plan: Plan, encoding: Wire | None) -> Values:
    messages = _messages(encoding)
    async with websocket_loading(server.url, messages, SESSIONS, encoding) as load:
        await asyncio.sleep(plan.settle_s)
        clock = asyncio.get_running_loop()
        began_s, cpu_s = clock.time(), server.cpu_s()
        load.reset()
        await asyncio.sleep(plan.load_s)
        seconds = clock.time() - began_s
        cpu_ms = 1000 * (server.cpu_s() - cpu_s) / seconds / len(load)
        name = f"websocket_{encoding or 'json'}"
        return {
            f"{name}_cpu_ms": [cpu_ms],
            f"{name}_delivered": [load.received / load.sent],
            f"{name}_sent": [load.sent / (len(load) * seconds * 50)],
        }


def _messages(encoding: Wire | None) -> list[Message]:
    """Two people's conversation at 48 kHz, a message every 20 ms."""
    samples = conversation()
    if encoding == "opus":
        return list(opus_packets(samples))
    frames = samples.reshape(-1, FRAME_SAMPLES)
    if encoding == "pcm16":
        return [frame.astype("<i2").tobytes() for frame in frames]
    # One byte a sample; which ones makes no difference to an echo's cost.
    return as_events([(frame >> 8).astype(np.uint8).tobytes() for frame in frames])

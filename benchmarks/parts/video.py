"""Video: what flipping it costs, and what a slow function does to the others.

1280x720 at 30 pictures a second, from one client that sends a film and looks at what
comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
import numpy as np

from ..client.call import run
from ..client.camera import Watcher, watching
from ..client.load import loading, opus_packets
from ..film import Way, film
from ..plan import Plan
from ..results import Values
from ..servers import Candidate, Server, running
from ..speech import conversation

WIDTH, HEIGHT, FPS = 1280, 720, 30
FLIPS: Mapping[str, Way] = {"mirror": "mirrored", "upside_down": "upside down"}
SLOW = ("sleep", "work")


def measure(candidate: Candidate, plan: Plan) -> Values:
    """The cost of each flip, then the lag of each slow function and its neighbours'."""
    # Made before a server is there to be disturbed.
    film(WIDTH, HEIGHT, FPS)
    conversation()
    kind = "bare_video" if candidate.is_bare else "video"
    values: Values = {}
    with running(candidate, kind) as server:
        for name, way in FLIPS.items():
            values |= run(_flip(server, plan, name, way))
    for name in SLOW:
        # Each with a server of its own: what the one has queued is not the other's.
        with running(candidate, kind) as server:
            values |= run(_slow(server, plan, name))
    return values


async def _flip(server: Server, plan: Plan, name: str, way: Way) -> Values:
    async with watching(
        f"{server.url}/{name}", film(WIDTH, HEIGHT, FPS), way
    ) as watcher:
        await asyncio.sleep(plan.settle_s)
        clock = asyncio.get_running_loop()
        began_s, cpu_s = clock.time(), server.cpu_s()
        pictures, size, seen = (
            watcher.received,
            watcher.received_bytes,
            len(watcher.seen),
        )
        sent = len(watcher.camera.sent)
        await asyncio.sleep(plan.load_s)
        cpu_s, seconds = server.cpu_s() - cpu_s, clock.time() - began_s
        pictures = watcher.received - pictures
        lags_ms = _lags_ms(watcher, seen)
        return {
            f"video_{name}_cpu_ms": [1000 * cpu_s / max(1, pictures)],
            f"video_{name}_fps": [pictures / seconds],
            f"video_{name}_ms": lags_ms,
            f"video_{name}_mbps": [8e-6 * (watcher.received_bytes - size) / seconds],
            "video_sent_fps": [(len(watcher.camera.sent) - sent) / seconds],
            f"video_{name}_wrong": [float(len(watcher.seen) - seen - len(lags_ms))],
            f"video_{name}_pictures": [float(len(watcher.seen) - seen)],
        }


async def _slow(server: Server, plan: Plan, name: str) -> Values:
    url, talk = server.url, opus_packets(conversation())
    async with (
        watching(f"{url}/{name}", film(WIDTH, HEIGHT, FPS), "upside down") as watcher,
        loading(f"{url}/echo", talk, 1) as echo,
        httpx.AsyncClient(trust_env=False, timeout=60) as http,
    ):
        await asyncio.sleep(plan.lag_after_s)
        (await http.post(url + "/probe/start")).raise_for_status()
        clock = asyncio.get_running_loop()
        began_s, seen = clock.time(), len(watcher.seen)
        echo.reset()
        await asyncio.sleep(plan.load_s)
        gaps_ms, lags_ms = echo.gaps_ms(), _lags_ms(watcher, seen)
        seconds = clock.time() - began_s
        late = (await http.post(url + "/probe/stop")).raise_for_status().json()
    return {
        f"video_{name}_ms": lags_ms,
        f"video_{name}_fps": [(len(watcher.seen) - seen) / seconds],
        f"video_{name}_late_ms": [late["late_ms"]],
        f"video_{name}_late_p99_ms": [late["late_p99_ms"]],
        f"video_{name}_turn_cpu_ms": [late["turn_cpu_ms"]],
        f"video_{name}_gap_p99_ms": [float(np.percentile(gaps_ms, 99))]
        if gaps_ms
        else [],
    }


def _lags_ms(watcher: Watcher, first: int) -> list[float]:
    """Of the pictures from the `first` on whose number could be read."""
    seen = watcher.seen[first:]
    return [1000 * one.lag_s for one in seen if one.lag_s is not None]

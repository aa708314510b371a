"""Whole server processes: they use no processor when idle, and they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from .client import calling
from .support import PATIENCE_S
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).parents[2]
PACKAGES = os.pathsep.join([str(ROOT / "backend"), *filter(None, sys.path)])


class Program:
    """A running program of `programs.py`."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    async def cpu_s(self) -> float:
        """Processor time it has used so far."""
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            return (await http.get(self.url + "/cpu_s")).json()

    async def interrupt(self) -> tuple[float, str]:
        """Press Ctrl-C; how long it took to end, and what it printed meanwhile."""
        began_s = time.perf_counter()
        self.process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(self.process.communicate(), PATIENCE_S)
        return time.perf_counter() - began_s, out.decode()


@contextlib.asynccontextmanager
async def running(name: str) -> AsyncGenerator[Program, None]:
    """A program that takes clients."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.loopback.programs",
        name,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": PACKAGES},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
        ready, _, url = line.decode().strip().partition(" ")
        assert ready == "READY", line
        yield Program(process, url)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("name", ["blocking", "async_blocking", "polling", "listening"])
async def test_an_idle_call_uses_no_processor(name: str) -> None:
    """Without it, a few idle calls would use up a server."""
    async with running(name) as program, calling(program.url, None):
        # The length of the measurement; nothing is waited for.
        before_s, began_s = await program.cpu_s(), time.perf_counter()
        await asyncio.sleep(2.0)
        used_s = await program.cpu_s() - before_s
        share = used_s / (time.perf_counter() - began_s)
        print(f"{name}: an idle call uses {100 * share:.2f} % of a core")
        assert share < 0.05


@pytest.mark.parametrize(
    "name", ["blocking", "async_blocking", "polling", "listening", "stuck"]
)
async def test_ctrl_c_ends_a_server_in_the_middle_of_a_call(name: str) -> None:
    """Without it, Ctrl-C would hang and servers would have to be killed."""
    async with running(name) as program, calling(program.url, tone(LEFT_HZ)) as client:
        if name in ("blocking", "async_blocking", "polling"):
            await client.listen(0.3)
        took_s, printed = await program.interrupt()
        print(f"{name}: ended {took_s:.2f} s after Ctrl-C")
        assert took_s < 5
        assert program.process.returncode in (0, -signal.SIGINT)
        assert printed.count("GONE") == (0 if name == "listening" else 1)
        await client.closed()

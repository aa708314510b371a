"""Starting and stopping the server under test, on a core of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import psutil

from .environments import CACHE, Environment, clean_environ
from .errors import BenchmarkError

SERVER_CORE = 0
CLIENT_CORE = 1
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 10
PROGRAM = Path(__file__).with_name("server_app.py")

Kind = Literal["bare", "echo", "reply", "long", "turns", "video", "bare_video"]


@dataclass(frozen=True)
class Candidate:
    """One implementation under test.

    Attributes:
        name: as in the table.
        environment: what runs it.
        is_bare: aiortc alone: it can only relay.
        weights: file handed to its voice detector in place of a download.
    """

    name: str
    environment: Environment
    is_bare: bool = False
    weights: Path | None = None


class Server:
    """A running server.

    Attributes:
        url: where it listens.
    """

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.url = url
        self._process = process

    def cpu_s(self) -> float:
        """CPU time it has used so far, user and system, seconds."""
        times = self._process.cpu_times()
        return times.user + times.system

    def memory_mib(self) -> float:
        """Its resident memory, MiB."""
        return self._process.memory_info().rss / 2**20


@contextlib.contextmanager
def running(
    candidate: Candidate, kind: Kind, speech: Path | None = None
) -> Generator[Server, None, None]:
    """A server that answers, pinned to its core; ended with all its threads.

    Args:
        speech: what a server of the kind `turns` says, for its program.

    Raises:
        BenchmarkError: it doesn't come up; its log says why.
    """
    log = CACHE / "logs" / f"{candidate.name.replace(' ', '-')}-{kind}.log"
    log.parent.mkdir(exist_ok=True)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    command = _command(candidate, kind, listener.fileno())
    if speech is not None:
        command += ["--speech", str(speech)]
    with log.open("wb") as output, listener:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=clean_environ(),
            pass_fds=[listener.fileno()],
        )
    try:
        process = psutil.Process(popen.pid)
        pin(process, SERVER_CORE)
        _wait_until_it_answers(url, log)
        yield Server(url, process)
    finally:
        _stop(popen)


def pin(process: psutil.Process, core: int) -> None:
    """Keep a process on one core, where the system lets one choose."""
    if can_pin():
        process.cpu_affinity([core])


def can_pin() -> bool:
    """Whether server and client can have a core each."""
    return hasattr(psutil.Process, "cpu_affinity") and (psutil.cpu_count() or 1) > 1


def _command(candidate: Candidate, kind: Kind, fd: int) -> list[str]:
    python = str(candidate.environment.python)
    command = [python, str(PROGRAM), kind, "--socket", str(fd)]
    if candidate.weights is not None:
        command += ["--weights", str(candidate.weights)]
    return command


def _wait_until_it_answers(url: str, log: Path) -> None:
    # The socket listens already: the request waits in its queue.
    try:
        httpx.get(url + "/openapi.json", timeout=START_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        said = log.read_text(errors="replace")[-2000:]
        raise BenchmarkError(f"the server doesn't start ({error}):\n{said}") from error


def _stop(popen: subprocess.Popen[bytes]) -> None:
    if popen.stdin is not None:
        popen.stdin.close()
    popen.terminate()
    try:
        popen.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        popen.kill()
        popen.wait()

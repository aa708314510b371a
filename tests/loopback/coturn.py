"""A real TURN server, coturn, as the only route between two ends of one machine."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

from .support import PATIENCE_S

TURNSERVER = shutil.which("turnserver")

CONFIGURATION = """
listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port={port}
realm=turn.example.org
lt-cred-mech
use-auth-secret
static-auth-secret={secret}
# Relayed packets come from 127.0.0.1, and the two ends have other addresses, as ICE
# gathers none of the loopback: so the way from relay to relay is the only one.
allow-loopback-peers
denied-peer-ip=0.0.0.0-126.255.255.255
denied-peer-ip=128.0.0.0-255.255.255.255
no-tls
no-dtls
no-cli
no-stdout-log
simple-log
log-file=stdout
verbose
pidfile={folder}/pid
userdb={folder}/users
"""


class Coturn:
    """A running coturn.

    Args:
        folder: for its configuration and files.
        secret: the shared one.
        more: lines of configuration.

    Attributes:
        lines: its log.
    """

    def __init__(self, folder: Path, secret: str, more: str = "") -> None:
        assert TURNSERVER is not None
        self.secret = secret
        self.port = _free_port()
        self.lines: list[str] = []
        path = folder / "turnserver.conf"
        settings = CONFIGURATION.format(port=self.port, secret=secret, folder=folder)
        path.write_text(settings + more)
        self._said = threading.Condition()
        self._process = subprocess.Popen(
            [TURNSERVER, "-c", str(path)],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            self.wait_for("UDP listener opened")
        except BaseException:
            self.stop()
            raise

    def url(self, transport: str = "udp") -> str:
        """Its address."""
        return f"turn:127.0.0.1:{self.port}?transport={transport}"

    def count(self, pattern: str) -> int:
        """How many lines of its log match."""
        with self._said:
            return sum(1 for line in self.lines if re.search(pattern, line))

    def wait_for(self, pattern: str, times: int = 1) -> None:
        """Wait until so many lines of its log match."""

        def said() -> bool:
            ended = self._process.poll() is not None and not self._reader.is_alive()
            return self.count(pattern) >= times or ended

        with self._said:
            self._said.wait_for(said, PATIENCE_S)
        assert self.count(pattern) >= times, "\n".join(self.lines[-40:])

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._add(line.rstrip())

    def _add(self, line: str) -> None:
        with self._said:
            self.lines.append(line)
            self._said.notify_all()


def _free_port() -> int:
    """A port that is free for UDP and TCP."""
    while True:
        with (
            socket.create_server(("127.0.0.1", 0)) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def relays_only(sdp: str) -> str:
    """An SDP without the candidates that are no relay's."""

    def is_told(line: str) -> bool:
        return not line.startswith("a=candidate:") or " typ relay" in line

    lines = [line for line in sdp.splitlines() if is_told(line)]
    return "\r\n".join(lines) + "\r\n"


def candidate_types(sdp: str) -> set[str]:
    """The types of the candidates in an SDP."""
    return set(re.findall(r"^a=candidate:.* typ (\w+)", sdp, re.MULTILINE))

"""A public address for a port of this machine, by Gradio's share server."""

from __future__ import annotations

import atexit
import contextlib
import secrets
import subprocess
from collections.abc import Generator
from typing import Any

from gradio import networking, tunneling

END_S = 5.0
"""How long the tunnel's process may take to end before it is killed."""


@contextlib.contextmanager
def open_tunnel(host: str, port: int) -> Generator[str]:
    """Open a tunnel and close it with the context, whatever happens within.

    Args:
        host, port: of the local server.

    Yields:
        Its public address, `https://….gradio.live`.

    Raises:
        RuntimeError, ValueError, OSError: there is none to be had; Gradio says why.
    """
    token = secrets.token_urlsafe(32)
    try:
        yield networking.setup_tunnel(
            local_host=host,
            local_port=port,
            share_token=token,
            share_server_address=None,
            share_server_tls_certificate=None,
        )
    finally:
        # A tunnel that failed to open has a process too.
        for tunnel in list(tunneling.CURRENT_TUNNELS):
            if tunnel.share_token == token:
                _end(tunnel)


def _end(tunnel: Any) -> None:
    process: subprocess.Popen[bytes] | None = tunnel.proc
    tunneling.CURRENT_TUNNELS.remove(tunnel)
    atexit.unregister(tunnel.kill)
    tunnel.proc = None
    if process is None:
        return
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()

"""Why a TURN server is not used, said in the log.

A connection whose TURN server refuses or is silent goes on without it, and then
fails where there is no other route, for no reason that anybody could see.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable

from ...options import GATHERING_TIMEOUT_S
from ._aiortc.turn import TurnRefusedError, TurnServer, try_turn

logger = logging.getLogger("fastrtc")

PROBE_TIMEOUT_S = 5.0
"""How long a TURN server is given that was too slow for the connection."""

REPEAT_S = 60.0
"""The same server is looked at once in this time, however many connections fail."""

MAX_SERVERS = 64
"""Servers that are remembered for that; beyond them the oldest is forgotten."""


class TurnReporter:
    """Looks once more at a TURN server that gave nothing, and logs what it found.

    Args:
        clock: seconds, of any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_s: dict[str, float] = {}

    async def report(self, server: TurnServer) -> None:
        """Log a warning that says why the server gave no relay, and what to check."""
        if not self._is_due(server.url):
            return
        reason = await why_no_relay(server)
        logger.warning("the TURN server %s %s", server.url, reason)

    def _is_due(self, url: str) -> bool:
        now_s = self._clock()
        looked_s = self._looked_s.pop(url, None)
        if looked_s is not None and now_s - looked_s < REPEAT_S:
            self._looked_s[url] = looked_s
            return False
        while len(self._looked_s) >= MAX_SERVERS:
            del self._looked_s[next(iter(self._looked_s))]
        self._looked_s[url] = now_s
        return True


REPORTER = TurnReporter()
"""The one of all connections."""


async def why_no_relay(server: TurnServer) -> str:
    """What a TURN server does, as the end of a sentence that begins with it."""
    began_s = time.monotonic()
    try:
        await asyncio.wait_for(try_turn(server), PROBE_TIMEOUT_S)
    except TurnRefusedError as refusal:
        return _refusal(refusal)
    except asyncio.TimeoutError:
        return (
            f"didn't answer in {PROBE_TIMEOUT_S:g} s. Check its address, and that "
            f"firewalls let {server.transport.upper()} port {server.port} through."
        )
    except ssl.SSLError as error:
        return (
            f"has no TLS that can be trusted ({error.reason}). Check its certificate."
        )
    except OSError as error:
        return f"can't be reached ({error.strerror or error}). Check its address."
    except Exception as error:
        return f"gave no relay address ({error})."
    took_s = time.monotonic() - began_s
    return (
        f"answers, after {took_s:.1f} s; a connection waits {GATHERING_TIMEOUT_S:g} s "
        "for it. Use one that is nearer, or by UDP."
    )


def _refusal(refusal: TurnRefusedError) -> str:
    said = f"({refusal.code} {refusal.reason})"
    if refusal.code in (400, 401, 403, 441):
        return (
            f"refused the credentials {said}. Check the user name and password, or "
            "the secret they are made with, that they haven't expired, and that the "
            "clocks of both machines agree."
        )
    if refusal.code in (486, 508):
        return f"has no relay address left {said}. Check its quota and port range."
    return f"gave no relay address {said}."

"""The transport a session has: it may lose one and go on by another."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Protocol

from ..options import CLOSE_GRACE_S

logger = logging.getLogger("fastrtc")


class Transport(Protocol):
    """What a session asks of whatever carries it."""

    def choose_rate_hz(self, rate_hz: int) -> int:
        """The rate frames are wanted at, given the first clip's."""
        ...

    async def disconnect(self) -> None:
        """Cut the connection; called once, when the session has done with it."""
        ...


class Carrier:
    """One session's transports, one after the other.

    Args:
        session_id: for the log.

    Attributes:
        transport: the one in use, None while there is none.
        token: who has it may bring another transport; None: nobody may.
    """

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._cutting: set[asyncio.Task[None]] = set()
        self.transport: Transport | None = None
        self.token: str | None = None

    def make_token(self) -> str:
        """Allow the session to outlive its transport."""
        self.token = secrets.token_urlsafe(24)
        return self.token

    def admits(self, token: str) -> bool:
        """Whether this is the token."""
        # JSON can spell half characters, which have no bytes.
        return self.token is not None and secrets.compare_digest(
            token.encode("utf-8", "replace"), self.token.encode()
        )

    def drop(self) -> None:
        """Cut the transport in use, without waiting for it."""
        transport, self.transport = self.transport, None
        if transport is None:
            return
        task = asyncio.ensure_future(self._cut(transport))
        self._cutting.add(task)
        task.add_done_callback(self._cutting.discard)

    async def dropped(self) -> None:
        """Wait until no transport that was dropped is left."""
        if self._cutting:
            await asyncio.wait(self._cutting)

    async def _cut(self, transport: Transport) -> None:
        name = self._session_id
        try:
            await asyncio.wait_for(transport.disconnect(), CLOSE_GRACE_S)
        except asyncio.TimeoutError:
            logger.warning("session %s: its connection did not close in time", name)
        except Exception:
            logger.exception("session %s: closing its connection failed", name)

"""The tasks of a socket's session, and its run from the first to the last of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from ...session import Session, Transport

logger = logging.getLogger("fastrtc")


class SocketWork:
    """Tasks that don't outlive their session, and whose failure ends it.

    Args:
        session: opened and not started.
        what: the socket carries, for the log: "connection" or "call".
    """

    def __init__(self, session: Session, what: str) -> None:
        self._session = session
        self._what = what
        self._tasks: list[asyncio.Task[None]] = []

    async def run(
        self,
        transport: Transport,
        begin: Callable[[], None],
        read: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Carry the session to its end, and leave nothing of it.

        Args:
            begin: called once the session has started.
            read: reads the socket; broken off at the end, since the other side's last
                words are of no use and may never come.

        Raises:
            RefusedError: the session was closed before it began.
        """
        session = self._session
        ended = asyncio.Event()
        session.on_closed(ended.set)
        session.start(transport)
        begin()
        reading = asyncio.ensure_future(self._guarded(read()))
        try:
            await ended.wait()
        finally:
            reading.cancel()
            session.close_soon(f"the server lets go of the {self._what}")
            await session.close()
            await asyncio.gather(reading, return_exceptions=True)

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something until it ends, or `stop` is called."""
        task = asyncio.ensure_future(self._guarded(work))
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        """End all that was begun."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception:
            name, what = self._session.id, self._what
            logger.exception("session %s: its %s failed", name, what)
            self._session.close_soon(f"the {what} failed")

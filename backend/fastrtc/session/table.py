"""All sessions of one stream: look-up, limits, and what comes before an offer.

Every transport opens its sessions here, so that one limit counts them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from ..errors import RefusedError
from ..handlers.base import StreamHandlerBase, copy_handler
from ..media import VOICE_CALL, Media
from ..options import MAX_OUTPUTS_BYTES, MAX_PENDING_IDS, PENDING_CANDIDATES_S
from .outputs_log import OutputsLog
from .session import Session

logger = logging.getLogger("fastrtc")
T = TypeVar("T")

MAX_ENDED = 64
"""Ended sessions whose outputs can still be read: a page fetches the last ones
after the session has told it of them."""


class SessionTable:
    """The sessions of one stream.

    Args:
        handler: what gives the handler that each session gets a copy of.
        media: what the sessions carry, and which way.
        limit: most sessions at a time, None for no limit.
        time_limit_s: longest a session may last, None for no limit.
        defaults: gives the additional inputs' values for a new session, or None
            when they are not known.
    """

    def __init__(
        self,
        handler: Callable[[], StreamHandlerBase],
        *,
        media: Media = VOICE_CALL,
        limit: int | None = 1,
        time_limit_s: float | None = None,
        defaults: Callable[[], Sequence[Any] | None] = lambda: None,
    ) -> None:
        self._handler = handler
        self._defaults = defaults
        self._sessions: dict[str, Session] = {}
        self._early_inputs: EarlyStore[tuple[Any, ...]] = EarlyStore()
        self._ended: OrderedDict[str, OutputsLog] = OrderedDict()
        self._opened = asyncio.Event()
        self._draining = False
        self.media = media
        self.limit = limit
        self.time_limit_s = time_limit_s

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._sessions

    def count_from(self, address: str) -> int:
        """How many live sessions an IP address has."""
        sessions = self._sessions.values()
        return sum(session.context.address == address for session in sessions)

    def get(self, session_id: str) -> Session | None:
        """The live session of this name."""
        return self._sessions.get(session_id)

    def open(self, session_id: str, *, inputs_announced: bool = False) -> Session:
        """A new session, which holds one of the slots until it is closed.

        Raises:
            RefusedError: the name is taken, the limit reached, the server stopping
                or the app's `copy` failing.
        """
        if session_id in self._sessions:
            raise RefusedError("connection_already_exists")
        if self._draining:
            raise RefusedError("server_stopping", "The server is shutting down.")
        if self.limit is not None and len(self._sessions) >= self.limit:
            raise RefusedError("concurrency_limit_reached", limit=self.limit)
        session = Session(
            session_id,
            self._copy_handler(),
            media=self.media,
            defaults=self._defaults(),
            inputs_announced=inputs_announced,
        )
        self._sessions[session_id] = session
        session.on_closed(lambda: self._forget(session))
        self._ended.pop(session_id, None)
        self._opened.set()
        self._opened = asyncio.Event()
        early = self._early_inputs.pop(session_id)
        if early:
            self._set_input(session, early[-1])
        return session

    def reopen_session(self, session_id: str, token: str) -> Session:
        """A live session whose client has lost it and now comes back.

        Raises:
            RefusedError: there is no such session, or the token isn't its own.
        """
        session = self._sessions.get(session_id)
        if session is None:
            raise RefusedError("unknown_session", "The call has ended meanwhile.")
        if not session.admits(token):
            raise RefusedError("connection_already_exists")
        return session

    def _copy_handler(self) -> StreamHandlerBase:
        try:
            return copy_handler(self._handler())
        except Exception as error:
            logger.exception("the handler's copy() raised")
            raise RefusedError(
                "handler_failed", "The app could not start a session. Its log says why."
            ) from error

    def _forget(self, session: Session) -> None:
        if self._sessions.get(session.id) is session:
            del self._sessions[session.id]
            self._ended[session.id] = session.outputs
            while len(self._ended) > 1 and self._too_many_ended():
                self._ended.popitem(last=False)

    def _too_many_ended(self) -> bool:
        weight = sum(log.weight for log in self._ended.values())
        return len(self._ended) > MAX_ENDED or weight > MAX_OUTPUTS_BYTES

    def set_input(self, session_id: str, *values: Any) -> None:
        """Hand inputs to a session, from any thread.

        Those for a session that is about to be opened are kept for some seconds.
        """
        session = self._sessions.get(session_id)
        if session is None:
            self._early_inputs.add(session_id, values)
            return
        with contextlib.suppress(RuntimeError):
            session.loop.call_soon_threadsafe(self._set_input, session, values)

    @staticmethod
    def _set_input(session: Session, values: tuple[Any, ...]) -> None:
        try:
            session.set_input(*values)
        except Exception as error:
            session.report("set_args", error)

    def log(self, session_id: str) -> OutputsLog | None:
        """The outputs of a session that is live or has ended lately."""
        session = self._sessions.get(session_id)
        return session.outputs if session else self._ended.get(session_id)

    async def outputs(self, session_id: str) -> OutputsLog | None:
        """The same, after waiting for a session that is about to be opened."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PENDING_CANDIDATES_S
        while self.log(session_id) is None:
            opened = self._opened.wait()
            try:
                await asyncio.wait_for(opened, deadline - loop.time())
            except asyncio.TimeoutError:
                return None
        return self.log(session_id)

    async def close_all(self, reason: str) -> None:
        """Close every session and accept no new ones."""
        self._draining = True
        sessions = list(self._sessions.values())
        await asyncio.gather(*(session.close(reason) for session in sessions))

    def reopen(self) -> None:
        """Accept sessions again, after `close_all`."""
        self._draining = False


class EarlyStore(Generic[T]):
    """Things for sessions that are not there yet: bounded in number and in time.

    Args:
        per_id: most things kept for one id; further ones are dropped.
    """

    def __init__(self, per_id: int = 1) -> None:
        self._per_id = per_id
        self._kept: OrderedDict[str, tuple[float, list[T]]] = OrderedDict()
        # set_input comes from any thread.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, session_id: str, thing: T) -> bool:
        """Keep it; False when this id has too many."""
        with self._lock:
            return self._add(session_id, thing, time.monotonic())

    def _add(self, session_id: str, thing: T, now: float) -> bool:
        self._expire(now)
        _, things = self._kept.setdefault(session_id, (now, []))
        if self._per_id == 1:
            things.clear()
        elif len(things) >= self._per_id:
            return False
        things.append(thing)
        while len(self._kept) > MAX_PENDING_IDS:
            self._kept.popitem(last=False)
        return True

    def pop(self, session_id: str) -> list[T]:
        """What was kept for this id; it is not kept any longer."""
        with self._lock:
            self._expire(time.monotonic())
            return self._kept.pop(session_id, (0.0, []))[1]

    def _expire(self, now: float) -> None:
        while self._kept:
            first = next(iter(self._kept))
            if now - self._kept[first][0] < PENDING_CANDIDATES_S:
                return
            del self._kept[first]

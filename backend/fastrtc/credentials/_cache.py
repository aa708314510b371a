"""Answers that are still good, and one request at a time for each."""

from __future__ import annotations

import asyncio
import copy
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitTimeoutError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._request import Answer, Failure, Outcome, Request

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger("fastrtc")

FRESH_SHARE = 0.5
"""How much of their life credentials are used again: a call keeps them to its end,
and some services ask for valid ones whenever it renews its relay (every 8 minutes)."""

LAST_S = 30.0
"""Credentials with less left are not used even where the service is down: ICE takes
some seconds, and clocks differ."""

RENEWAL_WAIT_S = 2.0
"""How long a connection waits for new credentials while older ones are still valid."""

RETRY_S = 10.0
"""After a renewal failed: so long the older ones are used without asking again."""

MAX_ENTRIES = 64
"""Sets of keys in one program; beyond them the oldest answer is forgotten."""


@dataclass
class _Entry:
    answer: Answer
    made_s: float
    ask_again_s: float

    def is_fresh(self, now_s: float) -> bool:
        return now_s < self.ask_again_s

    def is_valid(self, now_s: float) -> bool:
        # A clock that was set back tells nothing about their age.
        expires_s = self.made_s + self.answer.ttl_s
        return self.made_s <= now_s < expires_s - LAST_S

    def taken(self) -> dict[str, Any]:
        return copy.deepcopy(self.answer.configuration)


class CredentialCache:
    """Keeps answers for as long as they are good; for any threads and event loops.

    A request runs in a thread of its own, with a time limit, so it depends on no
    caller: one that is cancelled, or whose loop ends, takes nothing from the others.

    Args:
        clock: seconds since the epoch. Not the monotonic clock, which stands still
            while a laptop sleeps, and credentials don't.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._flights: dict[str, Future[Outcome]] = {}
        self._tasks: dict[
            tuple[str, asyncio.AbstractEventLoop], asyncio.Task[Outcome]
        ] = {}

    def get(self, request: Request) -> dict[str, Any]:
        """The configuration that this request gives, from the cache or anew.

        Raises:
            TurnCredentialsError: the service refused or could not be reached.
        """
        entry = self._entry(request)
        if entry is not None and entry.is_fresh(self._clock()):
            return entry.taken()
        flight = self._flight(request)
        try:
            outcome = flight.result(None if entry is None else RENEWAL_WAIT_S)
        except WaitTimeoutError:
            outcome = None
        return self._settle(request, entry, outcome)

    async def get_async(
        self, request: Request, client: httpx.AsyncClient | None = None
    ) -> dict[str, Any]:
        """`get` for an event loop.

        Args:
            client: makes the request, on this loop.
        """
        entry = self._entry(request)
        if entry is not None and entry.is_fresh(self._clock()):
            return entry.taken()
        if client is None:
            work = asyncio.wrap_future(self._flight(request))
        else:
            work = self._task(request, client)
        patience_s = None if entry is None else RENEWAL_WAIT_S
        try:
            done, _ = await asyncio.wait({work}, timeout=patience_s)
        finally:
            if client is None:  # Whose task others may wait for.
                work.cancel()
        outcome = work.result() if done else None
        return self._settle(request, entry, outcome)

    def clear(self) -> None:
        """Forget all answers."""
        with self._lock:
            self._entries.clear()

    def _entry(self, request: Request) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(request.key)
        return entry if entry is not None and entry.is_valid(self._clock()) else None

    def _settle(
        self, request: Request, entry: _Entry | None, outcome: Outcome | None
    ) -> dict[str, Any]:
        if isinstance(outcome, Answer):
            return copy.deepcopy(outcome.configuration)
        if entry is None or (outcome is not None and outcome.refused):
            assert outcome is not None
            raise outcome.error()
        self._put_off(request, entry, outcome)
        return entry.taken()

    def _put_off(
        self, request: Request, entry: _Entry, failure: Failure | None
    ) -> None:
        now_s = self._clock()
        with self._lock:
            if entry.ask_again_s > now_s:
                return
            entry.ask_again_s = now_s + RETRY_S
        reason = (
            f"no answer in {RENEWAL_WAIT_S:g} s"
            if failure is None
            else str(failure.error())
        )
        left_s = entry.made_s + entry.answer.ttl_s - now_s
        logger.warning(
            "%s gave no new TURN credentials (%s); those from before are used, which "
            "are valid for %d s more",
            request.provider,
            reason,
            left_s,
        )

    # -- requests ----------------------------------------------------------------------

    def _flight(self, request: Request) -> Future[Outcome]:
        """The request that is under way for this, or a new one."""
        with self._lock:
            flight = self._flights.get(request.key)
            if flight is not None:
                return flight
            flight = Future()
            # One waiter that is cancelled would cancel it for all.
            flight.set_running_or_notify_cancel()
            threading.Thread(
                target=self._fly,
                args=(request, flight),
                name="fastrtc-turn-credentials",
                daemon=True,
            ).start()
            self._flights[request.key] = flight
        return flight

    def _fly(self, request: Request, flight: Future[Outcome]) -> None:
        # The waiters go on before the loop has ended: its end waits for a name that
        # is still being looked up.
        async def fly() -> None:
            outcome = await self._ask(request, None)
            self._land(request, flight, outcome)

        try:
            asyncio.run(fly())
        except Exception as error:  # For example: too many open files.
            if not flight.done():
                self._land(request, flight, request.failure(error))

    def _land(
        self, request: Request, flight: Future[Outcome], outcome: Outcome
    ) -> None:
        with self._lock:
            self._flights.pop(request.key, None)
        flight.set_result(outcome)

    def _task(
        self, request: Request, client: httpx.AsyncClient
    ) -> asyncio.Task[Outcome]:
        """The same with a client of the caller's, which belongs to this loop."""
        key = request.key, asyncio.get_running_loop()
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(self._ask(request, client))
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        return task

    async def _ask(self, request: Request, client: httpx.AsyncClient | None) -> Outcome:
        asked_s = self._clock()
        outcome = await request.send(client)
        if isinstance(outcome, Answer):
            self._keep(request.key, outcome, asked_s)
        return outcome

    def _keep(self, key: str, answer: Answer, asked_s: float) -> None:
        entry = _Entry(answer, asked_s, asked_s + FRESH_SHARE * answer.ttl_s)
        with self._lock:
            self._entries.pop(key, None)
            while len(self._entries) >= MAX_ENTRIES:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = entry


CACHE = CredentialCache()
"""The one that all providers share."""

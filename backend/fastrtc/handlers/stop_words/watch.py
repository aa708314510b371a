"""Looking for stop words in turns, off the event loop, one after the other."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, TypeVar

from ...errors import ModelTimeoutError
from ..link import Link
from .tape import Tape
from .turn import Turn, Word

T = TypeVar("T")


class Watch(ABC):
    """Asks a model about one session's turns, the oldest first.

    Args:
        link: the session, told when the model fails.
        tape: of what the user says.
        turns: those that are not concluded, oldest first.
        on_found: told of a stop word.
        on_progress: told that more is known of a turn.
    """

    model_is: ClassVar[str]
    """What the model is called in an error."""

    def __init__(
        self,
        link: Link,
        tape: Tape,
        turns: Sequence[Turn],
        on_found: Callable[[Turn, Word], None],
        on_progress: Callable[[], None],
    ) -> None:
        self._link = link
        self.tape = tape
        self._turns = turns
        self._on_found = on_found
        self._on_progress = on_progress
        self._working = False

    def prepare(self) -> None:
        """The session begins."""
        return

    def paused(self, turn: Turn) -> None:
        """The user has stopped for a moment."""
        return

    def ended(self, turn: Turn) -> None:
        """The turn is over."""
        return

    def audio(self) -> None:
        """A turn has become longer."""
        return

    @abstractmethod
    def finished(self, turn: Turn) -> bool:
        """All of a turn that has ended was looked at, or need not be."""

    @abstractmethod
    def waits(self, turn: Turn) -> bool:
        """There is something to look at now."""

    @abstractmethod
    async def look(self, turn: Turn) -> Word | None:
        """Look at it. Errors end the turn."""

    def wake(self) -> None:
        """Begin to work, if there is work."""
        if not self._working and self._next() is not None:
            self._working = True
            self._link.spawn(self._work())

    def _next(self) -> Turn | None:
        waiting = (t for t in self._turns if not t.decided and self.waits(t))
        return next(waiting, None)

    async def _work(self) -> None:
        try:
            while (turn := self._next()) is not None:
                await self._attempt(turn)
                self._on_progress()
        finally:
            self._working = False

    async def _attempt(self, turn: Turn) -> None:
        try:
            word = await self.look(turn)
        except Exception as error:
            turn.failed = True
            self._link.report(self.model_is, error)
            return
        # It may have been dropped, or become the bot's, meanwhile.
        if word is not None and turn in self._turns and not turn.decided:
            turn.word = word
            self._on_found(turn, word)


async def within(work: Coroutine[Any, Any, T], limit_s: float, what: str) -> T:
    """Await a call of a model's.

    Raises:
        ModelTimeoutError: it took too long, and was cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit_s)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        raise ModelTimeoutError(f"{what} took over {limit_s:g} s")
    return task.result()

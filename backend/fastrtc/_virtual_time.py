"""An event loop with a virtual clock, for tests; `testing` has the public names."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from selectors import DefaultSelector, SelectorKey
from typing import Any, TypeVar

from .handlers.threads import threads

T = TypeVar("T")

CHECK_S = 0.001
"""Real time between two looks at threads that the virtual clock waits for."""
PATIENCE_S = 1.0
"""Real time after which the clock goes on, one timer at a time, though a thread
still computes or is blocked in a way that can't be seen from outside."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing else is ready.

    The clock stands still while code runs in one of the package's threads, or by
    `run_in_executor`, unless that code itself waits for something without a
    timeout (`queue.get()`, `event.wait()`). Code in a thread that sleeps, or waits
    with a timeout, does so in real time.

    Sockets work, but the clock doesn't wait for their other end: talk to the
    server by `transports.memory`.

    Raises:
        RuntimeError: from `run_until_complete`, when everything waits for
            something that will never come.
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        self._elsewhere: set[asyncio.Future[Any]] = set()
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Seconds of virtual time since the loop was made."""
        return self._now_s

    def jump(self, by_s: float) -> None:
        """Move the clock; what is due by then runs next."""
        self._now_s += by_s

    @property
    def busy(self) -> bool:
        """Some thread computes something that the loop will get."""
        return bool(self._elsewhere) or any(
            not _is_blocked(job.thread_id) for job in list(threads.running)
        )

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        """As in any loop; the clock stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._elsewhere.add(future)
        future.add_done_callback(self._elsewhere.discard)
        return future


class _JumpingSelector(DefaultSelector):
    """Where a loop would wait for real, this one moves its clock."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        patient_until = time.monotonic() + PATIENCE_S
        while self._loop.busy or timeout is None:
            ready = super().select(CHECK_S)
            if ready:
                return ready
            if time.monotonic() < patient_until:
                continue
            if timeout is not None:
                break
            if not self._loop.busy:
                raise RuntimeError(
                    "Nothing is left to wait for: every task waits for something "
                    "that never comes."
                )
        # What threads handed over before they came to rest goes first.
        ready = super().select(0)
        if ready:
            return ready
        self._loop.jump(timeout or 0.0)
        return []


def _is_blocked(thread_id: int | None) -> bool:
    """Whether a thread waits for something that others have to do.

    All waiting in Python's own `queue` and `threading` ends up in one method; a
    waiter that was notified is no longer on its list, even if it runs only later.
    """
    if thread_id is None:
        return False
    frame = sys._current_frames().get(thread_id)  # pyright: ignore[reportPrivateUsage]
    if frame is None or frame.f_code is not threading.Condition.wait.__code__:
        return False
    names = frame.f_locals
    if names.get("timeout") is not None:
        return False
    return names.get("waiter") in getattr(names["self"], "_waiters", ())


def run_in_virtual_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function on a fresh `VirtualTimeLoop`, to its end.

    Tasks that are left are cancelled and awaited.
    """
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.run_until_complete(_end_tasks())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _end_tasks() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)

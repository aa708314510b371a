"""Notices that nothing comes, or nothing leaves, for a while.

A timer is set anew when it fires and not at every message: fifty a second come and go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

EARLY_S = 0.001
"""An event loop may fire a timer a little early; it would be set again and again."""


class IdleTimer:
    """Calls back once, after so much time without a `touch`.

    Args:
        timeout_s: the limit; None for none.
        on_idle: gets the limit.
    """

    def __init__(
        self, timeout_s: float | None, on_idle: Callable[[float], None]
    ) -> None:
        self._timeout_s = timeout_s
        self._on_idle = on_idle
        self._last_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Time runs from now on."""
        self.touch(self._loop.time())
        if self._timeout_s is not None:
            self._timer = self._loop.call_later(self._timeout_s, self._check)

    def touch(self, now_s: float) -> None:
        """Something came; `now_s` is the loop's time."""
        self._last_s = now_s

    def stop(self) -> None:
        """It doesn't matter any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        assert self._timeout_s is not None
        due_s = self._last_s + self._timeout_s
        if self._loop.time() >= due_s - EARLY_S:
            self._timer = None
            self._on_idle(self._timeout_s)
        else:
            self._timer = self._loop.call_at(due_s, self._check)


class SendTimer:
    """Calls back when one message takes so long to leave.

    Args:
        timeout_s: the limit.
        on_stuck: called once a message.
    """

    def __init__(self, timeout_s: float, on_stuck: Callable[[], None]) -> None:
        self._timeout_s = timeout_s
        self._on_stuck = on_stuck
        self._since_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def begin(self) -> None:
        """A message is handed over."""
        self._since_s = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout_s, self._check)

    def end(self) -> None:
        """It has left."""
        self._since_s = None

    def stop(self) -> None:
        """No more are sent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        if self._since_s is None:
            return
        due_s = self._since_s + self._timeout_s
        if self._loop.time() >= due_s - EARLY_S:
            self._on_stuck()
        else:
            self._timer = self._loop.call_at(due_s, self._check)

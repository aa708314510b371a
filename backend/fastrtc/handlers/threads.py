"""Threads for user code that may block, and a way to get them back.

Blocking code of users (a sync `emit` that waits on a queue, a reply function that
calls a model) runs here, never on the event loop. The threads are daemons, so
the interpreter's exit waits for none of them, and are reused.

A thread can't be killed. `_Job.interrupt` does what can be done when a session
ends while its code still runs: it raises `ThreadInterrupt` in the thread, which
takes effect at the next line of Python, and wakes the `queue.Queue`s the owner
holds, so that the most common way to block, `self.queue.get()`, comes to that
line. Code that blocks inside a C function (a socket without a timeout) keeps its
thread until it returns; its session ends without it.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

logger = logging.getLogger("fastrtc")
T = TypeVar("T")

IDLE_S = 5.0
"""An idle thread ends after this time; conversations reuse theirs well within."""


class ThreadInterrupt(BaseException):
    """Raised inside user code whose session has ended.

    A BaseException, so that `except Exception` in user code lets it pass.
    """


class _Job:
    def __init__(
        self, function: Callable[[], Any], owner: object, future: asyncio.Future[Any]
    ) -> None:
        self._function = function
        self._owner = owner
        self._future = future
        self._loop = future.get_loop()
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self.thread_id: int | None = None
        self._interrupted = False

    def run(self) -> None:
        with self._lock:
            if self._interrupted:
                return
            self.thread_id = threading.get_ident()
        result: Any = None
        error: BaseException | None = None
        try:
            result = self._context.run(self._function)
        except BaseException as raised:
            error = raised
        finally:
            with self._lock:
                self.thread_id = None
        self._report(result, error)

    def _report(self, result: Any, error: BaseException | None) -> None:
        if self._interrupted:
            return
        try:
            self._loop.call_soon_threadsafe(self._resolve, result, error)
        except RuntimeError:
            logger.debug("a result came after its event loop had closed")

    def _resolve(self, result: Any, error: BaseException | None) -> None:
        if self._future.done():
            return
        if error is None:
            self._future.set_result(result)
        elif isinstance(error, StopIteration):
            # A future can't carry StopIteration; generators are driven by
            # next(generator, default), so this is a bug of the called code.
            self._future.set_exception(RuntimeError("StopIteration was raised"))
        elif isinstance(error, Exception):
            self._future.set_exception(error)
        else:
            message = f"{type(error).__name__} was raised in a thread"
            self._future.set_exception(RuntimeError(message))

    def interrupt(self) -> None:
        """Make the code end as soon as it can be made to."""
        with self._lock:
            self._interrupted = True
            if self.thread_id is None:
                return
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self.thread_id), ctypes.py_object(ThreadInterrupt)
            )
        _wake_queues(self._owner)


def _wake_queues(owner: object) -> None:
    for value in list(getattr(owner, "__dict__", {}).values()):
        if isinstance(value, queue.Queue):
            with value.mutex:
                value.not_empty.notify_all()
                value.not_full.notify_all()


class DaemonThreads:
    """As many threads as there are calls at one time; idle ones end by themselves."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[_Job | None]] = []
        self.count = 0
        self.running: set[_Job] = set()
        """Calls that are awaited now; a virtual clock stands still for them."""

    async def run(self, function: Callable[[], T], owner: object = None) -> T:
        """Run `function` in a thread, in a copy of the caller's context.

        Cancelling the caller interrupts the function.

        Args:
            owner: whose queues are woken to interrupt it.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = _Job(function, owner, future)
        self.running.add(job)
        self._start(job)
        try:
            return await future
        except asyncio.CancelledError:
            job.interrupt()
            raise
        finally:
            self.running.discard(job)

    def _start(self, job: _Job) -> None:
        with self._lock:
            if self._idle:
                self._idle.pop().put(job)
                return
            self.count += 1
        inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        inbox.put(job)
        threading.Thread(
            target=self._work, args=(inbox,), name="fastrtc-worker", daemon=True
        ).start()

    def _work(self, inbox: queue.SimpleQueue[_Job | None]) -> None:
        staying = True
        while staying:
            try:
                staying = self._serve_one(inbox)
            except ThreadInterrupt:
                # Between two calls, meant for the one before.
                staying = self._stay(inbox)
        with self._lock:
            self.count -= 1

    def _serve_one(self, inbox: queue.SimpleQueue[_Job | None]) -> bool:
        try:
            job = inbox.get(timeout=self._idle_s)
            if job is not None:
                job.run()
                del job
                with self._lock:
                    self._idle.append(inbox)
                return True
        except queue.Empty:
            pass
        except ThreadInterrupt:
            # It came after the code it was meant for had ended.
            pass
        return self._stay(inbox)

    def _stay(self, inbox: queue.SimpleQueue[_Job | None]) -> bool:
        with self._lock:
            if inbox in self._idle:
                self._idle.remove(inbox)
                return False
        return not inbox.empty()

    def end_idle(self) -> None:
        """End the threads that have nothing to do now."""
        with self._lock:
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)


threads = DaemonThreads()
"""The process's threads for user code."""

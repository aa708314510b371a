"""fastrtc.handlers.threads: threads that are reused, and given back."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import subprocess
import sys
import threading
from typing import Any

import pytest

from fastrtc.handlers.threads import DaemonThreads, ThreadInterrupt


async def idle(pool: DaemonThreads, busy: int = 0) -> None:
    """Let the threads of calls that have ended come back to the pool."""
    while len(pool._idle) < pool.count - busy:
        await asyncio.to_thread(lambda: None)


@pytest.fixture
def pool() -> DaemonThreads:
    """Threads that end soon after their last call."""
    return DaemonThreads(idle_s=0.05)


async def test_results_and_errors_come_back(pool: DaemonThreads) -> None:
    """Lost otherwise: errors of user code in threads would vanish."""
    assert await pool.run(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)


@pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt])
async def test_errors_a_future_can_not_carry(
    error: type[BaseException], pool: DaemonThreads
) -> None:
    """Lost otherwise: sys.exit() in user code would hang the session."""

    def fail() -> None:
        raise error

    with pytest.raises(RuntimeError, match=error.__name__):
        await pool.run(fail)


async def test_threads_are_reused() -> None:
    """Lost otherwise: a thread would be started for every frame of audio."""
    pool = DaemonThreads()
    names: set[int] = set()
    for _ in range(20):
        names.add(await pool.run(threading.get_ident))
        await idle(pool)
    assert len(names) == 1
    assert pool.count == 1
    pool.end_idle()


async def test_as_many_threads_as_calls_at_one_time(pool: DaemonThreads) -> None:
    """Lost otherwise: 50 blocked handlers would stop the 51st from speaking."""
    barrier = threading.Barrier(50)
    await asyncio.wait_for(
        asyncio.gather(*(pool.run(barrier.wait) for _ in range(50))), 10
    )


async def test_idle_threads_end() -> None:
    """Lost otherwise: a busy minute would leave hundreds of threads for good."""
    pool = DaemonThreads(idle_s=0.01)
    thread = await pool.run(threading.current_thread)
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
    assert pool.count == 0
    assert await pool.run(lambda: 1) == 1


async def test_end_idle_ends_only_idle_ones() -> None:
    """Lost otherwise: ending the idle threads would end running user code."""
    pool = DaemonThreads()
    started, release = threading.Event(), threading.Event()
    running = asyncio.ensure_future(
        pool.run(lambda: (started.set(), release.wait())[1])
    )
    await asyncio.to_thread(started.wait)
    thread = await pool.run(threading.current_thread)
    await idle(pool, busy=1)
    pool.end_idle()
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
    assert not running.done()
    release.set()
    assert await running
    await idle(pool)
    pool.end_idle()


async def test_the_context_comes_along(pool: DaemonThreads) -> None:
    """Lost otherwise: get_current_context() would fail in sync handlers."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("mine")
    assert await pool.run(variable.get) == "mine"

    def change() -> None:
        variable.set("theirs")

    await pool.run(change)
    assert variable.get() == "mine"


class Owner:
    def __init__(self) -> None:
        self.items: queue.Queue[Any] = queue.Queue()


async def _interrupt(pool: DaemonThreads, function: Any, owner: object) -> None:
    started = threading.Event()

    def run() -> Any:
        started.set()
        return function()

    task = asyncio.ensure_future(pool.run(run, owner))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelling_wakes_a_thread_that_waits_on_its_owners_queue(
    pool: DaemonThreads,
) -> None:
    """Lost otherwise: each ended call would leave a blocked thread."""
    owner = Owner()
    raised: list[type] = []
    done = threading.Event()

    def wait() -> Any:
        try:
            return owner.items.get()
        except BaseException as error:
            raised.append(type(error))
            raise
        finally:
            done.set()

    await _interrupt(pool, wait, owner)
    assert await asyncio.to_thread(done.wait, 5)
    assert raised == [ThreadInterrupt]
    assert owner.items.empty()


async def test_cancelling_ends_a_thread_that_computes(pool: DaemonThreads) -> None:
    """Lost otherwise: an endless loop in user code would take a core for good."""
    done = threading.Event()

    def spin() -> None:
        try:
            while True:
                pass
        finally:
            done.set()

    await _interrupt(pool, spin, None)
    assert await asyncio.to_thread(done.wait, 5)


async def test_except_exception_does_not_swallow_the_interrupt(
    pool: DaemonThreads,
) -> None:
    """Lost otherwise: the usual `except Exception: log` loop would never end."""
    done = threading.Event()

    def careless() -> None:
        try:
            while True:
                try:
                    sum(range(1000))
                except Exception:  # the point of this test
                    continue
        finally:
            done.set()

    await _interrupt(pool, careless, None)
    assert await asyncio.to_thread(done.wait, 5)


async def test_the_next_call_is_not_hit_by_a_late_interrupt(
    pool: DaemonThreads,
) -> None:
    """Lost otherwise: ending one session could kill another one's code."""
    for _ in range(200):
        task = asyncio.ensure_future(pool.run(lambda: sum(range(50))))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await pool.run(lambda: sum(range(100))) == 4950


async def test_what_is_running_is_known(pool: DaemonThreads) -> None:
    """Lost otherwise: a virtual clock would jump while user code computes."""
    release = threading.Event()
    running = asyncio.ensure_future(pool.run(release.wait))
    await asyncio.sleep(0)
    assert len(pool.running) == 1
    release.set()
    await running
    assert not pool.running


def test_a_blocked_thread_does_not_hold_up_the_interpreters_end() -> None:
    """Lost otherwise: Ctrl-C would not stop a server with a blocked handler."""
    program = """
import asyncio, threading
from fastrtc.handlers.threads import threads

async def main():
    task = asyncio.ensure_future(threads.run(threading.Event().wait))
    await asyncio.sleep(0.01)
    task.cancel()

asyncio.run(main())
print("ended")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stdout == "ended\n"

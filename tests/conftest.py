"""What holds for all tests: a virtual clock on request, and nothing left behind."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import settings

from fastrtc.handlers.threads import threads
from fastrtc.testing import VirtualTimeLoop

THREAD_GRACE_S = 2.0
"""Real time in which the threads of an ended session must have come home."""

# The same examples at every run, however slow the machine, and no files.
settings.register_profile("fastrtc", derandomize=True, deadline=None, database=None)
settings.load_profile("fastrtc")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "virtual_time: runs on a loop whose clock jumps to the next timer"
    )


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Any]:
    """One loop for each asynchronous test: virtual if it is so marked."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> None:
    """No task, session or busy thread may outlive an asynchronous test."""
    function = getattr(request.node, "obj", None)
    if inspect.iscoroutinefunction(inspect.unwrap(function or print)):
        request.getfixturevalue("_leak_check")


@pytest.fixture
async def _leak_check() -> AsyncIterator[None]:
    tasks, workers = asyncio.all_tasks(), set(threading.enumerate())
    yield
    # What was woken by the end of a session needs some turns of the loop to end.
    for _ in range(10):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - tasks - {asyncio.current_task()}
    assert not left, f"tasks were left: {left}"
    _check_threads(workers)


def _check_threads(before: set[threading.Thread]) -> None:
    deadline_s = time.monotonic() + THREAD_GRACE_S
    while True:
        threads.end_idle()
        new = set(threading.enumerate()) - before
        left = [thread for thread in new if thread.name == "fastrtc-worker"]
        if not left:
            break
        left[0].join(0.002)
        if time.monotonic() > deadline_s:
            frames = sys._current_frames()
            stacks = [
                "".join(traceback.format_stack(frames[thread.ident]))
                for thread in left
                if thread.ident in frames
            ]
            pytest.fail("busy threads were left:\n" + "\n".join(stacks))
    assert not threads.running

"""How user code is called: functions, methods, generators, sync and async.

Sync code runs in threads, async code on the loop. The callers see coroutines and
async iterators only, and can cancel both.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterator,
)
from functools import partial
from typing import Any, cast

from .threads import threads

_END = object()


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it runs nothing, and gives something to await or iterate."""
    target = _underlying(function)
    return inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target)


def _underlying(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind partials and callable objects."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


async def call(function: Callable[..., Any], *args: Any, owner: object = None) -> Any:
    """Call user code; a result that can be awaited is awaited.

    Args:
        owner: whose queues are woken when a blocked call is cancelled.
    """
    if is_async(function):
        result = function(*args)
    else:
        result = await threads.run(partial(function, *args), owner)
    if inspect.isawaitable(result):
        return await result
    return result


async def to_its_end(work: Coroutine[Any, Any, Any]) -> Any:
    """Await something that is worth its time though the caller is cancelled.

    Cancelled once more, the caller gives it up.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def iterate(
    function: Callable[..., Any], args: tuple[Any, ...], stopped: asyncio.Event
) -> AsyncGenerator[Any, None]:
    """What a reply function gives, value by value, all in the calling task.

    The function may be a generator function or an async one, or give an iterator
    or a single value. Cancelling the calling task ends it. An async generator is
    closed where it waits. A sync one is interrupted, unless `stopped` is set: then
    it may finish the value it is making, which is dropped, and is closed.

    An async generator is driven by one task only, because cancel scopes of the
    clients it uses (httpx, those of the model services) may not change tasks.
    """
    target = _underlying(function)
    if inspect.isasyncgenfunction(target) or inspect.isgeneratorfunction(target):
        result: Any = function(*args)
    else:
        result = await call(function, *args)
    if hasattr(result, "__anext__"):
        values = _iterate_async(result)
    elif hasattr(result, "__next__"):
        values = _iterate_sync(cast("Iterator[Any]", result), stopped)
    else:
        yield result
        return
    async with contextlib.aclosing(values):
        async for value in values:
            yield value


async def _iterate_sync(
    iterator: Iterator[Any], stopped: asyncio.Event
) -> AsyncGenerator[Any, None]:
    step = partial(next, iterator, _END)
    interrupted = False
    try:
        while (value := await _uninterrupted(step, stopped)) is not _END:
            yield value
    except asyncio.CancelledError:
        interrupted = not stopped.is_set()
        raise
    finally:
        close = getattr(iterator, "close", None)
        if interrupted and inspect.isgenerator(iterator):
            # It unwinds in its own thread, unless that one hadn't begun: only then
            # is it not "already executing".
            with contextlib.suppress(ValueError):
                await threads.run(iterator.close)
        elif close is not None and not interrupted:
            await threads.run(close)


async def _uninterrupted(step: Callable[[], Any], stopped: asyncio.Event) -> Any:
    """Run a step in a thread; cancellation waits for it if `stopped` is set."""
    running = asyncio.ensure_future(threads.run(step))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if not stopped.is_set():
            running.cancel()
            raise
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError:
            # The session ends meanwhile: no more patience.
            stopped.clear()
            running.cancel()
            raise
        if not running.cancelled():
            running.exception()  # seen here, so that nobody warns of it
        raise


async def _iterate_async(iterator: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    try:
        async for value in iterator:
            yield value
    finally:
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()

"""How user code is called: functions, methods, generators, sync and async.

Sync code runs in threads, async code on the loop. The callers see coroutines and
async iterators only, and can cancel both.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
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


async def iterate(
    function: Callable[..., Any], args: tuple[Any, ...], stopped: asyncio.Event
) -> AsyncIterator[Any]:
    """What a reply function gives, value by value.

    The function may be a generator function or an async one, or give an iterator
    or a single value. `stopped` ends it: an async generator is closed where it
    waits, a sync one after the value it is making, which is dropped.
    """
    if inspect.isasyncgenfunction(_underlying(function)):
        result: Any = function(*args)
    elif inspect.isgeneratorfunction(_underlying(function)):
        result = function(*args)
    else:
        result = await call(function, *args)
    if hasattr(result, "__aiter__"):
        values = _iterate_async(result, stopped)
    elif hasattr(result, "__next__"):
        values = _iterate_sync(cast("Iterator[Any]", result), stopped)
    else:
        yield result
        return
    async for value in values:
        yield value


async def _iterate_sync(
    iterator: Iterator[Any], stopped: asyncio.Event
) -> AsyncIterator[Any]:
    step = partial(next, iterator, _END)
    try:
        while not stopped.is_set():
            value = await threads.run(step)
            if value is _END or stopped.is_set():
                return
            yield value
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            await threads.run(close)


async def _iterate_async(iterator: Any, stopped: asyncio.Event) -> AsyncIterator[Any]:
    halt = asyncio.ensure_future(stopped.wait())
    try:
        while not stopped.is_set():
            step = asyncio.ensure_future(_step(iterator))
            await _first_of(step, halt)
            if not step.done():
                return
            value = step.result()
            if value is _END:
                return
            yield value
    finally:
        halt.cancel()
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()


async def _step(iterator: Any) -> Any:
    try:
        return await iterator.__anext__()
    except StopAsyncIteration:
        return _END


async def _first_of(step: asyncio.Future[Any], halt: asyncio.Future[Any]) -> None:
    """Wait for either; a step that was not first is cancelled and awaited."""
    try:
        await asyncio.wait({step, halt}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not step.done():
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)

"""fastrtc.handlers.calls: every kind of function users write."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from fastrtc.handlers.calls import call, is_async, iterate

pytestmark = pytest.mark.virtual_time


def plain(n: int) -> int:
    return n + 1


async def coroutine(n: int) -> int:
    await asyncio.sleep(1)
    return n + 1


def generator(n: int) -> Iterator[int]:
    yield n
    yield n + 1


async def async_generator(n: int) -> AsyncIterator[int]:
    yield n
    await asyncio.sleep(1)
    yield n + 1


class Methods:
    def plain(self, n: int) -> int:
        return n + 1

    async def coroutine(self, n: int) -> int:
        return n + 1

    def generator(self, n: int) -> Iterator[int]:
        yield n
        yield n + 1

    async def async_generator(self, n: int) -> AsyncIterator[int]:
        yield n
        yield n + 1

    @staticmethod
    def static(n: int) -> Iterator[int]:
        yield n
        yield n + 1

    @classmethod
    async def class_method(cls, n: int) -> AsyncIterator[int]:
        yield n
        yield n + 1


class Plain:
    def __call__(self, n: int) -> int:
        return n + 1


class Coroutine:
    async def __call__(self, n: int) -> int:
        return n + 1


class Generator:
    def __call__(self, n: int) -> Iterator[int]:
        yield n
        yield n + 1


class AsyncGenerator:
    async def __call__(self, n: int) -> AsyncIterator[int]:
        yield n
        yield n + 1


def gives_iterator(n: int) -> Iterator[int]:
    return iter([n, n + 1])


async def gives_generator(n: int) -> Iterator[int]:
    return generator(n)


def gives_async_generator(n: int) -> AsyncIterator[int]:
    return async_generator(n)


CALLABLE = [
    plain,
    coroutine,
    partial(plain),
    partial(coroutine),
    partial(partial(plain)),
    Methods().plain,
    Methods().coroutine,
    Plain(),
    Coroutine(),
    lambda n: n + 1,
    lambda n: coroutine(n),
]


@pytest.mark.parametrize("function", CALLABLE)
async def test_every_kind_of_function_is_called(function: Any) -> None:
    """Lost otherwise: one way of writing a callback would do nothing."""
    assert await call(function, 1) == 2


ITERABLE = [
    generator,
    async_generator,
    partial(generator),
    partial(async_generator),
    partial(partial(async_generator)),
    Methods().generator,
    Methods().async_generator,
    Methods.static,
    Methods.class_method,
    Generator(),
    AsyncGenerator(),
    partial(Generator()),
    partial(AsyncGenerator()),
    gives_iterator,
    gives_generator,
    gives_async_generator,
    lambda n: generator(n),
    lambda n: async_generator(n),
]


@pytest.mark.parametrize("function", ITERABLE)
async def test_every_kind_of_reply_function_is_iterated(function: Any) -> None:
    """Lost otherwise: one way of writing a reply function would stay silent."""
    values = [v async for v in iterate(function, (1,), asyncio.Event())]
    assert values == [1, 2]


@pytest.mark.parametrize("function", CALLABLE)
async def test_a_single_value_is_taken_as_one(function: Any) -> None:
    """Lost otherwise: a reply function that returns would stay silent."""
    assert [v async for v in iterate(function, (1,), asyncio.Event())] == [2]


def test_what_counts_as_async() -> None:
    """Lost otherwise: async code would run in a thread, or sync on the loop."""
    for function in (
        coroutine,
        async_generator,
        partial(coroutine),
        Methods().coroutine,
        Methods().async_generator,
        Coroutine(),
        AsyncGenerator(),
    ):
        assert is_async(function)
    for function in (plain, generator, Plain(), Generator(), Methods().plain, len, int):
        assert not is_async(function)


@pytest.mark.parametrize("function", [generator, gives_iterator, Generator()])
async def test_sync_generators_run_in_threads(function: Any) -> None:
    """Lost otherwise: a slow model in a reply would freeze all sessions."""
    seen: set[str] = set()

    def wrapped(n: int) -> Iterator[Any]:
        seen.add(threading.current_thread().name)
        yield from function(n)
        seen.add(threading.current_thread().name)

    assert [v async for v in iterate(wrapped, (1,), asyncio.Event())] == [1, 2]
    assert seen == {"fastrtc-worker"}


async def test_a_stopped_sync_generator_is_closed_after_its_value() -> None:
    """Lost otherwise: an interrupted reply would go on costing tokens."""
    log: list[str] = []

    def endless() -> Iterator[int]:
        try:
            n = 0
            while True:
                log.append("made")
                yield n
                n += 1
        finally:
            log.append("closed")

    stopped = asyncio.Event()
    values: list[int] = []
    async for value in iterate(endless, (), stopped):
        values.append(value)
        if value == 2:
            stopped.set()
    assert values == [0, 1, 2]
    assert log == ["made", "made", "made", "closed"]


async def test_a_stopped_async_generator_ends_where_it_waits() -> None:
    """Lost otherwise: an interrupted reply would wait for its language model."""
    log: list[Any] = []

    async def endless() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(100)
            yield 2
        except asyncio.CancelledError:
            log.append("cancelled")
            raise
        finally:
            log.append("closed")

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_later(1, stopped.set)
    assert [v async for v in iterate(endless, (), stopped)] == [1]
    assert loop.time() == pytest.approx(1)
    assert log == ["cancelled", "closed"]


async def test_a_stopped_async_iterator_without_aclose() -> None:
    """Lost otherwise: streams of some client libraries could not be interrupted."""

    class Stream:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> int:
            await asyncio.sleep(1)
            return 1

    stopped = asyncio.Event()
    asyncio.get_running_loop().call_later(2.5, stopped.set)
    assert [v async for v in iterate(lambda: Stream(), (), stopped)] == [1, 1]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_errors_come_through_and_the_generator_is_closed(kind: str) -> None:
    """Lost otherwise: a failing reply would end in silence."""
    closed: list[int] = []

    def sync() -> Iterator[int]:
        try:
            yield 1
            raise ZeroDivisionError
        finally:
            closed.append(1)

    async def asynchronous() -> AsyncIterator[int]:
        try:
            yield 1
            raise ZeroDivisionError
        finally:
            closed.append(1)

    function: Any = sync if kind == "sync" else asynchronous
    values: list[int] = []
    with pytest.raises(ZeroDivisionError):
        async for value in iterate(function, (), asyncio.Event()):
            values.append(value)
    assert values == [1]
    assert closed == [1]


async def test_cancelling_closes_an_async_generator() -> None:
    """Lost otherwise: a hung-up call would leave its model connection open."""
    closed: list[int] = []

    async def endless() -> AsyncIterator[int]:
        try:
            await asyncio.sleep(1000)
            yield 1
        finally:
            closed.append(1)

    async def consume() -> None:
        async for _ in iterate(endless, (), asyncio.Event()):
            pass

    task = asyncio.ensure_future(consume())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)
    assert closed == [1]


@pytest.mark.parametrize("empty", [lambda: iter(()), lambda: None])
async def test_nothing_is_nothing(empty: Any) -> None:
    """Lost otherwise: a reply function that has no answer would crash."""
    values = [v async for v in iterate(empty, (), asyncio.Event())]
    assert [v for v in values if v is not None] == []

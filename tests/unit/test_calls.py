"""fastrtc.handlers.calls: every kind of function users write."""

from __future__ import annotations

import asyncio
import contextlib
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


class Run:
    """A reply function being iterated by a task, to be stopped or cancelled."""

    def __init__(self, function: Any) -> None:
        self.values: list[Any] = []
        self.stopped = asyncio.Event()
        self._function = function
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        values = iterate(self._function, (), self.stopped)
        async with contextlib.aclosing(values):
            async for value in values:
                self.values.append(value)

    async def end(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


async def test_a_stopped_sync_generator_is_closed_after_its_value() -> None:
    """Lost otherwise: an interrupted reply would go on costing tokens."""
    log: list[str] = []
    step = threading.Semaphore(3)

    def endless() -> Iterator[int]:
        try:
            for n in range(1000):
                step.acquire()
                log.append("made")
                yield n
        finally:
            log.append("closed")

    run = Run(endless)
    await asyncio.to_thread(lambda: None)
    while len(run.values) < 3:
        await asyncio.to_thread(lambda: None)
    run.stopped.set()
    run.task.cancel()
    await asyncio.to_thread(lambda: None)
    assert not run.task.done()
    step.release()
    with pytest.raises(asyncio.CancelledError):
        await run.task
    assert run.values == [0, 1, 2]
    assert log == ["made"] * 4 + ["closed"]


async def test_a_cancelled_sync_generator_is_interrupted() -> None:
    """Lost otherwise: a hung-up call would leave its generator running."""
    log: list[str] = []
    ended = threading.Event()

    def endless() -> Iterator[int]:
        try:
            yield 1
            while True:
                ended.wait(0.001)
        finally:
            log.append("closed")
            ended.set()

    run = Run(endless)
    while not run.values:
        await asyncio.to_thread(lambda: None)
    await run.end()
    assert await asyncio.to_thread(ended.wait, 5)
    assert log == ["closed"]


@pytest.mark.parametrize("stopped", [True, False])
async def test_a_cancelled_async_generator_ends_where_it_waits(stopped: bool) -> None:
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

    run = Run(endless)
    await asyncio.sleep(1)
    if stopped:
        run.stopped.set()
    await run.end()
    assert asyncio.get_running_loop().time() == pytest.approx(1)
    assert run.values == [1]
    assert log == ["cancelled", "closed"]


async def test_an_async_generator_is_driven_by_one_task() -> None:
    """Lost otherwise: httpx and model clients in replies would raise at their end."""
    tasks: set[Any] = set()

    async def reply() -> AsyncIterator[int]:
        try:
            for n in range(3):
                tasks.add(asyncio.current_task())
                yield n
            await asyncio.sleep(100)
        finally:
            tasks.add(asyncio.current_task())

    run = Run(reply)
    await asyncio.sleep(1)
    await run.end()
    assert tasks == {run.task}


async def test_a_cancelled_async_iterator_without_aclose() -> None:
    """Lost otherwise: streams of some client libraries could not be interrupted."""

    class Stream:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> int:
            await asyncio.sleep(1)
            return 1

    run = Run(lambda: Stream())
    await asyncio.sleep(2.5)
    await run.end()
    assert run.values == [1, 1]


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
    run = Run(function)
    with pytest.raises(ZeroDivisionError):
        await run.task
    assert run.values == [1]
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


async def test_a_sync_generator_is_closed_though_its_step_had_not_begun() -> None:
    """Lost otherwise: a call hung up at a busy moment would leave its files open."""
    closed: list[int] = []
    kept: list[Any] = []

    def reply() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(1)

    def function() -> Iterator[int]:
        kept.append(reply())  # so that it isn't closed by being forgotten
        return kept[0]

    values = iterate(function, (), asyncio.Event())
    assert await values.__anext__() == 1
    step = asyncio.ensure_future(values.__anext__())
    await asyncio.sleep(0)
    step.cancel()  # before any thread has begun it
    with pytest.raises(asyncio.CancelledError):
        await step
    assert closed == [1]

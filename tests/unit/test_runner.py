"""fastrtc.handlers.runner: users' handlers, well behaved and not."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from fastrtc import AdditionalOutputs, wait_for_item
from fastrtc.options import (
    EMIT_ERRORS_IN_A_ROW,
    EMIT_RETRY_MS,
    INPUT_QUEUE_FRAMES,
)
from tests.support.handlers import AsyncHandler, SyncHandler, tone
from tests.support.sessions import FRAME, Client

pytestmark = pytest.mark.virtual_time
RETRY_S = EMIT_RETRY_MS / 1000


def now_s() -> float:
    return asyncio.get_running_loop().time()


def handler(kind: str, **functions: Any) -> Any:
    """A sync or an async handler of plain functions."""
    if kind == "sync":
        return SyncHandler(**functions)

    def as_coroutine(function: Any) -> Any:
        async def run(*args: Any) -> Any:
            return function(*args)

        return run

    return AsyncHandler(**{name: as_coroutine(f) for name, f in functions.items()})


both = pytest.mark.parametrize("kind", ["sync", "async"])


# -- frames in -----------------------------------------------------------------------


@both
async def test_receive_gets_every_frame_in_order(kind: str) -> None:
    """Lost otherwise: words would be missing or mixed up."""
    got: list[Any] = []
    client = Client(handler(kind, receive=lambda self, frame: got.append(frame)))
    for n in range(50):
        client.session.feed((48_000, np.full((1, 960), n, np.int16)))
    await asyncio.sleep(1)
    assert [int(array[0, 0]) for _, array in got] == list(range(50))
    assert {rate for rate, _ in got} == {48_000}
    assert {array.shape for _, array in got} == {(1, 960)}
    await client.hang_up()


@both
async def test_a_raising_receive_goes_on(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: one bad frame would make the bot deaf."""
    got: list[int] = []

    def receive(self: Any, frame: Any) -> None:
        got.append(1)
        raise ValueError("bad frame")

    client = Client(handler(kind, receive=receive))
    for _ in range(5):
        client.session.feed(FRAME)
    await asyncio.sleep(0.1)
    assert len(got) == 5
    assert "receive raised" in caplog.text
    assert "ValueError: bad frame" in caplog.text
    assert client.of("error") == [
        "Something went wrong in the app's receive. Its log says what."
    ]
    await client.hang_up()


async def test_a_slow_receive_gets_the_newest_two_seconds() -> None:
    """Lost otherwise: a slow handler would lag further and further behind."""
    go = asyncio.Event()
    got: list[int] = []

    async def receive(self: Any, frame: Any) -> None:
        await go.wait()
        got.append(int(frame[1][0, 0]))

    client = Client(AsyncHandler(receive=receive))
    client.session.feed((48_000, np.full((1, 960), -1, np.int16)))
    await asyncio.sleep(0.1)
    for n in range(INPUT_QUEUE_FRAMES + 30):
        client.session.feed((48_000, np.full((1, 960), n, np.int16)))
    go.set()
    await asyncio.sleep(0.1)
    assert got == [-1, *range(30, INPUT_QUEUE_FRAMES + 30)]
    await client.hang_up()


# -- output out ----------------------------------------------------------------------


@both
async def test_emit_is_asked_again_after_none(kind: str) -> None:
    """Lost otherwise: handlers that poll their queue would fall silent, or spin."""
    asked: list[float] = []
    loop = asyncio.get_running_loop()
    client = Client(handler(kind, emit=lambda self: asked.append(loop.time())))
    await asyncio.sleep(1)
    await client.hang_up()
    assert len(asked) == pytest.approx(1 / RETRY_S, abs=2)
    assert np.diff(asked) == pytest.approx(np.full(len(asked) - 1, RETRY_S))


async def test_a_frame_makes_emit_asked_at_once() -> None:
    """Lost otherwise: an echo would be later than it need be."""
    waiting: list[Any] = []

    async def receive(self: Any, frame: Any) -> None:
        waiting.append(frame)

    async def emit(self: Any) -> Any:
        return (48_000, waiting.pop()[1]) if waiting else None

    handler = AsyncHandler(emit=emit, receive=receive, output_sample_rate=48_000)
    client = Client(handler)
    await asyncio.sleep(RETRY_S * 1.5)
    fed_s = now_s()
    client.session.feed((48_000, np.ones((1, 960), np.int16)))
    await asyncio.sleep(RETRY_S * 0.4)
    assert [at_s for at_s, _ in client.frames] == [fed_s]
    await client.hang_up()


async def test_an_emit_that_waits_itself_is_asked_again_at_once() -> None:
    """Lost otherwise: wait_for_item would lose time at each empty turn."""
    asked: list[float] = []
    items: asyncio.Queue[int] = asyncio.Queue()

    async def emit(self: Any) -> Any:
        asked.append(now_s())
        return await wait_for_item(items, 0.1)

    client = Client(AsyncHandler(emit=emit))
    await asyncio.sleep(0.95)
    await client.hang_up()
    assert asked == pytest.approx([0.1 * n for n in range(10)])


@both
async def test_audio_is_asked_for_half_a_second_ahead_only(kind: str) -> None:
    """Lost otherwise: what a handler decides now would be heard seconds later."""
    asked: list[float] = []
    loop = asyncio.get_running_loop()

    def emit(self: Any) -> Any:
        asked.append(loop.time())
        return 24_000, tone(0.1)

    client = Client(handler(kind, emit=emit))
    await asyncio.sleep(2)
    ahead_s = len(asked) * 0.1 - client.heard_s
    assert 0.4 < ahead_s < 0.8
    await client.hang_up()


@both
async def test_every_kind_of_output(kind: str) -> None:
    """Lost otherwise: some allowed form of emit would be dropped."""
    values: list[Any] = [
        (24_000, tone(0.1)),
        (24_000, tone(0.1)[0]),
        (24_000, tone(0.1), "stereo"),
        (16_000, tone(0.1, 16_000).astype(np.float32) / 32768),
        ((24_000, tone(0.1)), AdditionalOutputs("with audio")),
        AdditionalOutputs("alone"),
    ]

    def emit(self: Any) -> Any:
        return values.pop(0) if values else None

    client = Client(handler(kind, emit=emit))
    await asyncio.sleep(2)
    assert client.heard_s == pytest.approx(0.5, abs=0.025)
    assert client.of("error") == []
    assert client.of("fetch_output") == [[], []]
    await client.hang_up()


@both
async def test_wrong_output_is_reported_and_skipped(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: one wrong value would be silence with no hint why."""
    values: list[Any] = [
        "text",
        (24_000.0, tone(0.1)),
        (24_000, tone(0.1).astype(np.float64)),
        (24_000, np.zeros((5, 5), np.int16)),
        (10**9, tone(0.1)),
        (24_000, tone(0.2)),
    ]

    def emit(self: Any) -> Any:
        return values.pop(0) if values else None

    client = Client(handler(kind, emit=emit))
    await asyncio.sleep(1)
    assert client.heard_s == pytest.approx(0.2, abs=0.021)
    assert client.session.user_errors == 5
    assert "expected None, (rate, array)" in caplog.text
    await client.hang_up()


@both
async def test_an_emit_that_keeps_failing_ends_the_session(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: a broken bot would fail in silence, at full speed, for ever."""
    asked: list[int] = []

    def emit(self: Any) -> Any:
        asked.append(1)
        raise ZeroDivisionError("secret")

    client = Client(handler(kind, emit=emit))
    await client.closed()
    assert len(asked) == EMIT_ERRORS_IN_A_ROW
    assert client.of("end_stream") == ["The app's emit function keeps failing."]
    assert len(client.of("error")) == 1
    assert "secret" not in str(client.messages)
    assert "ZeroDivisionError: secret" in caplog.text
    await client.hang_up()


async def test_errors_now_and_then_do_not_end_the_session() -> None:
    """Lost otherwise: rare errors would add up and end long calls."""
    count = 0

    async def emit(self: Any) -> Any:
        nonlocal count
        count += 1
        if count % EMIT_ERRORS_IN_A_ROW:
            raise ValueError
        return None

    client = Client(AsyncHandler(emit=emit))
    await asyncio.sleep(5)
    assert count > 100
    assert client.session.state == "connected"
    await client.hang_up()


async def test_an_emit_that_never_waits_does_not_stop_the_loop() -> None:
    """Lost otherwise: one handler would freeze all sessions of the server."""
    count = 0

    async def emit(self: Any) -> Any:
        nonlocal count
        count += 1
        return AdditionalOutputs(count)

    client = Client(AsyncHandler(emit=emit))
    for _ in range(100):
        await asyncio.sleep(0)
    assert 0 < count < 200
    await client.hang_up()

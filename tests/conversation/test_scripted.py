"""fastrtc.testing: the virtual clock and the scripted user, tried on themselves."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import ReplyOnPause, Stream
from fastrtc.handlers.threads import threads
from fastrtc.testing import (
    Conversation,
    LoudnessModel,
    VirtualTimeLoop,
    run_in_virtual_time,
    speech,
)
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time


def answer(audio: Any) -> Iterator[Any]:
    yield (24_000, tone(1.0))


async def test_hours_pass_at_once() -> None:
    """Lost otherwise: tests of long conversations would take as long as they."""
    began_s = time.monotonic()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    before_s = loop.time()
    await asyncio.sleep(3600)
    assert loop.time() - before_s == pytest.approx(3600)
    assert time.monotonic() - began_s < 1


async def test_timers_fire_in_their_order() -> None:
    """Lost otherwise: events of a test would come in another order than live."""
    order: list[str] = []
    loop = asyncio.get_running_loop()
    loop.call_later(2, order.append, "late")
    loop.call_later(1, order.append, "early")
    await asyncio.sleep(3)
    assert order == ["early", "late"]


async def test_the_clock_waits_for_a_computing_thread() -> None:
    """Lost otherwise: a test would time out while its model still computes."""
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    value = await asyncio.wait_for(threads.run(lambda: sum(range(2_000_000))), 0.001)
    assert value == 1999999000000
    assert loop.time() == before_s


async def test_the_clock_waits_for_an_executor() -> None:
    """Lost otherwise: asyncio.to_thread in user code would seem to hang."""
    value = await asyncio.wait_for(asyncio.to_thread(sum, range(2_000_000)), 0.001)
    assert value == 1999999000000


async def test_the_clock_goes_on_while_a_thread_is_blocked() -> None:
    """Lost otherwise: a handler that waits on its queue would stop all time."""
    items: queue.Queue[int] = queue.Queue()
    waiting = asyncio.ensure_future(threads.run(items.get))
    began_s = time.monotonic()
    await asyncio.sleep(100)
    items.put(7)
    assert await waiting == 7
    assert time.monotonic() - began_s < 0.9


async def test_a_notified_thread_is_waited_for() -> None:
    """Lost otherwise: the clock could jump between a put and its get, at random."""
    loop = asyncio.get_running_loop()
    for _ in range(200):
        go = threading.Event()
        waiting = asyncio.ensure_future(threads.run(go.wait))
        await asyncio.sleep(1)
        before_s = loop.time()
        go.set()
        await asyncio.wait_for(waiting, 0.001)
        assert loop.time() == before_s


def test_waiting_for_ever_is_an_error() -> None:
    """Lost otherwise: a test that waits in vain would hang instead of failing."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="Nothing is left to wait for"):
        run_in_virtual_time(main)


def test_run_in_virtual_time_gives_the_result_and_cleans_up() -> None:
    """Lost otherwise: programs without pytest could not use the virtual clock."""
    ended: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("lingering")

    async def main() -> str:
        asyncio.get_running_loop().create_task(linger())
        await asyncio.sleep(10)
        return "done"

    assert run_in_virtual_time(main) == "done"
    assert ended == ["lingering"]


async def test_a_scripted_conversation() -> None:
    """Lost otherwise: users could not test their agents without a network."""
    async with Conversation(ReplyOnPause(answer, model=LoudnessModel())) as talk:
        said = talk.say(speech(1.0), at_s=0.5)
        started_s = await talk.bot_starts(within_s=3)
        assert said.end_s < started_s < said.end_s + 0.7
        await talk.until(6)
        (span,) = talk.bot_speech()
        assert span.end_s - span.start_s == pytest.approx(1.0, abs=0.03)
        assert talk.bot_spoke_s() == pytest.approx(1.0, abs=0.03)
        assert [m.data for m in talk.messages if m.type == "log"] == [
            "started_talking",
            "pause_detected",
            "response_starting",
            "response_ended",
        ]
    assert talk.ended


async def test_a_script_with_an_interruption() -> None:
    """Lost otherwise: users could not test what happens when they interrupt."""

    def talk_on(audio: Any) -> Iterator[Any]:
        yield (24_000, tone(6.0))

    async with Conversation(ReplyOnPause(talk_on, model=LoudnessModel())) as talk:
        talk.say(speech(1.0), at_s=0.5)
        started_s = await talk.bot_starts(within_s=3)
        with pytest.raises(AssertionError, match="should have stopped within"):
            await talk.bot_stops(within_s=0.3)
        interrupted = talk.say(speech(1.0), at_s=started_s + 2)
        await talk.until(interrupted.start_s)
        stopped_s = await talk.bot_stops(within_s=0.3)
        assert interrupted.start_s < stopped_s < interrupted.start_s + 0.3
        # It is silent already: nothing is waited for.
        assert await talk.bot_stops(within_s=0.1) == stopped_s


async def test_what_was_said_arrives_as_it_was() -> None:
    """Lost otherwise: the scripted user would test with spoilt audio."""
    heard: list[Any] = []

    def listen(audio: Any) -> Iterator[Any]:
        heard.append(audio)
        yield None

    async with Conversation(
        ReplyOnPause(listen, model=LoudnessModel(), input_sample_rate=16_000)
    ) as talk:
        talk.say((16_000, tone(1.0, 16_000)), at_s=1.0)
        await talk.until(4)
    ((rate_hz, audio),) = heard
    assert rate_hz == 16_000
    loud = np.flatnonzero(np.abs(audio[0]) > 0)
    assert (audio[0, loud[0] - 1 : loud[0] + 15999] == tone(1.0, 16_000)[0]).all()


async def test_failed_expectations_show_the_conversation() -> None:
    """Lost otherwise: a failing test would not say what happened when."""
    async with Conversation(ReplyOnPause(answer, model=LoudnessModel())) as talk:
        talk.say(speech(1.0), at_s=0.5)
        with pytest.raises(AssertionError, match="should have begun to speak"):
            await talk.bot_starts(within_s=1.0)
        with pytest.raises(AssertionError, match=r"0\.500 to 1\.500 s: user"):
            await talk.bot_is_silent(for_s=2.0)
        with pytest.raises(AssertionError, match="message 'stopword'"):
            await talk.message("stopword", within_s=0.1)


async def test_a_whole_stream_can_be_talked_to() -> None:
    """Lost otherwise: time limits and inputs of a stream could not be tested."""
    stream = Stream(
        ReplyOnPause(answer, model=LoudnessModel()),
        modality="audio",
        mode="send-receive",
        time_limit=5,
    )
    async with Conversation(stream) as talk:
        message = await talk.message("end_stream", within_s=6)
        assert message.at_s == pytest.approx(5)
        await talk.wait_for(lambda: talk.ended, "The session should have ended", 1)
    assert len(stream.sessions) == 0

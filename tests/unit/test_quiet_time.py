"""fastrtc.turns: how long nothing can be decided, so that audio may gather."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc import AlgoOptions
from fastrtc.turns import (
    Pause,
    TurnDetector,
    TurnEvent,
)
from tests.support.turns import run, windows

# -- how long nothing can happen ----------------------------------------------------

options_ = st.builds(
    AlgoOptions,
    audio_chunk_duration=st.sampled_from([0.2, 0.6, 1.0]),
    started_talking_threshold=st.sampled_from([0.0, 0.1, 0.2, 0.5]),
    speech_threshold=st.sampled_from([0.0, 0.05, 0.1, 0.3]),
    max_continuous_speech_s=st.sampled_from([1.0, 3.0, float("inf")]),
    min_silence_ms=st.sampled_from([None, 100.0, 480.0, 5000.0]),
    max_silence_ms=st.sampled_from([300.0, 1500.0]),
    ask_after_ms=st.sampled_from([60.0, 100.0]),
    min_speech_ms=st.sampled_from([60.0, 100.0, 300.0]),
    interrupt_after_ms=st.sampled_from([100.0, 200.0, 600.0]),
    hold_after_ms=st.sampled_from([40.0, 64.0, 300.0]),
    resume_after_false_interruption_ms=st.sampled_from([200.0, 500.0]),
    preemptive_after_ms=st.sampled_from([None, 40.0, 200.0]),
)
lengths_ms = st.sampled_from([20.0, 32.0, 96.0])
# Runs of equal probabilities: pure noise would hardly ever reach a pause.
probabilities_ = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([0.0, 0.3, 0.4, 0.5, 1.0])),
    max_size=12,
).map(lambda runs: [p for count, p in runs for _ in range(count)])


@given(
    options_,
    lengths_ms,
    probabilities_,
    probabilities_,
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, True, False]),
)
def test_nothing_is_decided_in_the_quiet_time(
    options: AlgoOptions,
    ms: float,
    past: list[float],
    future: list[float],
    is_asked: bool,
    bot_speaks: bool,
    finished: bool | None,
) -> None:
    """Lost otherwise: whoever lets audio gather would notice speech too late."""
    detector = TurnDetector(options, asked=is_asked)
    before = run(detector, past, ms, bot_speaks=bot_speaks)
    numbers = [event.number for _, event in before if isinstance(event, Pause)]
    if numbers and finished is not None:
        detector.answer(numbers[-1], finished)
    bot_speaks = bot_speaks and not detector.talking
    quiet_ms = detector.quiet_ms(bot_speaks=bot_speaks)
    assert quiet_ms >= 0
    events = run(copy.deepcopy(detector), future, ms, bot_speaks=bot_speaks)
    if events:
        assert events[0][0] >= quiet_ms - 1e-6


@given(options_, lengths_ms, probabilities_)
def test_gathering_for_the_quiet_time_changes_nothing(
    options: AlgoOptions, ms: float, probabilities: list[float]
) -> None:
    """Lost otherwise: saving CPU would cost latency or change the decisions."""
    eager = run(TurnDetector(options), probabilities, ms)
    detector = TurnDetector(options)
    deferred: list[tuple[float, TurnEvent, float]] = []
    gathered: list[float] = []
    for count, probability in enumerate(probabilities, 1):
        gathered.append(probability)
        if len(gathered) * ms < detector.quiet_ms() - 1e-6:
            continue
        first = count - len(gathered)
        deferred += [
            (first * ms + at, event, count * ms)
            for at, event in run(detector, gathered, ms)
        ]
        gathered.clear()
    # The end of the list may still be gathering, without anything to decide.
    assert [(at, event) for at, event, _ in deferred] == eager
    assert all(noticed == at for at, _, noticed in deferred)


def test_the_quiet_time_saves_something() -> None:
    """Lost otherwise: gathering would be worth nothing."""
    detector = TurnDetector(AlgoOptions())
    assert detector.quiet_ms() == pytest.approx(96)
    assert detector.quiet_ms(bot_speaks=True) == pytest.approx(64)
    run(detector, windows((1000, 1)))
    assert detector.quiet_ms() == pytest.approx(480)

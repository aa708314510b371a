"""fastrtc.turns: when a turn starts and when it ends, window by window."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc import AlgoOptions
from fastrtc.turns import Pause, SpeechStarted, TurnDetector, TurnEvent

WINDOW_MS = 20.0
NO_MIN_SILENCE = AlgoOptions(min_silence_ms=100_000)


def run(
    detector: TurnDetector, probabilities: Iterable[float], ms: float = WINDOW_MS
) -> list[tuple[float, TurnEvent]]:
    """Events, with the milliseconds fed by then."""
    events: list[tuple[float, TurnEvent]] = []
    for count, probability in enumerate(probabilities, 1):
        event = detector.feed(ms, probability)
        if event is not None:
            events.append((count * ms, event))
    return events


def windows(*pieces: tuple[float, float]) -> list[float]:
    """Probabilities of pieces given as (milliseconds, probability)."""
    return [p for ms, p in pieces for _ in range(round(ms / WINDOW_MS))]


# -- the start ----------------------------------------------------------------------


def test_a_turn_starts_after_enough_speech() -> None:
    """Lost otherwise: the bot would not notice, or take a cough for a sentence."""
    events = run(TurnDetector(AlgoOptions()), windows((400, 0), (400, 1)))
    assert events == [(600, SpeechStarted(ago_ms=200))]


def test_short_noises_start_nothing() -> None:
    """Lost otherwise: clicks and coughs would interrupt the bot."""
    pattern = windows((180, 1), (600, 0)) * 10
    assert run(TurnDetector(AlgoOptions()), pattern) == []


def test_broken_speech_within_the_window_adds_up() -> None:
    """Lost otherwise: a hesitant first word would be missed."""
    events = run(TurnDetector(AlgoOptions()), windows((120, 1), (200, 0), (100, 1)))
    assert events == [(400, SpeechStarted(ago_ms=400))]


def test_a_window_that_is_not_speech_never_starts_a_turn() -> None:
    """Lost otherwise: a turn could start in silence and end at once."""
    options = AlgoOptions(started_talking_threshold=0.0)
    assert run(TurnDetector(options), windows((1000, 0))) == []


def test_the_threshold_has_hysteresis() -> None:
    """Lost otherwise: a voice on the border would be cut into pieces."""
    detector = TurnDetector(AlgoOptions(), threshold=0.5)
    assert run(detector, windows((1000, 0.4))) == []
    assert run(detector, windows((200, 0.5)))
    assert run(detector, windows((5000, 0.36))) == []
    assert run(detector, windows((1000, 0.34)))


def test_the_threshold_is_the_options() -> None:
    """Lost otherwise: users in noisy rooms could not make it less sensitive."""
    assert run(TurnDetector(AlgoOptions(), threshold=0.8), windows((1000, 0.7))) == []
    assert run(TurnDetector(AlgoOptions(), threshold=0.3), windows((1000, 0.31)))


# -- the pause ----------------------------------------------------------------------


def test_silence_in_one_piece_is_a_pause() -> None:
    """Lost otherwise: the bot would not answer, or late."""
    detector = TurnDetector(AlgoOptions(min_silence_ms=300))
    events = run(detector, windows((1000, 1), (1000, 0)))
    assert events[1:] == [(1300, Pause(silence_ms=300))]
    assert not detector.talking


def test_stops_within_a_sentence_are_no_pause() -> None:
    """Lost otherwise: the bot would talk into sentences."""
    pattern = windows((500, 1), (400, 0)) * 20
    events = run(TurnDetector(AlgoOptions()), pattern)
    assert [type(event) for _, event in events] == [SpeechStarted]


def test_the_sliding_window_finds_a_pause_too() -> None:
    """Lost otherwise: AlgoOptions of older programs would mean nothing."""
    events = run(TurnDetector(NO_MIN_SILENCE), windows((1000, 1), (2000, 0)))
    # 600 ms window: with 520 ms of silence less than 100 ms of speech are in it.
    assert events[1:] == [(1520, Pause(silence_ms=520))]


def test_rare_noises_do_not_hold_up_the_pause() -> None:
    """Lost otherwise: a clicking keyboard would keep the bot from answering."""
    noise = windows((20, 1), (180, 0)) * 10
    events = run(TurnDetector(AlgoOptions()), windows((1000, 1)) + noise)
    assert isinstance(events[1][1], Pause)
    assert events[1][0] <= 1700


def test_a_bigger_speech_threshold_ends_sooner() -> None:
    """Lost otherwise: impatient bots could not be configured."""
    eager = replace(NO_MIN_SILENCE, speech_threshold=0.3)
    events = run(TurnDetector(eager), windows((1000, 1), (2000, 0)))
    assert events[1][0] == 1320


def test_a_longer_window_waits_longer() -> None:
    """Lost otherwise: patient bots could not be configured."""
    patient = replace(NO_MIN_SILENCE, audio_chunk_duration=1.2)
    events = run(TurnDetector(patient), windows((1500, 1), (2000, 0)))
    assert events[1][0] == 1500 + 1120


def test_no_pause_before_the_window_is_full() -> None:
    """Lost otherwise: a short first word would be answered at once."""
    events = run(TurnDetector(NO_MIN_SILENCE), windows((200, 1), (2000, 0)))
    assert events == [
        (200, SpeechStarted(200)),
        (720, Pause(silence_ms=520)),
    ]


def test_the_greatest_length_cuts() -> None:
    """Lost otherwise: a user who never pauses would fill the memory."""
    options = AlgoOptions(max_continuous_speech_s=2.0)
    events = run(TurnDetector(options), windows((5000, 1)))
    assert events == [
        (200, SpeechStarted(200)),
        (2000, Pause(0, cut=True)),
        (4000, Pause(0, cut=True)),
    ]


def test_silence_after_a_cut_is_no_turn() -> None:
    """Lost otherwise: a cut would be followed by a reply to nothing."""
    options = AlgoOptions(max_continuous_speech_s=2.0)
    detector = TurnDetector(options)
    events = run(detector, windows((2040, 1), (2000, 0), (1000, 1)))
    kinds = [type(event) for _, event in events]
    assert kinds == [SpeechStarted, Pause, SpeechStarted]


def test_turns_follow_each_other() -> None:
    """Lost otherwise: the second question would get no answer."""
    pattern = windows((1000, 1), (1000, 0)) * 5
    kinds = [type(event) for _, event in run(TurnDetector(AlgoOptions()), pattern)]
    assert kinds == [SpeechStarted, Pause] * 5


def test_reset_forgets_the_turn() -> None:
    """Lost otherwise: a half sentence would be taken for the next turn's."""
    detector = TurnDetector(AlgoOptions())
    run(detector, windows((500, 1)))
    detector.reset()
    assert not detector.talking
    assert run(detector, windows((2000, 0))) == []


# -- how long nothing can happen ----------------------------------------------------

options_ = st.builds(
    AlgoOptions,
    audio_chunk_duration=st.sampled_from([0.2, 0.6, 1.0]),
    started_talking_threshold=st.sampled_from([0.0, 0.1, 0.2, 0.5]),
    speech_threshold=st.sampled_from([0.0, 0.05, 0.1, 0.3]),
    max_continuous_speech_s=st.sampled_from([1.0, 3.0, float("inf")]),
    min_silence_ms=st.sampled_from([100.0, 480.0, 5000.0]),
)
lengths_ms = st.sampled_from([20.0, 32.0, 96.0])
# Runs of equal probabilities: pure noise would hardly ever reach a pause.
probabilities_ = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([0.0, 0.3, 0.4, 0.5, 1.0])),
    max_size=12,
).map(lambda runs: [p for count, p in runs for _ in range(count)])


@given(options_, lengths_ms, probabilities_, probabilities_)
def test_nothing_is_decided_in_the_quiet_time(
    options: AlgoOptions, ms: float, past: list[float], future: list[float]
) -> None:
    """Lost otherwise: whoever lets audio gather would notice speech too late."""
    detector = TurnDetector(options)
    run(detector, past, ms)
    quiet_ms = detector.quiet_ms()
    assert quiet_ms >= 0
    events = run(copy.deepcopy(detector), future, ms)
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
    assert detector.quiet_ms() == pytest.approx(200)
    run(detector, windows((1000, 1)))
    assert detector.quiet_ms() == pytest.approx(480)

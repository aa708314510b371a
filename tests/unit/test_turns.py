"""fastrtc.turns: when a turn starts and when it ends, window by window."""

from __future__ import annotations

import pytest

from fastrtc import AlgoOptions
from fastrtc.turns import (
    EndOfTurn,
    SpeechStarted,
    TurnDetector,
)
from tests.support.turns import run, windows

# -- the start ----------------------------------------------------------------------


def test_a_turn_starts_after_enough_speech_in_one_piece() -> None:
    """Lost otherwise: the bot would not notice short answers, such as "no"."""
    events = run(TurnDetector(AlgoOptions()), windows((400, 0), (400, 1)))
    assert events == [(500, SpeechStarted(ago_ms=100))]


def test_a_turn_starts_after_enough_speech_in_the_window() -> None:
    """Lost otherwise: AlgoOptions of older programs would mean nothing."""
    options = AlgoOptions(min_speech_ms=10_000)
    events = run(TurnDetector(options), windows((400, 0), (400, 1)))
    assert events == [(600, SpeechStarted(ago_ms=200))]


def test_short_noises_start_nothing() -> None:
    """Lost otherwise: clicks would be answered."""
    pattern = windows((80, 1), (600, 0)) * 10
    assert run(TurnDetector(AlgoOptions()), pattern) == []


def test_broken_speech_within_the_window_adds_up() -> None:
    """Lost otherwise: a hesitant first word would be missed."""
    broken = windows((80, 1), (200, 0), (80, 1), (100, 0), (40, 1))
    events = run(TurnDetector(AlgoOptions()), broken)
    assert events == [(500, SpeechStarted(ago_ms=500))]


def test_a_window_that_is_not_speech_never_starts_a_turn() -> None:
    """Lost otherwise: a turn could start in silence and end at once."""
    options = AlgoOptions(started_talking_threshold=0.0, min_speech_ms=0)
    assert run(TurnDetector(options), windows((1000, 0))) == []


def test_a_probability_of_nan_is_no_speech() -> None:
    """Lost otherwise: a model that fails in silence would hold turns open."""
    detector = TurnDetector(AlgoOptions())
    assert run(detector, windows((1000, float("nan")))) == []
    run(detector, windows((1000, 1)))
    assert run(detector, windows((1000, float("nan"))))[-1][1] == EndOfTurn(480)


def test_doubtful_speech_needs_to_last() -> None:
    """Lost otherwise: coughs would be answered, or a weak voice never be."""
    cough = windows((240, 0.8), (800, 0))
    assert run(TurnDetector(AlgoOptions()), cough * 5) == []
    assert run(TurnDetector(AlgoOptions()), cough * 5, bot_speaks=True) == []
    weak = run(TurnDetector(AlgoOptions()), windows((1000, 0.8)))
    assert weak == [(400, SpeechStarted(400))]
    short = run(TurnDetector(AlgoOptions()), windows((80, 0.8), (120, 0.99)))
    assert short == [(100, SpeechStarted(100))]


def test_the_threshold_has_hysteresis() -> None:
    """Lost otherwise: a voice on the border would be cut into pieces."""
    detector = TurnDetector(AlgoOptions(), threshold=0.5)
    assert run(detector, windows((1000, 0.4))) == []
    assert run(detector, windows((400, 0.5)))
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
    assert events[1:] == [(1300, EndOfTurn(silence_ms=300))]
    assert not detector.talking


def test_a_short_word_is_a_turn_as_long_as_any() -> None:
    """Lost otherwise: "no" would be answered while the user still speaks."""
    events = run(TurnDetector(AlgoOptions()), windows((100, 1), (1000, 0)))
    assert events[1:] == [(580, EndOfTurn(silence_ms=480))]


def test_stops_within_a_sentence_are_no_pause() -> None:
    """Lost otherwise: the bot would talk into sentences."""
    pattern = windows((500, 1), (400, 0)) * 20
    events = run(TurnDetector(AlgoOptions()), pattern)
    assert [type(event) for _, event in events] == [SpeechStarted]


def test_the_sliding_window_finds_a_pause_too() -> None:
    """Lost otherwise: AlgoOptions of older programs would mean nothing."""
    options = AlgoOptions(speech_threshold=0.2)
    events = run(TurnDetector(options), windows((1000, 1), (2000, 0)))
    # 600 ms window: with 420 ms of silence less than 200 ms of speech are in it.
    assert events[1:] == [(1420, EndOfTurn(silence_ms=420))]


def test_rare_noises_do_not_hold_up_the_pause() -> None:
    """Lost otherwise: a clicking keyboard would keep the bot from answering."""
    noise = windows((20, 1), (180, 0)) * 10
    events = run(TurnDetector(AlgoOptions()), windows((1000, 1)) + noise)
    assert isinstance(events[1][1], EndOfTurn)
    assert events[1][0] <= 1700


def test_a_bigger_speech_threshold_ends_sooner() -> None:
    """Lost otherwise: impatient bots could not be configured."""
    eager = AlgoOptions(speech_threshold=0.3)
    events = run(TurnDetector(eager), windows((1000, 1), (2000, 0)))
    assert events[1][0] == 1320


def test_a_longer_window_waits_longer() -> None:
    """Lost otherwise: patient bots could not be configured."""
    patient = AlgoOptions(audio_chunk_duration=1.2)
    events = run(TurnDetector(patient), windows((1500, 1), (2000, 0)))
    assert events[1][0] == 1500 + 960


def test_no_pause_before_the_window_is_full() -> None:
    """Lost otherwise: a short first word would be answered at once."""
    options = AlgoOptions(speech_threshold=0.25)
    events = run(TurnDetector(options), windows((200, 1), (2000, 0)))
    assert events == [
        (100, SpeechStarted(100)),
        (600, EndOfTurn(silence_ms=400)),
    ]


def test_a_chosen_silence_is_not_undercut_by_the_window() -> None:
    """Lost otherwise: a bot told to be patient would interrupt all the same."""
    options = AlgoOptions(min_silence_ms=900)
    events = run(TurnDetector(options), windows((1000, 1), (2000, 0)))
    assert events[1] == (1900, EndOfTurn(900))


def test_the_greatest_length_cuts() -> None:
    """Lost otherwise: a user who never pauses would fill the memory."""
    options = AlgoOptions(max_continuous_speech_s=2.0)
    events = run(TurnDetector(options), windows((5000, 1)))
    assert events == [
        (100, SpeechStarted(100)),
        (2000, EndOfTurn(0, cut=True)),
        (4000, EndOfTurn(0, cut=True)),
    ]


def test_no_turn_is_longer_than_five_minutes() -> None:
    """Lost otherwise: a radio beside the microphone would fill the memory."""
    detector = TurnDetector(AlgoOptions())
    events = run(detector, [1.0] * 10_000, ms=32)
    assert events[1] == (300_000, EndOfTurn(0, cut=True))


def test_silence_after_a_cut_is_no_turn() -> None:
    """Lost otherwise: a cut would be followed by a reply to nothing."""
    options = AlgoOptions(max_continuous_speech_s=2.0)
    detector = TurnDetector(options)
    events = run(detector, windows((2040, 1), (2000, 0), (1000, 1)))
    kinds = [type(event) for _, event in events]
    assert kinds == [SpeechStarted, EndOfTurn, SpeechStarted]


def test_turns_follow_each_other() -> None:
    """Lost otherwise: the second question would get no answer."""
    pattern = windows((1000, 1), (1000, 0)) * 5
    kinds = [type(event) for _, event in run(TurnDetector(AlgoOptions()), pattern)]
    assert kinds == [SpeechStarted, EndOfTurn] * 5


def test_the_speech_of_one_turn_starts_no_other() -> None:
    """Lost otherwise: a click after an answered turn would be answered as well."""
    detector = TurnDetector(AlgoOptions(min_silence_ms=100))
    pattern = windows((1000, 1), (140, 0), (40, 1), (500, 0))
    kinds = [type(event) for _, event in run(detector, pattern)]
    assert kinds == [SpeechStarted, EndOfTurn]


def test_reset_forgets_the_turn() -> None:
    """Lost otherwise: a half sentence would be taken for the next turn's."""
    detector = TurnDetector(AlgoOptions())
    run(detector, windows((500, 1)))
    detector.reset()
    assert not detector.talking
    assert run(detector, windows((2000, 0))) == []


# -- bad options --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_silence_ms", -1),
        ("min_silence_ms", float("nan")),
        ("audio_chunk_duration", 0),
        ("audio_chunk_duration", float("inf")),
        ("speech_threshold", "0.1"),
        ("pre_roll_ms", float("inf")),
        ("preemptive_after_ms", -32.0),
    ],
)
def test_impossible_options_are_refused(field: str, value: object) -> None:
    """Lost otherwise: a slip of the pen would show only as a bot that never answers."""
    with pytest.raises(ValueError, match=field):
        AlgoOptions(**{field: value})  # pyright: ignore[reportArgumentType]

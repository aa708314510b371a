"""fastrtc.turns: what a model thinks of a pause, and replies before the end."""

from __future__ import annotations

from fastrtc import AlgoOptions
from fastrtc.turns import (
    EndOfTurn,
    Pause,
    ReplyEarly,
    SpeechResumed,
    TurnDetector,
)
from tests.support.turns import run, windows

# -- an opinion on whether the turn is over -------------------------------------------


def asked(options: AlgoOptions | None = None) -> TurnDetector:
    return TurnDetector(options or AlgoOptions(), asked=True)


def test_a_pause_is_asked_about_early() -> None:
    """Lost otherwise: the answer of the model would come too late to be of use."""
    events = run(asked(), windows((1000, 1), (300, 0)))
    assert events[1:] == [(1100, Pause(1, 100))]


def test_a_finished_turn_ends_early() -> None:
    """Lost otherwise: every answer would come 300 ms later."""
    detector = asked()
    run(detector, windows((1000, 1), (100, 0)))
    assert detector.answer(1, True) == []
    assert run(detector, windows((200, 0))) == [(100, EndOfTurn(200))]


def test_an_answer_may_come_late() -> None:
    """Lost otherwise: a slow model would delay the answer by another window."""
    detector = asked()
    run(detector, windows((1000, 1), (300, 0)))
    assert detector.answer(1, True) == [EndOfTurn(300)]
    assert not detector.talking


def test_an_unfinished_turn_is_waited_for() -> None:
    """Lost otherwise: the bot would talk into a thought."""
    detector = asked(AlgoOptions(max_silence_ms=1500))
    run(detector, windows((1000, 1), (100, 0)))
    detector.answer(1, False)
    assert run(detector, windows((2000, 0))) == [(1400, EndOfTurn(1500))]


def end_of(detector: TurnDetector, finished: bool) -> float:
    """Say something, answer what is asked, be silent: how long until the turn ends."""
    events = run(detector, windows((1000, 1), (100, 0)))
    numbers = [event.number for _, event in events if isinstance(event, Pause)]
    detector.answer(numbers[-1], finished)
    # Later than anybody would go on with what was said.
    ended = run(detector, windows((3000, 0)))
    return 100 + ended[0][0]


def test_waiting_in_vain_wears_patience_out() -> None:
    """Lost otherwise: a voice the model doesn't understand always waits a second."""
    detector = asked()
    assert [end_of(detector, False) for _ in range(4)] == [1000, 660, 540, 500]
    assert end_of(detector, True) == 200


def test_patience_that_was_right_comes_back() -> None:
    """Lost otherwise: one wrong opinion would cost all pauses for thought."""
    detector = asked()
    assert [end_of(detector, False) for _ in range(3)] == [1000, 660, 540]
    events = run(detector, windows((1000, 1), (100, 0)))
    numbers = [event.number for _, event in events if isinstance(event, Pause)]
    detector.answer(numbers[-1], False)
    # The user goes on, as the model had said.
    assert run(detector, windows((100, 0), (1000, 1))) == [(160, SpeechResumed())]
    assert end_of(detector, False) == 640


def test_a_user_who_was_cut_off_is_waited_for_again() -> None:
    """Lost otherwise: the bot would cut the same user off again and again."""
    detector = asked()
    assert [end_of(detector, False) for _ in range(3)] == [1000, 660, 540]
    events = run(detector, windows((1000, 1), (100, 0)))
    numbers = [event.number for _, event in events if isinstance(event, Pause)]
    detector.answer(numbers[-1], False)
    assert run(detector, windows((800, 0)))[-1][1] == EndOfTurn(500)
    assert end_of(detector, False) == 1000


def test_of_a_single_word_a_no_is_not_believed() -> None:
    """Lost otherwise: "no" would be answered a second later."""
    detector = asked()
    run(detector, windows((300, 1), (100, 0)))
    detector.answer(1, False)
    assert run(detector, windows((2000, 0))) == [(380, EndOfTurn(480))]
    word = asked()
    run(word, windows((300, 1), (100, 0)))
    word.answer(1, True)
    assert run(word, windows((2000, 0))) == [(100, EndOfTurn(200))]


def test_noises_do_not_hold_up_the_end_of_an_unfinished_turn() -> None:
    """Lost otherwise: a keyboard would keep the bot from ever answering."""
    detector = asked(AlgoOptions(max_silence_ms=1500))
    run(detector, windows((1000, 1), (100, 0)))
    detector.answer(1, False)
    events = run(detector, windows((20, 1), (480, 0)) * 6)
    ends = [at for at, event in events if isinstance(event, EndOfTurn)]
    assert ends
    assert ends[0] <= 1700


def test_no_answer_leaves_it_to_silence() -> None:
    """Lost otherwise: a model that hangs would silence the bot."""
    detector = asked()
    events = run(detector, windows((1000, 1), (1000, 0)))
    assert events[-1] == (1480, EndOfTurn(480))


def test_an_answer_to_an_earlier_pause_is_out_of_date() -> None:
    """Lost otherwise: the bot would talk into what the user went on to say."""
    detector = asked()
    run(detector, windows((1000, 1), (140, 0)))
    events = run(detector, windows((400, 1), (300, 0)))
    assert [event for _, event in events] == [SpeechResumed(), Pause(2, 100)]
    assert detector.answer(1, True) == []
    assert detector.answer(2, True) == [EndOfTurn(300)]
    assert detector.answer(2, True) == []


def test_a_click_does_not_take_an_answer_back() -> None:
    """Lost otherwise: the model would be asked at each key that is struck."""
    detector = asked()
    run(detector, windows((1000, 1), (100, 0)))
    detector.answer(1, True)
    events = run(detector, windows((20, 1), (300, 0)))
    assert events == [(220, EndOfTurn(200))]


def test_the_silences_can_be_set() -> None:
    """Lost otherwise: neither patient nor hasty bots could be made."""
    patient = asked(AlgoOptions(min_silence_ms=800))
    run(patient, windows((1000, 1), (100, 0)))
    patient.answer(1, True)
    assert run(patient, windows((1000, 0)))[-1] == (700, EndOfTurn(800))
    # A longer window makes all of them longer.
    slow = asked(AlgoOptions(audio_chunk_duration=1.2))
    run(slow, windows((1000, 1), (100, 0)))
    slow.answer(1, True)
    assert run(slow, windows((1000, 0)))[-1] == (300, EndOfTurn(400))


# -- replies before the end ----------------------------------------------------------


def test_a_reply_may_be_prepared_early() -> None:
    """Lost otherwise: a slow model's time could not be used."""
    detector = TurnDetector(AlgoOptions(preemptive_after_ms=60))
    events = run(detector, windows((1000, 1), (480, 0)))
    assert events[1:] == [(1060, ReplyEarly()), (1480, EndOfTurn(480))]


def test_going_on_takes_the_early_reply_back() -> None:
    """Lost otherwise: the bot would answer half a question."""
    detector = TurnDetector(AlgoOptions(preemptive_after_ms=60))
    pattern = windows((1000, 1), (200, 0)) * 2
    events = [event for _, event in run(detector, pattern)]
    assert events[1:] == [ReplyEarly(), SpeechResumed(), ReplyEarly()]

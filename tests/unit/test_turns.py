"""fastrtc.turns: when a turn starts and when it ends, window by window."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc import AlgoOptions
from fastrtc.turns import (
    BotHeld,
    BotReleased,
    EndOfTurn,
    Pause,
    ReplyEarly,
    SpeechResumed,
    SpeechStarted,
    TurnDetector,
    TurnEvent,
)

WINDOW_MS = 20.0


def run(
    detector: TurnDetector,
    probabilities: Iterable[float],
    ms: float = WINDOW_MS,
    *,
    bot_speaks: bool = False,
    power: float = 0.0,
) -> list[tuple[float, TurnEvent]]:
    """Events, with the milliseconds fed by then. A turn silences the bot."""
    events: list[tuple[float, TurnEvent]] = []
    for count, probability in enumerate(probabilities, 1):
        decided = detector.feed(ms, probability, power=power, bot_speaks=bot_speaks)
        events += [(count * ms, event) for event in decided]
        bot_speaks = bot_speaks and not detector.talking
    return events


def windows(*pieces: tuple[float, float]) -> list[float]:
    """Probabilities of pieces given as (milliseconds, probability)."""
    return [p for ms, p in pieces for _ in range(round(ms / WINDOW_MS))]


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


# -- the bot speaks ------------------------------------------------------------------


def test_the_first_sound_holds_the_bot_and_speech_interrupts_it() -> None:
    """Lost otherwise: the bot would talk on over the user."""
    detector = TurnDetector(AlgoOptions(interrupt_after_ms=200, hold_after_ms=60))
    events = run(detector, windows((400, 0), (400, 1)), bot_speaks=True)
    assert events == [(460, BotHeld()), (600, SpeechStarted(ago_ms=200))]


def test_after_a_cough_the_bot_goes_on() -> None:
    """Lost otherwise: every noise would end the bot's answer."""
    detector = TurnDetector(AlgoOptions())
    cough = windows((140, 1), (1000, 0))
    events = run(detector, cough * 3, bot_speaks=True)
    assert [event for _, event in events] == [BotHeld(), BotReleased()] * 3
    assert events[1] == (440, BotReleased())


def test_clicks_do_not_even_hold_the_bot() -> None:
    """Lost otherwise: the bot would stutter while somebody types."""
    events = run(
        TurnDetector(AlgoOptions()), windows((40, 1), (160, 0)) * 20, bot_speaks=True
    )
    assert events == []


def test_hesitant_words_add_up_to_an_interruption() -> None:
    """Lost otherwise: "no… no" would never be heard."""
    hesitant = windows((120, 1), (200, 0), (120, 1))
    events = run(TurnDetector(AlgoOptions()), hesitant, bot_speaks=True)
    assert events[-1] == (400, SpeechStarted(ago_ms=400))


def test_a_bot_that_ends_while_it_is_held_is_not_released() -> None:
    """Lost otherwise: the next reply would begin with a release out of nowhere."""
    detector = TurnDetector(AlgoOptions())
    run(detector, windows((80, 1)), bot_speaks=True)
    assert run(detector, windows((1000, 0))) == []
    assert run(detector, windows((1000, 0)), bot_speaks=True) == []


def after_a_turn(power: float) -> TurnDetector:
    """A detector that has heard how loud the user is."""
    detector = TurnDetector(AlgoOptions())
    run(detector, windows((2000, 1), (1000, 0)), power=power)
    return detector


def test_the_echo_of_the_bot_neither_holds_nor_interrupts_it() -> None:
    """Lost otherwise: on a loudspeaker the bot would interrupt itself."""
    detector = after_a_turn(power=1.0)
    assert run(detector, windows((3000, 1)), power=0.01, bot_speaks=True) == []
    # Nor does what is left of it when the bot has ended, or it would answer itself.
    assert run(detector, windows((200, 1), (500, 0)), power=0.01) == []
    assert run(detector, windows((400, 1)), power=0.01)


def test_the_user_is_heard_through_the_echo() -> None:
    """Lost otherwise: on a loudspeaker the bot could not be interrupted."""
    detector = after_a_turn(power=1.0)
    run(detector, windows((5000, 1)), power=0.01, bot_speaks=True)
    events = run(detector, windows((400, 1)), power=1.0, bot_speaks=True)
    assert events == [(80, BotHeld()), (200, SpeechStarted(ago_ms=200))]


def test_the_user_is_heard_while_the_echo_ends() -> None:
    """Lost otherwise: a quick reply to the bot's last word would be missed."""
    detector = after_a_turn(power=1.0)
    run(detector, windows((5000, 1)), power=0.01, bot_speaks=True)
    assert run(detector, windows((400, 1)), power=1.0)[0][0] <= 60


def test_others_in_the_room_do_not_keep_the_bot_held() -> None:
    """Lost otherwise: a loud syllable of a neighbour would silence the bot."""
    detector = after_a_turn(power=1.0)
    run(detector, windows((80, 1)), power=0.05, bot_speaks=True)
    events = run(detector, windows((2000, 1)), power=0.01, bot_speaks=True)
    assert [event for _, event in events] == [BotReleased()]


def test_a_greeting_can_be_interrupted_by_anybody() -> None:
    """Lost otherwise: a user who hasn't spoken yet could not interrupt."""
    detector = TurnDetector(AlgoOptions())
    events = run(detector, windows((400, 1)), power=1e-6, bot_speaks=True)
    assert events[-1] == (200, SpeechStarted(ago_ms=200))


@pytest.mark.parametrize("after_ms", [100.0, 400.0])
def test_how_much_speech_interrupts_is_an_option(after_ms: float) -> None:
    """Lost otherwise: neither a hasty nor a steadfast bot could be made."""
    detector = TurnDetector(AlgoOptions(interrupt_after_ms=after_ms))
    events = run(detector, windows((600, 1)), bot_speaks=True)
    assert events[-1] == (after_ms, SpeechStarted(ago_ms=after_ms))


@pytest.mark.parametrize("after_ms", [160.0, 800.0])
def test_how_long_a_bot_is_held_is_an_option(after_ms: float) -> None:
    """Lost otherwise: a bot could not be made to go on sooner, or later."""
    detector = TurnDetector(AlgoOptions(resume_after_false_interruption_ms=after_ms))
    events = run(detector, windows((100, 1), (1000, 0)), bot_speaks=True)
    assert events[-1] == (100 + after_ms, BotReleased())


def test_how_quiet_an_interruption_may_be_is_an_option() -> None:
    """Lost otherwise: whoever speaks softly could not interrupt, whatever is set."""
    detector = TurnDetector(AlgoOptions(interrupt_level_db=-25))
    run(detector, windows((2000, 1), (1000, 0)), power=1.0)
    soft = copy.deepcopy(detector)
    assert run(soft, windows((400, 1)), power=0.01, bot_speaks=True)
    assert run(detector, windows((400, 1)), power=0.001, bot_speaks=True) == []


def test_after_an_interruption_the_turn_goes_its_way() -> None:
    """Lost otherwise: what interrupted the bot would not be answered."""
    events = run(
        TurnDetector(AlgoOptions()), windows((1000, 1), (600, 0)), bot_speaks=True
    )
    assert events[-1] == (1480, EndOfTurn(480))


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

"""fastrtc.turns while the bot speaks: what holds it, and what interrupts it."""

from __future__ import annotations

import copy

import pytest

from fastrtc import AlgoOptions
from fastrtc.turns import (
    BotHeld,
    BotReleased,
    EndOfTurn,
    SpeechStarted,
    TurnDetector,
)
from tests.support.turns import run, windows

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

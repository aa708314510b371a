"""ReplyOnStopWords: what counts as a stop word, where it ends, and the arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrtc import ReplyOnStopWords
from fastrtc.end_of_turn.silence import SilenceOnly
from fastrtc.errors import ConfigurationError
from fastrtc.handlers.listening import Utterance
from fastrtc.handlers.reply_on_stopwords import StopWordMatcher
from fastrtc.handlers.stop_words.loudness import (
    command_start_ms,
    has_command,
    spoken_until_ms,
)
from fastrtc.handlers.stop_words.matcher import continues, spoken_length
from fastrtc.handlers.stop_words.tape import Tape
from fastrtc.handlers.stop_words.turn import Turn, Word
from fastrtc.testing import LoudnessModel, speech

RATE_HZ = 16_000


class Ears:
    def stt(self, audio: Any) -> str:
        return ""


class Spotter:
    def open_stream(self, sample_rate_hz: int) -> Any:
        return None


def make(words: Any = ("computer",), **options: Any) -> ReplyOnStopWords:
    options = {"stt_model": Ears(), **options}
    return ReplyOnStopWords(lambda audio: iter(()), words, **options)


# -- matching --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (["computer"], "Computer!", True),
        (["computer"], "hey, COMPUTER: lights on", True),
        (["computer"], "computers are fine", False),
        (["computer"], "minicomputer", False),
        (["hello llama"], "Hello, Llama.", True),
        (["hello llama"], "hello  -  llama", True),
        (["hello llama"], "hello dear llama", False),
        (["hey bot", "ok bot"], "well ok bot go", True),
        (["c3po!"], "C3PO", True),
        (["grüße"], "Viele GRÜSSE", False),
        (["école"], "L'École", True),
        (["a.b"], "axb", False),
        (["computer"], "", False),
    ],
)
def test_matching(words: list[str], text: str, found: bool) -> None:
    """Lost otherwise: the bot would not wake up, or wake up unasked."""
    assert (StopWordMatcher(words).find(text) is not None) is found
    assert make(words).stop_word_detected(text) is found


def test_where_the_word_ends() -> None:
    """Lost otherwise: a command in the same breath would be lost or cut."""
    matcher = StopWordMatcher(["computer"])
    assert matcher.find("computer") == 1.0
    assert matcher.find("computer...") == 1.0
    assert matcher.find("computer, 12345") == pytest.approx(8 / 15)
    assert matcher.end("hey computer, on") == 12
    assert matcher.end("hey") is None


@pytest.mark.parametrize(
    ("text", "earlier", "index"),
    [
        ("well, computer on", "Well", 4),
        ("well computer", "", 0),
        ("computer on", "come pewter", 0),
        ("well", "well computer", 0),
    ],
)
def test_what_was_said_before(text: str, earlier: str, index: int) -> None:
    """Lost otherwise: a word would be looked for in speech that it isn't in."""
    assert continues(text, earlier) == index


def test_digits_are_words() -> None:
    """Lost otherwise: a number after the word would be taken for very short."""
    assert spoken_length("set 10, please!") == 3 + 8 + 6


# -- where in the audio ----------------------------------------------------------------


def sounds(*spans_ms: tuple[int, int], total_ms: int) -> NDArray[np.int16]:
    """Tones from a to b, int16 (n,)."""
    samples = np.random.default_rng(0).integers(-10, 10, total_ms * 16, np.int16)
    for begin, end in spans_ms:
        tone = speech((end - begin) / 1000, RATE_HZ)[1][0]
        samples[begin * 16 : end * 16] = tone
    return samples


def test_the_share_of_the_text_is_a_share_of_the_sound() -> None:
    """Lost otherwise: the pre-roll and pauses would count as words."""
    samples = sounds((400, 1400), (2000, 3000), total_ms=4000)
    assert spoken_until_ms(samples, RATE_HZ, 0.25) == pytest.approx(900, abs=20)
    assert spoken_until_ms(samples, RATE_HZ, 0.75) == pytest.approx(2500, abs=20)
    assert spoken_until_ms(samples, RATE_HZ, 1.0) == pytest.approx(3000, abs=20)


@pytest.mark.parametrize("samples", [np.zeros(16_000, np.int16), np.zeros(5, np.int16)])
def test_silence_has_a_middle_too(samples: NDArray[np.int16]) -> None:
    """Lost otherwise: a recognizer that hears words in silence would end the turn."""
    half_ms = 1000 * samples.size / RATE_HZ / 2
    assert spoken_until_ms(samples, RATE_HZ, 0.5) == pytest.approx(half_ms)
    assert not has_command(samples, RATE_HZ, 0.0)
    assert 0 <= command_start_ms(samples, RATE_HZ, half_ms) <= 2 * half_ms


@pytest.mark.parametrize("estimate_ms", [900, 1000, 1100, 1250, 1400])
def test_the_command_begins_after_the_gap(estimate_ms: int) -> None:
    """Lost otherwise: `fn` would hear the end of the stop word, or half a command."""
    samples = sounds((400, 1000), (1200, 3000), total_ms=4000)
    found_ms = command_start_ms(samples, RATE_HZ, estimate_ms)
    assert found_ms == pytest.approx(1000, abs=20)


def test_of_a_long_gap_only_its_end_is_kept() -> None:
    """Lost otherwise: a recognizer would get a second of silence first."""
    samples = sounds((400, 1000), (2000, 3000), total_ms=4000)
    assert command_start_ms(samples, RATE_HZ, 1100) == pytest.approx(1750, abs=20)


@pytest.mark.parametrize("gap_ms", [0, 80])
def test_without_a_gap_something_of_the_word_stays(gap_ms: int) -> None:
    """Lost otherwise: the command would lose its first sound."""
    samples = sounds((400, 1000), (1000 + gap_ms, 3000), total_ms=4000)
    assert command_start_ms(samples, RATE_HZ, 1050) == 800
    assert command_start_ms(samples[400 * 16 :], RATE_HZ, 100) == 0


def test_the_words_last_sound_is_no_command() -> None:
    """Lost otherwise: the word alone would be answered, and the command not."""
    samples = sounds((400, 1150), total_ms=2000)
    assert not has_command(samples, RATE_HZ, 1000)
    samples = sounds((400, 1150), (1300, 1500), total_ms=2000)
    assert has_command(samples, RATE_HZ, 1000)


@pytest.mark.parametrize("channels", [1, 2])
def test_the_command_is_cut_between_whole_frames(channels: int) -> None:
    """Lost otherwise: in stereo the command would be cut at half its time."""
    mono = sounds((400, 1000), (1200, 3000), total_ms=4000)
    audio = np.repeat(mono, channels).reshape(1, -1)
    turn = Turn(begin=1000, began_s=0.0, awake=False)
    turn.word = Word(1000 + 1100 * 16, followed=True)
    command = turn.command(Utterance(RATE_HZ, audio), channels)
    assert command.audio.shape[1] == 3000 * 16 * channels
    turn.awake = True
    assert turn.command(Utterance(RATE_HZ, audio), channels).audio is audio


def test_the_tape_is_bounded_and_counts_on() -> None:
    """Lost otherwise: a day beside a radio would fill the memory."""
    tape = Tape(RATE_HZ)
    for n in range(100):
        tape.record(np.full(1600, n, np.int16), keep_s=2.0)
    assert tape.end == 160_000
    begin, samples = tape.read(0, tape.end)
    assert begin == 160_000 - samples.size
    assert 32_000 <= samples.size < 33_600
    begin, samples = tape.read(150_000, 154_000)
    assert begin == 150_000
    assert samples.tolist() == [n // 1600 for n in range(150_000, 154_000)]
    assert tape.read(0, 1000)[1].size == 0


# -- arguments -------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], [""], ["!?"], ""])
def test_no_stop_word_is_refused(words: Any) -> None:
    """Lost otherwise: a bot that can't be woken would start without a word."""
    with pytest.raises(ConfigurationError, match="stop_words needs a word"):
        make(words)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"spotter": Spotter()}, "stt_model or spotter"),
        ({"spotter": Ears(), "stt_model": None}, "open_stream"),
        ({"stt_model": Spotter()}, "stt"),
        ({"stay_awake_s": -1.0}, "stay_awake_s"),
        ({"command_within_s": float("nan")}, "command_within_s"),
    ],
)
def test_arguments_that_make_no_sense(options: Any, says: str) -> None:
    """Lost otherwise: the mistake would show when the first user speaks."""
    with pytest.raises(ConfigurationError, match=says):
        make(**options)


def test_one_word_as_a_string() -> None:
    """Lost otherwise: each letter of the word would wake the bot."""
    handler = make("computer")
    assert handler.stop_words == ["computer"]
    assert handler.stop_word_detected("Computer, on!")
    assert not handler.stop_word_detected("c")


def test_a_spotter_needs_no_words() -> None:
    """Lost otherwise: engines that know their words would have to be told them."""
    handler = make([], spotter=Spotter(), stt_model=None)
    assert not handler.stop_word_detected("anything")


def test_copies_keep_everything() -> None:
    """Lost otherwise: a client's bot would listen to other words."""
    ears, model, silence = Ears(), LoudnessModel(), SilenceOnly()
    handler = make(
        ["a", "b"],
        model=model,
        stt_model=ears,
        can_interrupt=False,
        input_sample_rate=16_000,
        stay_awake_s=3.0,
        command_within_s=4.0,
        end_of_turn_model=silence,
        on_reply_ended=print,
    )
    made = handler.copy()
    assert made.stop_words == ["a", "b"]
    assert made.model is model
    assert made.stt_model is ears
    assert made.can_interrupt is False
    assert made.input_sample_rate == 16_000
    assert made.stay_awake_s == 3.0
    assert made.command_within_s == 4.0
    assert made.end_of_turn_model is silence
    assert made.on_reply_ended is print
    spotter = Spotter()
    assert make([], spotter=spotter, stt_model=None).copy().spotter is spotter

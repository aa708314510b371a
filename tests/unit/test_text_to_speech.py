"""fastrtc.text_to_speech: the real eSpeak, and a stand-in of Kokoro."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc.errors import (
    ConfigurationError,
    MissingExtraError,
    ModelUnavailableError,
)
from fastrtc.text_to_speech import (
    EspeakTTSModel,
    EspeakTTSOptions,
    KokoroTTSModel,
    KokoroTTSOptions,
    TTSModel,
    get_tts_model,
)
from fastrtc.text_to_speech.blocking import BlockingTTS
from fastrtc.text_to_speech.protocol import TTSAudio, TTSOptions
from fastrtc.text_to_speech.sentences import (
    MAX_CHARS,
    checked_text,
    split_first_clause,
    split_sentences,
)
from tests.support.speech_models import make_kokoro

TEXT = "Hello there. How are you? I am fine!"


# -- sentences ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (TEXT, ["Hello there.", "How are you?", "I am fine!"]),
        ('He said "No!" Then left.', ['He said "No!"', "Then left."]),
        ("Wait... Now (or so.) Go", ["Wait...", "Now (or so.)", "Go"]),
        ("It costs 3.50 today. Fine.", ["It costs 3.50 today.", "Fine."]),
        ("Hi. Dr. Who met J. R. Fox.", ["Hi.", "Dr. Who met J. R. Fox."]),
        ("A title\n\nand its text", ["A title", "and its text"]),
        (
            "\u4f60\u597d\u3002\u518d\u89c1\uff01",
            ["\u4f60\u597d\u3002", "\u518d\u89c1\uff01"],
        ),
        ("", []),
        (" \n ... !? \U0001f600 ", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    """Otherwise the first word is late, or the voice stops after "Dr."."""
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("sentence", "clauses"),
    [
        ("Yes, of course.", ["Yes, of course."]),
        (
            "If you tell me where you want to go, I can look for the next train there.",
            [
                "If you tell me where you want to go,",
                "I can look for the next train there.",
            ],
        ),
        (
            "Well, in that case there is a lot to be done before anyone may go home.",
            ["Well, in that case there is a lot to be done before anyone may go home."],
        ),
        (
            "That is 1,250,000 euros, and 12:30 is the time at which it is to be paid.",
            [
                "That is 1,250,000 euros,",
                "and 12:30 is the time at which it is to be paid.",
            ],
        ),
        (
            "The weather is going to change tonight \u2014 so better take a coat.",
            ["The weather is going to change tonight \u2014", "so better take a coat."],
        ),
    ],
)
def test_first_clauses(sentence: str, clauses: list[str]) -> None:
    """Otherwise a long first sentence is waited for, or a short one is chopped."""
    assert split_first_clause(sentence) == clauses


@given(st.text(max_size=2_000) | st.text("a ,.\n\u2014!?", max_size=2_000))
def test_nothing_to_say_is_lost(text: str) -> None:
    """Otherwise the voice swallows words."""
    sentences = split_sentences(text)
    assert all(len(sentence) <= MAX_CHARS for sentence in sentences)
    spoken = "".join(
        piece for sentence in sentences for piece in split_first_clause(sentence)
    )
    assert _letters(spoken) == _letters(checked_text(text))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@pytest.mark.parametrize("unit", ["word ", "Dr. ", " ", "\n", "a, ", ".", "Hm! ", "x"])
def test_a_very_long_text_is_cut_quickly(unit: str) -> None:
    """Otherwise a runaway language model freezes every session of the process."""
    begun_s = time.process_time()
    sentences = split_sentences(unit * 200_000)
    assert time.process_time() - begun_s < 5
    assert all(len(sentence) <= MAX_CHARS for sentence in sentences)


# -- streaming ------------------------------------------------------------------


class Recorder(BlockingTTS[TTSOptions]):
    """Says each text as as many samples as it has characters."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.threads: list[int] = []

    def tts(self, text: str, options: TTSOptions | None = None) -> TTSAudio:
        self.texts.append(text)
        self.threads.append(threading.get_ident())
        return 700, np.ones(len(text), np.int16)


def test_the_first_sentence_is_out_before_the_second_is_made() -> None:
    """Otherwise the user waits for the whole text."""
    model = Recorder()
    stream = model.stream_tts_sync(TEXT)
    sample_rate_hz, samples = next(stream)
    assert (sample_rate_hz, samples.size) == (700, len("Hello there."))
    assert model.texts == ["Hello there."]
    assert not next(stream)[1].any()  # a breath of a seventh of a second
    sizes = [12, 100, 12, 100, 10]
    assert [part.size for _, part in model.stream_tts_sync(TEXT)] == sizes


async def test_the_event_loop_is_free_while_a_sentence_is_made() -> None:
    """Otherwise all other sessions stand still while one speaks."""
    model = Recorder()
    sync = [samples.tolist() for _, samples in model.stream_tts_sync(TEXT)]
    model.threads.clear()
    parts = [samples.tolist() async for _, samples in model.stream_tts(TEXT)]
    assert parts == sync
    assert threading.get_ident() not in model.threads


async def test_an_interrupted_reply_makes_no_further_sentence() -> None:
    """Otherwise the CPU goes on with what nobody will hear."""
    model = Recorder()
    stream = model.stream_tts(TEXT)
    await stream.__anext__()
    await stream.aclose()
    assert model.texts == ["Hello there."]


async def test_a_cancelled_reply_makes_no_further_sentence() -> None:
    """Otherwise an interruption while a sentence is made lets the rest be made too."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Recorder):
        def tts(self, text: str, options: TTSOptions | None = None) -> TTSAudio:
            begun.set()
            assert go_on.wait(10)
            return super().tts(text, options)

    model = Slow()

    async def reply() -> None:
        async for _ in model.stream_tts(TEXT):
            pytest.fail("the sentence was not dropped")

    task = asyncio.create_task(reply())
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.to_thread(lambda: None)
    assert model.texts in ([], ["Hello there."])


def test_a_closed_reply_makes_no_further_sentence() -> None:
    """Otherwise the CPU goes on with what nobody will hear."""
    model = Recorder()
    stream = model.stream_tts_sync(TEXT)
    next(stream)
    stream.close()
    assert model.texts == ["Hello there."]


@pytest.mark.parametrize("text", [None, 5, b"Hello", ["Hello"]])
async def test_what_is_no_text_is_told(text: Any) -> None:
    """Otherwise the empty answer of a language model is a trace from inside a voice."""
    model = EspeakTTSModel()
    with pytest.raises(ConfigurationError, match="speaks a string"):
        model.tts(text)
    with pytest.raises(ConfigurationError, match="speaks a string"):
        list(model.stream_tts_sync(text))
    with pytest.raises(ConfigurationError, match="speaks a string"):
        await anext(model.stream_tts(text))


def test_the_synchronous_form_opens_no_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise each reply leaves an open event loop behind."""

    def no_loop() -> asyncio.AbstractEventLoop:
        raise AssertionError("an event loop was opened")

    monkeypatch.setattr(asyncio, "new_event_loop", no_loop)
    assert len(list(EspeakTTSModel().stream_tts_sync(TEXT))) == 5


# -- eSpeak ---------------------------------------------------------------------


def test_espeak_speaks() -> None:
    """Otherwise demos and tests without a download are silent."""
    sample_rate_hz, samples = EspeakTTSModel().tts("Hello, how are you today?")
    assert (sample_rate_hz, samples.dtype, samples.ndim) == (22_050, np.int16, 1)
    assert 0.8 < samples.size / sample_rate_hz < 3
    assert np.abs(samples.astype(int)).max() > 5_000
    spectrum = np.abs(np.fft.rfft(samples))
    hz = np.fft.rfftfreq(samples.size, 1 / sample_rate_hz)
    assert 80 < hz[spectrum.argmax()] < 1_500  # a voice, not noise or a hum


def test_espeak_options_are_heard() -> None:
    """Otherwise options are accepted and do nothing."""
    model = EspeakTTSModel()
    said = {
        name: model.tts("Good morning to you", options)[1]
        for name, options in {
            "plain": EspeakTTSOptions(),
            "fast": EspeakTTSOptions(speed_wpm=350),
            "high": EspeakTTSOptions(pitch=99),
            "german": EspeakTTSOptions(voice="de"),
            "british": EspeakTTSOptions(voice="en-gb"),
        }.items()
    }
    assert said["fast"].size < 0.7 * said["plain"].size
    for name in ("high", "german", "british"):
        assert said[name].tobytes() != said["plain"].tobytes()
    # Nothing is carried over. No two times are quite the same: the voice flutters.
    again = model.tts("Good morning to you", EspeakTTSOptions())[1]
    assert again.size == pytest.approx(said["plain"].size, rel=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EspeakTTSOptions(voice="elvish"), "elvish"),
        (EspeakTTSOptions(voice=""), "no voice"),
        (EspeakTTSOptions(speed_wpm=0), "80 to 450"),
        (EspeakTTSOptions(pitch=100), "0 to 99"),
        (EspeakTTSOptions(pitch=cast("int", None)), "not None"),
        (EspeakTTSOptions(speed_wpm=cast("int", 175.5)), "whole number"),
    ],
)
def test_espeak_says_which_option_is_wrong(
    options: EspeakTTSOptions, message: str
) -> None:
    """Otherwise a wrong option gives another voice, or silence."""
    model = EspeakTTSModel()
    with pytest.raises(ConfigurationError, match=message):
        model.tts("Hello", options)
    assert model.tts("Hello")[1].size  # and the model is usable afterwards


def test_espeak_takes_any_text() -> None:
    """Otherwise what a language model writes can crash the process."""
    model = EspeakTTSModel()
    for nothing in ("", "  \n", "...", "\U0001f600"):
        assert model.tts(nothing)[1].shape == (0,)
        assert not list(model.stream_tts_sync(nothing))
    plain = model.tts("one two three four five")[1].size
    for text in (
        "one two\0three four five",
        "<b>one two three four five</b>",
        "one \U0001f600 two three \ud83d four five",
    ):
        assert model.tts(text)[1].size > 0.8 * plain


def test_espeak_in_many_threads_says_what_it_says_in_one() -> None:
    """Otherwise sessions that speak at once hear each other's words."""
    texts = [" ".join(["word"] * count) for count in range(1, 17)]

    def length(text: str) -> int:
        voice = "en-us" if len(text) % 2 else "de"
        return EspeakTTSModel().tts(text, EspeakTTSOptions(voice))[1].size

    alone = [length(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(length, texts))
    # A word more or less is over 5,000 samples.
    assert together == pytest.approx(alone, abs=1_000)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise users don't know what to install."""
    from fastrtc.text_to_speech.espeak_library import EspeakLibrary

    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setitem(sys.modules, "kokoro_onnx", None)
    with pytest.raises(MissingExtraError, match=r"fastrtc\[tts\]"):
        EspeakLibrary()
    with pytest.raises(MissingExtraError, match=r"fastrtc\[tts\]"):
        get_tts_model("kokoro")


def test_an_espeak_library_of_another_platform_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Otherwise a wrong wheel shows as an error of the dynamic linker."""
    from fastrtc.text_to_speech.espeak_library import EspeakLibrary

    loader: Any = types.ModuleType("espeakng_loader")
    loader.get_library_path = lambda: str(tmp_path / "libespeak-ng.so")
    monkeypatch.setitem(sys.modules, "espeakng_loader", loader)
    with pytest.raises(ModelUnavailableError, match="Reinstall espeakng-loader"):
        EspeakLibrary()


# -- by name --------------------------------------------------------------------


def test_a_model_is_loaded_once() -> None:
    """Otherwise every session loads 300 MB."""
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(get_tts_model, "espeak") for _ in range(8)]
    assert len({id(call.result()) for call in calls}) == 1
    one, same = (get_tts_model("cartesia", cartesia_api_key="k") for _ in range(2))
    other = get_tts_model("cartesia", cartesia_api_key="k2")
    assert one is same
    assert one is not other


def test_a_key_for_another_model_does_not_matter() -> None:
    """Otherwise programs that let their user choose the voice break."""
    model: TTSModel[EspeakTTSOptions] = get_tts_model("espeak", cartesia_api_key="k")
    assert model.tts("Hello")[0] == 22_050


def test_a_wrong_name_is_told() -> None:
    """Otherwise a typing error gives a voice that was not meant."""
    wrong: Any = "cocoro"
    with pytest.raises(ValueError, match="kokoro"):
        get_tts_model(wrong)


# -- Kokoro ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def kokoro_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stand-ins for Kokoro's files."""
    return make_kokoro(tmp_path_factory.mktemp("kokoro"))


@pytest.fixture
def kokoro(kokoro_files: Path) -> KokoroTTSModel:
    return KokoroTTSModel(models_dir=kokoro_files)


def test_kokoro_speaks(kokoro: KokoroTTSModel) -> None:
    """Otherwise the default voice is silent."""
    sample_rate_hz, samples = kokoro.tts(TEXT)
    assert (sample_rate_hz, samples.dtype, samples.ndim) == (24_000, np.float32, 1)
    assert samples.size > 600 * 20
    np.testing.assert_allclose(samples[: 600 * 20], 0.25)
    for nothing in ("", "  \n", "...", "\U0001f600 \U0001f680"):
        assert kokoro.tts(nothing)[1].shape == (0,)
        assert not list(kokoro.stream_tts_sync(nothing))


def test_kokoro_begins_with_a_clause(kokoro: KokoroTTSModel) -> None:
    """Otherwise the user waits for seconds when a reply begins with a long sentence."""
    first, second = (
        "If you tell me where you want to go,",
        "I can look for the next train there.",
    )
    text = f"{first} {second} {first} {second}"
    heard = [samples for _, samples in kokoro.stream_tts_sync(text)]
    expected = (first, None, second, None, f"{first} {second}")
    assert len(heard) == len(expected)
    for samples, piece in zip(heard, expected, strict=True):
        if piece is None:
            assert not samples.any()
        else:
            np.testing.assert_array_equal(samples, kokoro.tts(piece)[1])
    assert heard[1].size < heard[3].size  # the pause within a sentence is shorter


def test_kokoro_speaks_long_texts(kokoro: KokoroTTSModel) -> None:
    """Otherwise a text of more phonemes than the model takes ends the reply."""
    text = "one two three four " * 100
    short = kokoro.tts("one two three four")[1].size
    assert kokoro.tts(text)[1].size > 90 * short
    parts = [samples for _, samples in kokoro.stream_tts_sync(text)]
    assert len(parts) > 7  # each can be interrupted
    assert sum(samples.any() * samples.size for samples in parts) > 90 * short


def test_kokoro_in_many_threads_says_what_it_says_in_one(
    kokoro: KokoroTTSModel,
) -> None:
    """Otherwise sessions that speak at once get each other's words, or crash."""
    texts = [" ".join(["word"] * count) for count in range(1, 17)]

    def length(text: str) -> int:
        lang = "en-us" if len(text) % 2 else "en-gb"
        return kokoro.tts(text, KokoroTTSOptions(lang=lang))[1].size

    alone = [length(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(length, texts)) == alone


async def test_kokoro_streams_sentences(kokoro: KokoroTTSModel) -> None:
    """Otherwise the user waits for the whole text."""
    sync = [samples for _, samples in kokoro.stream_tts_sync(TEXT)]
    parts = [samples async for _, samples in kokoro.stream_tts(TEXT)]
    assert [samples.any() for samples in parts] == [True, False, True, False, True]
    for one, other in zip(sync, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_kokoro_options_are_heard(kokoro: KokoroTTSModel) -> None:
    """Otherwise options are accepted and do nothing."""
    options = KokoroTTSOptions(voice="loud", speed=2.0, lang="en-gb")
    np.testing.assert_allclose(kokoro.tts("Hello there", options)[1], 0.25)
    with pytest.raises(ConfigurationError, match="af_heart"):
        kokoro.tts("Hello", KokoroTTSOptions(voice="af_nobody"))
    with pytest.raises(ConfigurationError, match=r"0\.5 to 2\.0"):
        kokoro.tts("Hello", KokoroTTSOptions(speed=3))
    with pytest.raises(ConfigurationError, match="not nan"):
        kokoro.tts("Hello", KokoroTTSOptions(speed=float("nan")))
    with pytest.raises(ConfigurationError, match='language "elvish"'):
        kokoro.tts("Hello", KokoroTTSOptions(lang="elvish"))
    french = KokoroTTSOptions(lang="fr-fr")
    assert kokoro.tts("Hello there", french)[1].size  # and works afterwards


def test_kokoro_is_loaded_once_by_name(kokoro_files: Path) -> None:
    """Otherwise every session loads 300 MB."""
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(get_tts_model, "kokoro", models_dir=kokoro_files)
            for _ in range(8)
        ]
    assert len({id(call.result()) for call in calls}) == 1


@pytest.mark.parametrize("threads", [0, -2, 1.5, "2"])
def test_threads_that_make_no_sense_are_told(threads: Any) -> None:
    """Otherwise 0 takes every core, and burns them while nobody speaks."""
    with pytest.raises(ConfigurationError, match="threads is a whole number"):
        KokoroTTSModel(threads=threads)

"""fastrtc.text_to_speech: the real eSpeak, and a stand-in of Kokoro."""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
from fastrtc.text_to_speech.sentences import split_sentences

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
    for text in ("one two\0three four five", "<b>one two three four five</b>"):
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
    """Stand-ins for Kokoro's files: 600 samples a phoneme, as loud as the style."""
    onnx: Any = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("kokoro")
    h, f32 = onnx.helper, onnx.TensorProto.FLOAT
    info = h.make_tensor_value_info
    samples = onnx.numpy_helper.from_array(np.array([600]), "samples")
    graph = h.make_graph(
        [
            h.make_node("Shape", ["tokens"], ["shape"], start=1),
            h.make_node("Mul", ["shape", "samples"], ["length"]),
            h.make_node("ReduceMax", ["style"], ["level"], keepdims=0),
            h.make_node("Div", ["level", "speed"], ["loudness"]),
            h.make_node("Expand", ["loudness", "length"], ["audio"]),
        ],
        "kokoro",
        [
            info("tokens", onnx.TensorProto.INT64, [1, "n"]),
            info("style", f32, [1, 256]),
            info("speed", f32, [1]),
        ],
        [info("audio", f32, ["m"])],
        [samples],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / "kokoro-v1.0.onnx"))
    voices: dict[str, Any] = {
        "af_heart": np.full((510, 1, 256), 0.25, np.float32),
        "loud": np.full((510, 1, 256), 0.5, np.float32),
    }
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, **voices)
    return folder


@pytest.fixture
def kokoro(kokoro_files: Path) -> KokoroTTSModel:
    pytest.importorskip("kokoro_onnx")
    return KokoroTTSModel(models_dir=kokoro_files)


def test_kokoro_speaks(kokoro: KokoroTTSModel) -> None:
    """Otherwise the default voice is silent."""
    sample_rate_hz, samples = kokoro.tts(TEXT)
    assert (sample_rate_hz, samples.dtype, samples.ndim) == (24_000, np.float32, 1)
    assert samples.size > 600 * 20
    np.testing.assert_allclose(samples[: 600 * 20], 0.25)
    assert kokoro.tts("...")[1].shape == (0,)


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


def test_kokoro_is_loaded_once_by_name(kokoro_files: Path) -> None:
    """Otherwise every session loads 300 MB."""
    pytest.importorskip("kokoro_onnx")
    model = get_tts_model("kokoro", models_dir=kokoro_files)
    assert get_tts_model("kokoro", models_dir=kokoro_files) is model

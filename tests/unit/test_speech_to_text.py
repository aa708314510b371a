"""fastrtc.speech_to_text: Moonshine on stand-ins for its weights."""

from __future__ import annotations

import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastrtc._hub import open_session
from fastrtc.errors import ConfigurationError, MissingExtraError, ModelUnavailableError
from fastrtc.speech_to_text import MoonshineSTT, get_stt_model, stt_for_chunks
from fastrtc.speech_to_text.moonshine_graph import DecoderLayout, MoonshineGraph
from fastrtc.speech_to_text.pieces import split_at_quiet
from tests.support.speech_models import (
    BASE,
    TINY,
    make_moonshine,
    tone,
    words_library,
)

HZ = 16_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with stand-ins for the weights of moonshine/tiny."""
    return make_moonshine(tmp_path_factory.mktemp("moonshine"))


@pytest.fixture
def tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stt extra's library with a tokenizer that writes tokens as words."""
    monkeypatch.setitem(sys.modules, "moonshine_onnx", words_library())


@pytest.fixture
def model(weights: Path, tokenizer: None) -> MoonshineSTT:
    return MoonshineSTT("moonshine/tiny", models_dir=weights)


# -- transcribing ---------------------------------------------------------------


def test_a_clip_becomes_its_words(model: MoonshineSTT) -> None:
    """Otherwise the agent hears something else than what was said."""
    assert model.stt((HZ, tone(0.3, 2.0))) == "w3 w4 w5"
    assert model.stt((HZ, tone(0.5, 2.0))) == "w3 w4 w5 w6 w7"


@pytest.mark.parametrize("sample_rate_hz", [8_000, 16_000, 24_000, 48_000])
def test_every_form_of_audio_is_taken(model: MoonshineSTT, sample_rate_hz: int) -> None:
    """Otherwise audio that a handler receives has to be converted first."""
    mono = tone(0.3, 1.0, sample_rate_hz)
    int16 = (mono * 32767).astype(np.int16)
    for array in (mono, mono[None], np.stack([mono, mono]), int16, int16[None]):
        assert model.stt((sample_rate_hz, array)) == "w3 w4 w5"


def test_audio_too_short_for_a_word_gives_no_text(model: MoonshineSTT) -> None:
    """Otherwise a click at the microphone ends the reply with an exception."""
    assert model.stt((HZ, np.zeros(0, np.int16))) == ""
    assert model.stt((48_000, np.zeros((1, 0), np.int16))) == ""
    assert model.stt((HZ, tone(0.3, 0.05))) == ""


def test_a_clip_of_over_a_minute_is_transcribed_whole(model: MoonshineSTT) -> None:
    """Otherwise long dictations fail or lose their end."""
    loud, quiet = tone(0.2, 24.0), np.zeros(2 * HZ, np.float32)
    clip = np.concatenate([loud, quiet, loud, quiet, loud])
    assert model.stt((HZ, clip)) == "w3 w4 w3 w4 w3 w4"


def test_a_model_that_repeats_itself_is_stopped(model: MoonshineSTT) -> None:
    """Otherwise noise of half a second becomes a page of the same word."""
    words = model.stt((HZ, tone(0.9, 0.5))).split()
    assert len(words) == 4  # of 9: half a second has room for no more


def test_cuts_are_made_where_it_is_quiet() -> None:
    """Otherwise words at the cuts of a long clip are lost."""
    clip = np.ones(10 * HZ, np.float32)
    clip[int(3.2 * HZ) : int(3.5 * HZ)] = 0.01
    pieces = split_at_quiet(clip, 4 * HZ, 2 * HZ)
    assert 3.2 * HZ <= pieces[0].size <= 3.5 * HZ
    assert max(piece.size for piece in pieces) <= 4 * HZ
    np.testing.assert_array_equal(np.concatenate(pieces), clip)


@pytest.mark.parametrize(("size", "layout"), [("tiny", TINY), ("base", BASE)])
def test_the_library_and_this_decoder_agree(
    size: str, layout: DecoderLayout, tmp_path: Path
) -> None:
    """Otherwise words differ from those of Moonshine's own decoder."""
    folder = make_moonshine(tmp_path, layout)
    library: Any = importlib.import_module("moonshine_onnx")
    theirs = library.MoonshineOnnxModel(models_dir=str(folder), model_name=size)
    ours = MoonshineGraph(
        open_session(folder / "encoder_model.onnx", 1),
        open_session(folder / "decoder_model_merged.onnx", 1),
        layout,
    )
    for peak in (0.0, 0.1, 0.7):
        audio = tone(peak, 1.0)[None]
        assert ours.generate(audio) == theirs.generate(audio)
    assert library.load_tokenizer().decode_batch([[1, 2]]) == [""]


def test_silence_has_no_words(
    model: MoonshineSTT, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the model makes words up where nobody spoke."""
    monkeypatch.setattr(model.model, "generate", None)
    for silence in (np.zeros(HZ, np.int16), tone(0.0009, 2.0)):
        assert model.stt((HZ, silence)) == ""


def test_the_longest_clip_of_the_model_is_not_cut(
    model: MoonshineSTT, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a long sentence loses its context though the model could take it."""
    model.warmup()
    clips: list[int] = []
    generate = model.model.generate

    def count(audio: Any, max_len: int | None = None) -> list[list[int]]:
        clips.append(audio.shape[1])
        return generate(audio, max_len)

    monkeypatch.setattr(model.model, "generate", count)
    model.stt((HZ, tone(0.2, 63.9)))
    model.stt((HZ, tone(0.2, 70.0)))
    assert clips[0] == int(63.9 * HZ)
    assert len(clips) == 4
    assert max(clips[1:]) <= 30 * HZ
    assert sum(clips[1:]) == 70 * HZ


def test_chunks_are_joined(model: MoonshineSTT) -> None:
    """Otherwise stop words are looked for in the silence between the words too."""
    clip = np.concatenate([tone(0.1, 1.0), np.zeros(HZ, np.float32), tone(0.2, 1.0)])
    chunks: Any = [
        {"start": 0, "end": HZ},
        {"start": HZ, "end": 2 * HZ},
        {"start": 2 * HZ, "end": 3 * HZ},
    ]
    for array in (clip, clip[None]):
        assert stt_for_chunks(model, (HZ, array), chunks) == "w3 w3 w4"


# -- loading --------------------------------------------------------------------


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", None])
def test_threads_that_make_no_sense_are_told(threads: Any) -> None:
    """Otherwise 0 takes every core, and burns them while nobody speaks."""
    with pytest.raises(ConfigurationError, match="threads is a whole number"):
        MoonshineSTT("moonshine/tiny", threads=threads)


def test_threads_are_pinned_and_do_not_spin(weights: Path) -> None:
    """Otherwise a listening session burns a core while it waits."""
    session: Any = open_session(weights / "encoder_model.onnx", 1)
    options = session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.inter_op_num_threads == 1
    key = "session.intra_op.allow_spinning"
    assert options.get_session_config_entry(key) == "0"


def test_many_threads_are_heard_as_one_is(model: MoonshineSTT) -> None:
    """Otherwise sessions that are transcribed at once get each other's words."""
    peaks = [0.1, 0.2, 0.3, 0.4, 0.5] * 8

    def words(peak: float) -> int:
        return len(model.stt((HZ, tone(peak, 2.0))).split())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(words, peaks)) == [round(10 * peak) for peak in peaks]


def test_a_model_is_loaded_once(weights: Path, tokenizer: None) -> None:
    """Otherwise every session costs seconds and 250 MB."""
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(get_stt_model, "moonshine/tiny", models_dir=weights)
            for _ in range(8)
        ]
    assert len({id(call.result()) for call in calls}) == 1


def test_a_wrong_name_is_told() -> None:
    """Otherwise a typing error shows as a failed download."""
    wrong: Any = "moonshine/huge"
    with pytest.raises(ConfigurationError, match="moonshine/base"):
        MoonshineSTT(wrong)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise users don't know what to install."""
    monkeypatch.setitem(sys.modules, "moonshine_onnx", None)
    with pytest.raises(MissingExtraError, match=r"fastrtc\[stt\]"):
        get_stt_model()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Otherwise a half download is an unreadable error until it is found by hand."""
    path = tmp_path / "encoder_model.onnx"
    path.write_bytes(b"<html>")
    with pytest.raises(ModelUnavailableError, match=r"encoder_model\.onnx"):
        open_session(path, 1)

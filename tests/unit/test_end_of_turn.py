"""fastrtc.end_of_turn: the real weights on real (synthetic) speech."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastrtc import get_tts_model
from fastrtc.audio import resample
from fastrtc.end_of_turn import EndOfTurnModel, SmartTurnModel, get_smart_turn_model
from fastrtc.end_of_turn.smart_turn import _open_session
from fastrtc.errors import ConfigurationError, ModelUnavailableError

pytest.importorskip("espeakng_loader")

# The model is far from sure about eSpeak's intonation; of these two it is.
FINISHED = "Please call me tomorrow."
UNFINISHED = "My number is five five five, one two three four."


@lru_cache
def spoken(text: str) -> Any:
    """A sentence: int16 (samples,) at 16 kHz, without silence around it."""
    from_hz, audio = get_tts_model("espeak").tts(text)
    pcm = resample(np.asarray(audio, np.int16).reshape(1, -1), from_hz, 16_000)[0]
    loud = np.flatnonzero(np.abs(pcm) > np.abs(pcm).max() / 30)
    return pcm[loud[0] : loud[-1] + 1]


def paused(speech: Any, pause_ms: int = 200) -> Any:
    """Speech and a pause in a quiet room: int16 (1, samples)."""
    noise = np.random.default_rng(0).normal(0, 20, 16 * pause_ms).astype(np.int16)
    return np.concatenate((speech, noise))[None, :]


def first_clause(text: str) -> Any:
    """What is spoken of a text before the gap at its comma."""
    speech = spoken(text)
    hops = np.abs(speech[: speech.size // 160 * 160]).reshape(-1, 160).max(axis=1)
    quiet = hops < hops.max() / 30
    gaps = [i for i in range(30, quiet.size - 8) if quiet[i : i + 8].all()]
    return speech[: gaps[0] * 160]


def test_one_model_for_the_process() -> None:
    """Lost otherwise: each session would load the weights again."""
    models: list[SmartTurnModel] = []
    threads = [
        threading.Thread(target=lambda: models.append(get_smart_turn_model()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {id(model) for model in models} == {id(get_smart_turn_model())}
    assert isinstance(models[0], EndOfTurnModel)


def test_a_finished_sentence_and_an_unfinished_clause_are_told_apart() -> None:
    """Lost otherwise: the bot would wait after a sentence, or speak into a pause."""
    model = get_smart_turn_model()
    assert model.end_of_turn((16_000, paused(spoken(FINISHED)))) > 0.7
    assert model.end_of_turn((16_000, paused(first_clause(UNFINISHED)))) < 0.3


@pytest.mark.parametrize("rate_hz", [24_000, 44_100, 48_000])
def test_any_rate(rate_hz: int) -> None:
    """Lost otherwise: turns from a browser would be misjudged."""
    model = get_smart_turn_model()
    for clip, low, high in (
        (paused(spoken(FINISHED)), 0.7, 1),
        (paused(first_clause(UNFINISHED)), 0, 0.3),
    ):
        p = model.end_of_turn((rate_hz, resample(clip, 16_000, rate_hz)))
        assert low <= p <= high


def test_every_form_of_a_clip() -> None:
    """Lost otherwise: programs that ask the model themselves would get an error."""
    model = get_smart_turn_model()
    clip = paused(spoken(FINISHED))
    expected = model.end_of_turn((16_000, clip))
    forms: list[Any] = [
        clip[0],
        np.concatenate((clip, clip)),
        clip.astype(np.float32) / 32768,
    ]
    for form in forms:
        assert model.end_of_turn((16_000, form)) == pytest.approx(expected, abs=1e-4)


def test_only_the_last_four_seconds_count() -> None:
    """Lost otherwise: a long turn would cost more, or be judged by its beginning."""
    model = get_smart_turn_model()
    turn = np.tile(paused(spoken(FINISHED)), 3)
    assert turn.shape[1] > 4 * 16_000
    longer = np.concatenate((paused(first_clause(UNFINISHED)), turn), axis=1)
    assert model.end_of_turn((16_000, longer)) == model.end_of_turn((16_000, turn))


@pytest.mark.parametrize("size", [0, 1, 160, 16_000, 200_000])
def test_silence_of_any_length_has_a_probability(size: int) -> None:
    """Lost otherwise: a turn that a click started could never be judged."""
    p = get_smart_turn_model().end_of_turn((16_000, np.zeros((1, size), np.int16)))
    assert 0 <= p <= 1
    assert size or p == 0


def test_nan_is_silence() -> None:
    """Lost otherwise: one bad sample would make the probability NaN."""
    clip = paused(spoken(FINISHED)).astype(np.float32) / 32768
    clip[0, -1600:] = np.nan
    silent = np.nan_to_num(clip)
    model = get_smart_turn_model()
    assert model.end_of_turn((16_000, clip)) == model.end_of_turn((16_000, silent))


@pytest.mark.parametrize(
    ("rate_hz", "array"),
    [
        (16_000, np.zeros((1, 8), np.float64)),
        (16_000, np.zeros((1, 8), np.int32)),
        (16_000, np.zeros((1, 1, 8), np.int16)),
        (0, np.zeros((1, 8), np.int16)),
    ],
    ids=["float64", "int32", "3d", "no rate"],
)
def test_what_is_no_audio_is_refused(rate_hz: int, array: Any) -> None:
    """Lost otherwise: a wrong scale would be judged as if it were speech."""
    with pytest.raises(ConfigurationError, match=r"int16 or float32|sample rate"):
        get_smart_turn_model().end_of_turn((rate_hz, array))


def test_missing_weights_are_named(tmp_path: Path) -> None:
    """Lost otherwise: a broken installation would fail with an ONNX error."""
    with pytest.raises(ModelUnavailableError, match=r"smart_turn\.onnx"):
        _open_session(tmp_path / "smart_turn.onnx")


@pytest.mark.parametrize("data", [b"", b"no model", b"\x0a\xff", b"\x3a\x00"])
def test_damaged_weights_are_named(data: bytes, tmp_path: Path) -> None:
    """Lost otherwise: a broken download would fail with an error about graphs."""
    file = tmp_path / "smart_turn.onnx"
    file.write_bytes(data)
    with pytest.raises(ModelUnavailableError, match=r"smart_turn\.onnx is damaged"):
        _open_session(file)

"""What `stt` does with audio of every kind, good and bad."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastrtc.errors import ConfigurationError
from fastrtc.speech_to_text import MoonshineSTT
from tests.support.speech_models import make_moonshine, tone, words_library

HZ = 16_000
MONO = tone(0.3, 1.0)
"""Three words."""
INT16 = (MONO * 32767).astype(np.int16)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_moonshine(tmp_path_factory.mktemp("moonshine"))


@pytest.fixture
def model(weights: Path, monkeypatch: pytest.MonkeyPatch) -> MoonshineSTT:
    monkeypatch.setitem(sys.modules, "moonshine_onnx", words_library())
    return MoonshineSTT("moonshine/tiny", models_dir=weights)


@pytest.mark.parametrize(
    "array",
    [
        INT16,
        INT16[None],
        INT16.astype(np.int64)[None],
        INT16.astype(np.int32),
        INT16.astype(">i2"),
        INT16.tolist(),
        np.stack([INT16, INT16]),
        np.asfortranarray(np.stack([INT16, INT16])),
        MONO,
        MONO.astype(np.float64),
        MONO.astype(np.float16),
        MONO.tolist(),
        MONO[::-1],
        np.where(np.arange(HZ) == 7, np.nan, MONO),
    ],
    ids=lambda array: f"{getattr(array, 'dtype', 'list')}",
)
def test_audio_in_any_form_with_one_meaning_is_heard(
    model: MoonshineSTT, array: Any
) -> None:
    """Otherwise a model's or a library's array must be converted by trial and error."""
    assert model.stt((HZ, array)) == "w3 w4 w5"


@pytest.mark.parametrize("rate", [16_000, np.int64(16_000), 16_000.0])
def test_a_rate_of_any_number_type_is_taken(model: MoonshineSTT, rate: Any) -> None:
    """Otherwise a rate read from a file's header by numpy is refused."""
    assert model.stt((rate, INT16)) == "w3 w4 w5"


def test_clipped_audio_is_heard(model: MoonshineSTT) -> None:
    """Otherwise a loud user ends the turn with an exception."""
    loud = 5 * np.sin(2 * np.pi * 440 * np.arange(2 * HZ) / HZ)
    for array in (loud, np.sign(loud), np.where(loud > 4.9, np.inf, loud)):
        assert len(model.stt((HZ, array)).split()) == 10


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(0, np.int16),
        np.zeros((1, 0), np.float32),
        np.zeros((0, 480), np.int16),
        [],
        np.zeros(HZ, np.int16),
        np.full(HZ, np.nan, np.float32),
        np.zeros((1, 5), np.int64),
    ],
    ids=["none", "no samples", "no channels", "[]", "silence", "NaN", "0.3 ms"],
)
def test_no_sound_is_no_text(model: MoonshineSTT, array: Any) -> None:
    """Otherwise a muted microphone makes the bot answer or fail."""
    assert model.stt((HZ, array)) == ""


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (None, r"\(sample_rate, array\), not a NoneType"),
        (INT16, r"\(sample_rate, array\), not a ndarray"),
        ("hello.wav", r"\(sample_rate, array\), not a str"),
        ((HZ, INT16, "mono"), r"\(sample_rate, array\)"),
        ((INT16, HZ), "in this order"),
        ((0, INT16), "not 0"),
        ((-16_000, INT16), "not -16000"),
        ((float("nan"), INT16), "not nan"),
        ((10**9, INT16), "whole number"),
        ((16_000.5, INT16), "whole number"),
        (("16000", INT16), "not a str"),
        ((True, INT16), "not a bool"),
        ((HZ, "hello"), r"not \(\)"),
        ((HZ, b"\0\0"), r"not \(\)"),
        ((HZ, None), r"not \(\)"),
        ((HZ, ["a", "b"]), "not <U1"),
        ((HZ, np.zeros((1, 1, HZ), np.int16)), r"not \(1, 1, 16000\)"),
        ((HZ, INT16[:, None]), r"array\.T"),
        ((HZ, [[1, 2], [3]]), "differ in length"),
        ((HZ, INT16.astype(np.int32) * 65_536), "scale it to int16"),
        ((HZ, MONO * 32_768), "divide by full scale"),
        ((HZ, INT16.astype(np.float64)), "32768"),
        ((HZ, (MONO > 0)), "not bool"),
        ((HZ, (MONO * 100 + 128).astype(np.uint8)), "not uint8"),
        ((HZ, MONO.astype(np.complex64)), "not complex64"),
    ],
)
def test_what_is_no_audio_gets_one_clear_error(
    model: MoonshineSTT, audio: Any, message: str
) -> None:
    """Otherwise a wrong array shows as noise, as no text, or as a resampler's trace."""
    with pytest.raises(ConfigurationError, match=message):
        model.stt(audio)

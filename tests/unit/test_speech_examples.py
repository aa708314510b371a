"""Programs written for FastRTC's speech functions run as they are.

The models' own loading code runs, on stand-ins for the weights that lie where a user
without a network would put them, with the real tokenizer and the real phonemizer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastrtc import KokoroTTSOptions, get_stt_model, get_tts_model
from fastrtc._hub import LoadOnce
from fastrtc.speech_to_text import models as stt_models
from fastrtc.text_to_speech import tts as tts_models
from tests.support.speech_models import BASE, TINY, make_kokoro, make_moonshine


@pytest.fixture(autouse=True)
def placed_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the weights were put by hand, and nothing is loaded."""
    for name, layout in (("base", BASE), ("tiny", TINY)):
        folder = tmp_path / f"UsefulSensors/moonshine/onnx/merged/{name}/float"
        folder.mkdir(parents=True)
        make_moonshine(folder, layout)
    kokoro = tmp_path / "fastrtc/kokoro-onnx"
    kokoro.mkdir(parents=True)
    make_kokoro(kokoro)
    monkeypatch.setenv("FASTRTC_MODELS_DIR", str(tmp_path))
    monkeypatch.setattr(stt_models, "_loaded", LoadOnce[Any]())
    monkeypatch.setattr(tts_models, "_loaded", LoadOnce[Any]())


async def test_the_three_methods_of_a_voice() -> None:
    """Otherwise the documented ways to speak break."""
    model = get_tts_model(model="kokoro")

    def answer() -> Iterator[Any]:
        for audio in model.stream_tts_sync("Hello, world!"):  # noqa: UP028
            yield audio

    async def answer_async() -> AsyncIterator[Any]:
        async for audio in model.stream_tts("Hello, world!"):
            yield audio

    audio = model.tts("Hello, world!")
    for rate, samples in (audio, *answer(), *[part async for part in answer_async()]):
        assert rate == 24_000
        np.testing.assert_array_equal(samples, audio[1])


def test_the_options_of_a_voice() -> None:
    """Otherwise the documented way to choose a voice breaks."""
    model = get_tts_model(model="kokoro")
    options = KokoroTTSOptions(voice="af_heart", speed=1.0, lang="en-us")
    audio = model.tts("Hello, world!", options=options)
    np.testing.assert_array_equal(audio[1], model.tts("Hello, world!")[1])


@pytest.mark.parametrize("name", ["moonshine/base", "moonshine/tiny"])
def test_speech_to_text_of_random_numbers(name: Any) -> None:
    """Otherwise the documented example fails: its array is int64."""
    model = get_stt_model(model=name)
    audio: Any = (16_000, np.random.randint(-32768, 32768, size=(1, 16_000)))
    assert audio[1].dtype != np.int16
    text = model.stt(audio)
    # The peak is full scale, for which the stand-in says tokens 3 to 9; one second
    # has room for seven. The real tokenizer makes its first words of them.
    assert isinstance(text, str)
    tokens = [3, 4, 5, 6, 7, 8, 9]
    assert text == str(model.tokenizer.decode_batch([tokens])[0]).strip()

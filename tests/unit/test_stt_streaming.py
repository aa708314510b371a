"""fastrtc.speech_to_text.streaming: partial texts while the user speaks."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fastrtc.errors import ConfigurationError
from fastrtc.speech_to_text import (
    MoonshineSTT,
    StreamingSTTModel,
    STTModel,
    streaming,
)
from tests.support.speech_models import make_moonshine, tone, words_library

HZ = 8_000
SECOND = np.full(HZ, 1_000, np.int16)


class Seconds:
    """Hears the level of each second of a clip: 1 for 1000, 2 for 2000; 0 is quiet."""

    def __init__(self) -> None:
        self.clips_s: list[float] = []

    def stt(self, audio: tuple[int, NDArray[Any]]) -> str:
        rate_hz, array = audio
        assert array.dtype == np.int16
        assert array.shape[0] == 1
        self.clips_s.append(array.shape[1] / rate_hz)
        levels = array[0, rate_hz // 2 :: rate_hz] // 1_000
        return " ".join(str(level) for level in levels if level)


class AsyncSeconds(Seconds):
    """The same as a service on the event loop."""

    async def stt(  # type: ignore[override]
        self, audio: tuple[int, NDArray[Any]]
    ) -> str:
        await asyncio.sleep(0)
        return Seconds.stt(self, audio)


def _open(model: STTModel, **options: float) -> Any:
    return streaming(model, **options).open_stream(HZ)


def _chunks(samples: NDArray[Any], size: int = 160) -> list[NDArray[Any]]:
    return [samples[at : at + size] for at in range(0, samples.size, size)]


def test_texts_grow_while_the_user_speaks() -> None:
    """Otherwise captions and stop words come only after the pause."""
    stream = _open(Seconds(), stretch_ms=1_000)
    assert stream.push(SECOND) == "1"
    assert stream.push(SECOND * 2) == "1 2"
    assert stream.push(SECOND[:160]) is None
    assert stream.finish() == "1 2"


def test_a_stretch_is_transcribed_once() -> None:
    """Otherwise every 20 ms of audio costs a transcription of everything before it."""
    model = Seconds()
    stream = _open(model, stretch_ms=500)
    for chunk in _chunks(np.tile(SECOND, 3)):
        stream.push(chunk)
    assert model.clips_s == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    # What has been heard is not heard again at the end.
    assert stream.finish() == "1 1 1"
    assert len(model.clips_s) == 6


def test_audio_that_came_while_the_model_was_busy_is_one_stretch() -> None:
    """Otherwise a slow model falls ever further behind the user."""
    model = Seconds()
    stream = _open(model, stretch_ms=500)
    stream.push(np.tile(SECOND, 3))
    assert model.clips_s == [3.0]


def test_an_unchanged_text_is_not_told_again() -> None:
    """Otherwise each breath of silence runs the code that reads the text."""
    stream = _open(Seconds(), stretch_ms=1_000)
    assert stream.push(SECOND) == "1"
    assert stream.push(SECOND * 0) is None
    assert stream.push(SECOND) == "1 1"


def test_a_long_utterance_is_settled_at_its_pauses() -> None:
    """Otherwise each text of a long dictation costs more than the one before."""
    model = Seconds()
    stream = _open(model, stretch_ms=1_000, window_s=6)
    said = [1, 2, 3, 0, 5, 6, 7, 0, 9, 1, 2, 0, 4, 5, 6, 7]
    last = ""
    for level in said:
        for chunk in _chunks(SECOND * level):
            last = stream.push(chunk) or last
    expected = " ".join(str(level) for level in said if level)
    assert last == expected
    assert stream.finish() == expected
    assert max(model.clips_s) <= 6.0


async def test_an_asynchronous_model_streams_too() -> None:
    """Otherwise cloud services can't give partial texts."""
    stream = _open(AsyncSeconds(), stretch_ms=1_000, window_s=3)
    texts = [await stream.push(SECOND * level) for level in (1, 0, 3, 0, 5)]
    assert texts == ["1", None, "1 3", None, "1 3 5"]
    await stream.push(SECOND[: HZ // 4])
    assert await stream.finish() == "1 3 5"


@given(st.lists(st.integers(0, 4_000), max_size=40))
def test_no_sample_is_lost_or_heard_twice(sizes: list[int]) -> None:
    """Otherwise words at the ends of chunks are lost or doubled."""
    heard: list[NDArray[Any]] = []

    class Ear:
        def stt(self, audio: tuple[int, NDArray[Any]]) -> str:
            heard.append(audio[1][0])
            return ""

    samples = (np.arange(sum(sizes)) % 30_000).astype(np.int16)
    stream = _open(Ear(), stretch_ms=100, window_s=1.2)
    at = 0
    for size in sizes:
        stream.push(samples[at : at + size])
        at += size
    stream.finish()
    # A clip goes on where the one before it ended, or begins where that one began.
    position = 0
    end = 0
    for clip in heard:
        if clip[0] != samples[position]:
            position = end
        end = position + clip.size
        np.testing.assert_array_equal(clip, samples[position:end])
    assert end == samples.size


def test_a_model_that_failed_once_can_go_on() -> None:
    """Otherwise one lost request costs the whole utterance."""

    class Flaky(Seconds):
        failing = True

        def stt(self, audio: tuple[int, NDArray[Any]]) -> str:
            if self.failing:
                self.failing = False
                raise RuntimeError("busy")
            return super().stt(audio)

    stream = _open(Flaky(), stretch_ms=1_000)
    with pytest.raises(RuntimeError, match="busy"):
        stream.push(SECOND)
    assert stream.push(SECOND * 2) == "1 2"


def test_every_form_of_samples_is_taken() -> None:
    """Otherwise frames of a handler have to be converted first."""
    stream = _open(Seconds(), stretch_ms=1_000)
    assert stream.push(SECOND[None]) == "1"
    assert stream.push(np.stack([SECOND * 3, SECOND])) == "1 2"
    assert stream.push((SECOND / 32_000).astype(np.float32)) == "1 2 1"
    assert stream.push(np.zeros((1, 0), np.int16)) is None
    with pytest.raises(ConfigurationError, match="not uint8"):
        stream.push(np.zeros(5, np.uint8))


def test_options_that_make_no_sense_are_told() -> None:
    """Otherwise a window shorter than a stretch never ends a cut."""
    with pytest.raises(ConfigurationError, match="stretch_ms"):
        streaming(Seconds(), stretch_ms=0)
    with pytest.raises(ConfigurationError, match="window_s"):
        streaming(Seconds(), stretch_ms=2_000, window_s=2)
    with pytest.raises(ConfigurationError, match="sample rate"):
        streaming(Seconds()).open_stream(0)


def test_moonshine_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the model that comes with the package gives no partial texts."""
    monkeypatch.setitem(sys.modules, "moonshine_onnx", words_library())
    model = MoonshineSTT("moonshine/tiny", models_dir=make_moonshine(tmp_path))
    assert isinstance(model, StreamingSTTModel)
    assert isinstance(streaming(Seconds()), StreamingSTTModel)
    assert not isinstance(Seconds(), StreamingSTTModel)
    stream: Any = model.open_stream(16_000)
    assert stream.push(tone(0.1, 0.6)) == "w3"
    assert stream.push(tone(0.3, 0.6)) == "w3 w4 w5"
    assert stream.finish() == "w3 w4 w5"

"""fastrtc.pause_detection.silero: the real weights on real (synthetic) speech."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    PauseDetectionModel,
    SileroVadOptions,
    get_silero_model,
    get_tts_model,
)
from fastrtc.audio import resample
from fastrtc.errors import ModelUnavailableError
from fastrtc.pause_detection import SileroVADModel, StreamingModel
from fastrtc.pause_detection.silero import SILENT_WINDOWS, WINDOW_MS, _open_session

pytest.importorskip("espeakng_loader")


@lru_cache
def spoken(rate_hz: int = 16_000) -> Any:
    """1 s of silence, a sentence, 1 s of silence: int16 (samples,)."""
    from_hz, audio = get_tts_model("espeak").tts("Good morning, how are you today?")
    pcm = resample(np.asarray(audio, np.int16).reshape(1, -1), from_hz, rate_hz)[0]
    silence = np.zeros(rate_hz, np.int16)
    return np.concatenate((silence, pcm, silence))


def test_one_model_for_the_process() -> None:
    """Lost otherwise: each session would load the weights again."""
    model = get_silero_model()
    assert model is get_silero_model()
    assert isinstance(model, PauseDetectionModel)
    assert isinstance(model, StreamingModel)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
def test_speech_in_a_clip_is_found(rate_hz: int) -> None:
    """Lost otherwise: programs that use vad() themselves would find nothing."""
    clip = spoken(rate_hz)
    seconds, chunks = get_silero_model().vad((rate_hz, clip), SileroVadOptions())
    (chunk,) = chunks
    length_s = clip.size / rate_hz
    assert seconds == pytest.approx((chunk["end"] - chunk["start"]) / rate_hz, abs=0.01)
    # 400 ms of padding at both ends of what begins after 1 s.
    assert 0.5 < chunk["start"] / rate_hz < 0.9
    assert length_s - 0.9 < chunk["end"] / rate_hz < length_s - 0.3


@pytest.mark.parametrize(
    "clip",
    [
        spoken()[None, :],
        np.stack((spoken(), spoken())),
        spoken().astype(np.float32) / 32768,
    ],
    ids=["row", "stereo", "float"],
)
def test_every_form_of_a_clip(clip: Any) -> None:
    """Lost otherwise: the frames handlers get could not be given to vad()."""
    seconds, chunks = get_silero_model().vad((16_000, clip))
    expected = get_silero_model().vad((16_000, spoken()))
    assert chunks == expected[1]
    assert seconds == expected[0]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 16_000])
def test_silence_of_any_length_is_no_speech(size: int) -> None:
    """Lost otherwise: the bot would answer silence."""
    model = get_silero_model()
    assert model.vad((16_000, np.zeros(size, np.int16))) == (0, [])


def test_noise_is_no_speech() -> None:
    """Lost otherwise: a fan would start a conversation."""
    noise = np.random.default_rng(0).normal(0, 1000, 32_000).astype(np.int16)
    assert get_silero_model().vad((16_000, noise))[0] == 0


def test_options_of_a_clip() -> None:
    """Lost otherwise: SileroVadOptions would be accepted and ignored."""
    model = get_silero_model()
    clip = np.concatenate((spoken(), spoken()))
    joined = model.vad((16_000, clip), SileroVadOptions(speech_pad_ms=0))[1]
    assert len(joined) == 1
    apart = SileroVadOptions(speech_pad_ms=0, min_silence_duration_ms=500)
    assert len(model.vad((16_000, clip), apart)[1]) == 2
    deaf = SileroVadOptions(threshold=1.1)
    assert model.vad((16_000, clip), deaf) == (0, [])
    short = SileroVadOptions(min_speech_duration_ms=60_000)
    assert model.vad((16_000, clip), short) == (0, [])
    split = SileroVadOptions(speech_pad_ms=0, max_speech_duration_s=0.5)
    pieces = model.vad((16_000, clip), split)[1]
    assert len(pieces) > 4
    assert max(p["end"] - p["start"] for p in pieces) <= 8000


@pytest.mark.parametrize("chunk", [1, 320, 512, 961])
def test_a_stream_is_judged_the_same_however_it_is_cut(chunk: int) -> None:
    """Lost otherwise: the frame length of a client would change turn taking."""
    clip = spoken()[8000 : 8000 + (1500 if chunk == 1 else 24_000)]
    model = get_silero_model()
    whole = model.open_meter().push(clip)
    meter = model.open_meter()
    parts = [
        result
        for i in range(0, clip.size, chunk)
        for result in meter.push(clip[i : i + chunk])
    ]
    assert parts == whole
    assert len(whole) == clip.size // 512
    assert {ms for ms, _ in whole} == {WINDOW_MS}


def test_a_stream_tells_speech_from_silence() -> None:
    """Lost otherwise: nothing would work at all."""
    results = get_silero_model().open_meter().push(spoken())
    before = [p for _, p in results[:28]]
    during = [p for _, p in results[34:-36]]
    assert max(before) < 0.35
    assert np.mean([p >= 0.5 for p in during]) > 0.9


def test_streams_do_not_disturb_each_other() -> None:
    """Lost otherwise: one user's voice would count as another's."""
    model = SileroVADModel()
    alone = model.open_meter().push(spoken())
    one, other = model.open_meter(), model.open_meter()
    mixed: list[tuple[float, float]] = []
    for i in range(0, spoken().size, 512):
        mixed += one.push(spoken()[i : i + 512])
        other.push(np.zeros(512, np.int16))
    assert mixed == alone


class CountingModel(SileroVADModel):
    """Counts the windows it is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def __call__(self, windows: Any, state: Any) -> Any:
        self.asked += len(windows)
        return super().__call__(windows, state)


def test_a_silent_line_costs_no_inference() -> None:
    """Lost otherwise: every open line would cost as much as one with speech on it."""
    model = CountingModel()
    meter = model.open_meter()
    meter.push(np.zeros(100 * 512, np.int16))
    assert model.asked == SILENT_WINDOWS


def test_speech_after_long_silence_is_noticed_as_soon() -> None:
    """Lost otherwise: first words after a long silence would come late, or not."""
    meter = get_silero_model().open_meter()
    rested = meter.push(np.concatenate((np.zeros(200 * 512, np.int16), spoken())))[200:]
    fresh = get_silero_model().open_meter().push(spoken())
    first = [next(i for i, (_, p) in enumerate(r) if p > 0.5) for r in (rested, fresh)]
    last = [max(i for i, (_, p) in enumerate(r) if p > 0.5) for r in (rested, fresh)]
    assert abs(first[0] - first[1]) <= 1
    assert abs(last[0] - last[1]) <= 1


def test_missing_weights_are_named(tmp_path: Path) -> None:
    """Lost otherwise: a broken installation would fail with an ONNX error."""
    with pytest.raises(ModelUnavailableError, match=r"silero_vad\.onnx"):
        _open_session(tmp_path / "silero_vad.onnx")

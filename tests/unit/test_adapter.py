"""fastrtc.pause_detection.adapter: users' own models on a live stream."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrtc import PauseDetectionModel
from fastrtc.pause_detection import AudioChunk
from fastrtc.pause_detection.adapter import HOP_MS, ClipMeter
from tests.support.handlers import tone

RATE_HZ = 16_000
HOP = int(RATE_HZ * HOP_MS / 1000)


class Model:
    """Reports where a clip is loud, and remembers what it was shown."""

    def __init__(self, *, chunks: bool = True) -> None:
        self.chunks = chunks
        self.shown: list[tuple[int, NDArray[np.int16], Any]] = []

    def vad(
        self, audio: tuple[int, Any], options: Any
    ) -> tuple[float, list[AudioChunk]]:
        rate_hz, clip = audio
        self.shown.append((rate_hz, clip.copy(), options))
        loud = np.flatnonzero(np.abs(clip) > 100)
        if not loud.size:
            return 0.0, []
        chunk: AudioChunk = {"start": int(loud[0]), "end": int(loud[-1]) + 1}
        return loud.size / rate_hz, [chunk] if self.chunks else []

    def warmup(self) -> None:
        return None


def test_the_model_is_asked_each_hop_about_the_last_clip() -> None:
    """Lost otherwise: users' models would get other audio than documented."""
    model = Model()
    assert isinstance(model, PauseDetectionModel)
    meter = ClipMeter(model, "my options", RATE_HZ, 0.6)
    stream = np.arange(1, HOP * 8 + 1, dtype=np.int16)
    assert meter.push(stream[: HOP - 1]) == []
    results = [r for i in range(8) for r in meter.push(stream[HOP * i - 1 :][:HOP])]
    assert len(results) == len(model.shown)
    for rate_hz, clip, options in model.shown:
        assert rate_hz == RATE_HZ
        assert options == "my options"
        assert clip.shape == (int(RATE_HZ * 0.6),)
        assert clip.dtype == np.int16


@pytest.mark.parametrize("chunk", [1, 100, HOP, 5 * HOP])
def test_clips_move_on_without_gaps(chunk: int) -> None:
    """Lost otherwise: words would be missing from what users' models hear."""
    model = Model()
    meter = ClipMeter(model, None, RATE_HZ, 0.2)
    stream = np.arange(1, HOP * 4 + 1, dtype=np.int16)
    for i in range(0, stream.size, chunk):
        meter.push(stream[i : i + chunk])
    size = int(RATE_HZ * 0.2)
    padded = np.concatenate((np.zeros(size, np.int16), stream))
    for n, (_, clip, _) in enumerate(model.shown, 1):
        assert (clip == padded[n * HOP : n * HOP + size]).all()
    assert len(model.shown) == 4


def test_only_speech_that_reaches_into_the_hop_counts() -> None:
    """Lost otherwise: pauses would be found a whole clip too late."""
    meter = ClipMeter(Model(), None, RATE_HZ, 0.6)
    loud, quiet = tone(2 * HOP / RATE_HZ, RATE_HZ)[0], np.zeros(HOP, np.int16)
    assert [p for _, p in meter.push(loud)] == [1.0, 1.0]
    assert meter.push(quiet) == [(HOP_MS, 0.0)]


def test_a_model_without_pieces_is_judged_by_its_seconds() -> None:
    """Lost otherwise: simple models would never hear anything."""
    meter = ClipMeter(Model(chunks=False), None, RATE_HZ, 3 * HOP_MS / 1000)
    results = meter.push(tone(3 * HOP / RATE_HZ, RATE_HZ)[0])
    assert [p for _, p in results] == [0.0, 1.0, 1.0]


def test_a_clip_is_never_shorter_than_a_hop() -> None:
    """Lost otherwise: a tiny audio_chunk_duration would crash at the first word."""
    model = Model()
    ClipMeter(model, None, RATE_HZ, 0.01).push(np.zeros(HOP, np.int16))
    assert model.shown[0][1].size == HOP

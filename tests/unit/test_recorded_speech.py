"""Silero on human voices, of several people, microphones and rates.

Where speech begins and ends is found a second time by its loudness alone, which is
exact in the quiet rooms of these recordings.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from fastrtc.audio import audio_to_int16, mono_float32
from fastrtc.options import SileroVadOptions
from fastrtc.pause_detection.silero import SileroVADModel, get_silero_model
from tests.support.recordings import LIBRIVOX, Recording, recording

HZ = 16_000
SPOKEN = [
    *(f"alsa/{side}_Center" for side in ("Front", "Rear")),
    *(f"alsa/{end}_{side}" for end in ("Front", "Rear") for side in ("Left", "Right")),
    "alsa/Side_Left",
    "alsa/Side_Right",
    "cards/001",
    "cards/003",
    "cards/005",
    "sphinx/numbers",
    "sphinx/something",
    "asterisk/agent-pass",
    "asterisk/auth-thankyou",
    "asterisk/conf-locked",
    "asterisk/demo-congrats",
    "asterisk/digits/1",
    "asterisk/digits/2",
    "asterisk/hello",
    "asterisk/tt-weasels",
    "asterisk/vm-goodbye",
]
OPTIONS = SileroVadOptions(
    min_speech_duration_ms=60, min_silence_duration_ms=100, speech_pad_ms=0
)


class Span(NamedTuple):
    """Where speech begins and ends, ms."""

    start_ms: float
    end_ms: float


@pytest.fixture(scope="module")
def silero() -> SileroVADModel:
    return get_silero_model()


def _detected(silero: SileroVADModel, audio: Recording) -> Span:
    _, chunks = silero.vad(audio, OPTIONS)
    assert chunks, "no speech found"
    ms = 1000 / audio[0]
    return Span(chunks[0]["start"] * ms, chunks[-1]["end"] * ms)


def _loud(audio: Recording) -> Span:
    """From the first to the last 10 ms that stand out, over 50 ms of loudness."""
    samples = mono_float32(audio, HZ)
    count = samples.size // (HZ // 100)
    power = np.square(samples[: count * (HZ // 100)].reshape(count, -1)).mean(axis=1)
    level_db = 10 * np.log10(np.convolve(power, np.full(5, 0.2), "same") + 1e-10)
    noise_db, peak_db = float(np.percentile(level_db, 5)), float(level_db.max())
    above = np.flatnonzero(level_db > max(peak_db - 30, noise_db + 10))
    return Span(10.0 * above[0], 10.0 * (above[-1] + 1))


@pytest.mark.parametrize("name", SPOKEN)
def test_speech_is_found_where_it_is(silero: SileroVADModel, name: str) -> None:
    """Otherwise the first word is cut off, or the answer comes late."""
    audio = recording(name)
    found, loud = _detected(silero, audio), _loud(audio)
    assert found.start_ms == pytest.approx(loud.start_ms, abs=150)
    assert found.end_ms == pytest.approx(loud.end_ms, abs=150)


@pytest.mark.parametrize("name", LIBRIVOX)
def test_read_speech_is_one_utterance(silero: SileroVADModel, name: str) -> None:
    """Otherwise a sentence read fluently is answered in its middle."""
    audio = recording(name)
    seconds, chunks = silero.vad(audio, SileroVadOptions(min_silence_duration_ms=480))
    assert len(chunks) == 1
    assert seconds > 0.8 * audio[1].shape[1] / audio[0]


def test_noise_is_not_speech(silero: SileroVADModel) -> None:
    """Otherwise a fan makes the bot listen for ever."""
    seconds, chunks = silero.vad(recording("alsa/Noise"), OPTIONS)
    assert seconds < 0.1
    assert not chunks


@pytest.mark.parametrize("gain_db", [-20, -10, 10])
@pytest.mark.parametrize("name", ["alsa/Front_Center", "asterisk/agent-pass"])
def test_loudness_does_not_matter(
    silero: SileroVADModel, name: str, gain_db: float
) -> None:
    """Otherwise users far from the microphone, or close to it, are not understood."""
    rate_hz, samples = recording(name)
    scaled = samples * 10 ** (gain_db / 20) / 32768
    audio = rate_hz, audio_to_int16(scaled.astype(np.float32))
    as_recorded = _detected(silero, (rate_hz, samples))
    found = _detected(silero, audio)
    assert found.start_ms == pytest.approx(as_recorded.start_ms, abs=150)
    assert found.end_ms == pytest.approx(as_recorded.end_ms, abs=150)


def test_a_live_stream_finds_what_a_whole_clip_does(silero: SileroVADModel) -> None:
    """Otherwise what was tuned on recordings does not hold in a call."""
    rate_hz, samples = recording("asterisk/demo-congrats")
    assert rate_hz == HZ
    meter = silero.open_meter()
    windows: list[tuple[float, float]] = []
    for at in range(0, samples.shape[1], 320):
        windows += meter.push(samples[0, at : at + 320])
    speaking_ms = math.fsum(ms for ms, probability in windows if probability >= 0.5)
    seconds, _ = silero.vad((rate_hz, samples), OPTIONS)
    assert speaking_ms / 1000 == pytest.approx(seconds, rel=0.1)


@pytest.mark.parametrize("ci", ["true", ""])
def test_an_absent_recording_is_told(ci: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the build passes without having heard a human voice."""
    monkeypatch.setenv("CI", ci)
    kind: Any = pytest.fail.Exception if ci else pytest.skip.Exception
    with pytest.raises(kind, match="apt-get install alsa-utils"):
        recording("alsa/Nobody")

"""Whether the voice has fallen: heard in made-up voices of known pitch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrtc import ReplyOnPause
from fastrtc.end_of_turn import SilenceOnly, get_smart_turn_model
from fastrtc.end_of_turn.pitch import pitch
from fastrtc.end_of_turn.prosody import WithProsody, final_lowering

RATE_HZ = 16_000
PAUSE_S = 0.2


class Says:
    """A model of one opinion."""

    def __init__(self, probability: float) -> None:
        self.probability = probability
        self.warm = False

    def warmup(self) -> None:
        self.warm = True

    def end_of_turn(self, audio: tuple[int, NDArray[np.int16]]) -> float:
        return self.probability


def voice(hz: list[float], seconds: float = 1.6, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A voice that glides from height to height, and a pause; int16 (1, n)."""
    count = round(seconds * rate_hz)
    height = np.interp(np.linspace(0, len(hz) - 1, count), np.arange(len(hz)), hz)
    phase = 2 * np.pi * np.cumsum(height) / rate_hz
    tone = np.sum([np.sin(n * phase) / n for n in range(1, 9)], axis=0)
    heard = np.concatenate((6000 * tone, np.zeros(round(PAUSE_S * rate_hz))))
    heard += np.random.default_rng(1).normal(0, 20, heard.size)
    return heard.astype(np.int16).reshape(1, -1)


def lowering(hz: list[float], seconds: float = 1.6) -> float:
    return final_lowering(voice(hz, seconds)[0].astype(np.float32) / 32768)


STATEMENT = [200.0, 230.0, 210.0, 225.0, 200.0, 190.0, 150.0, 100.0]
GOES_ON = [200.0, 230.0, 150.0, 225.0, 200.0, 190.0, 195.0, 200.0]
QUESTION = [200.0, 190.0, 180.0, 170.0, 160.0, 170.0, 230.0, 300.0]


@pytest.mark.parametrize("hz", [75, 110, 180, 250, 390])
def test_pitch(hz: float) -> None:
    """Else a man's or a child's voice would be followed in the wrong octave."""
    samples = voice([hz, hz])[0].astype(np.float32) / 32768
    octaves, periodic = pitch(samples, np.arange(10, 140))
    assert periodic.min() > 0.95
    assert np.abs(2**octaves - hz).max() < 0.02 * hz


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.6])
def test_fall(scale: float) -> None:
    """Else finished statements would wait for a second of silence."""
    assert lowering([scale * hz for hz in STATEMENT]) > 0.9
    assert lowering([scale * hz for hz in GOES_ON]) < 0.1
    assert lowering([scale * hz for hz in QUESTION]) < 0.1


def test_too_little_to_tell() -> None:
    """Else noise, whispers and clicks would end turns."""
    noise = np.random.default_rng(0).normal(0, 0.1, RATE_HZ).astype(np.float32)
    assert lowering(STATEMENT, 0.1) == 0.0
    assert final_lowering(noise) == 0.0
    for count in (0, 1, 159, 2400, 2560):
        assert final_lowering(np.zeros(count, np.float32)) == 0.0
        assert final_lowering(noise[:count]) == 0.0
    loud = np.ones(RATE_HZ, np.float32)
    assert final_lowering(loud) == 0.0


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 48_000])
def test_adds_to_the_model(rate_hz: int) -> None:
    """Else the fall of the voice would count for nothing, or for everything."""
    fallen = rate_hz, voice(STATEMENT, rate_hz=rate_hz)
    high = rate_hz, voice(GOES_ON, rate_hz=rate_hz)
    assert WithProsody(Says(0.1)).end_of_turn(fallen) > 0.7
    assert WithProsody(Says(0.01)).end_of_turn(fallen) < 0.5
    for probability in (0.1, 0.5, 0.9):
        told = WithProsody(Says(probability)).end_of_turn(high)
        assert told == pytest.approx(probability, abs=0.05)


@pytest.mark.parametrize("probability", [0.0, 1.0, math.nan])
def test_keeps_what_is_certain(probability: float) -> None:
    """Else a model that doesn't know would be taken for one that does."""
    told = WithProsody(Says(probability)).end_of_turn((RATE_HZ, voice(STATEMENT)))
    assert told == pytest.approx(probability, abs=0.0, nan_ok=True)


def test_warms_up_the_model() -> None:
    """Else the first pause of the process would be slow."""
    model = Says(0.5)
    WithProsody(model).warmup()
    assert model.warm


def test_a_bot_listens_to_the_fall_unless_it_is_told_otherwise() -> None:
    """Else every fourth finished sentence would be answered a second late."""
    asked = ReplyOnPause(print).end_of_turn_model
    assert not isinstance(asked, SilenceOnly)
    plain = get_smart_turn_model()
    statement, goes_on = (RATE_HZ, voice(STATEMENT)), (RATE_HZ, voice(GOES_ON))
    assert asked.end_of_turn(statement) > plain.end_of_turn(statement)
    assert asked.end_of_turn(goes_on) == pytest.approx(plain.end_of_turn(goes_on))

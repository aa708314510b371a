"""fastrtc.transports.opus: a known tone in, the same tone out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest

from fastrtc.session import Frame
from fastrtc.transports.opus import OpusDecoder, OpusEncoder, opus_rate_hz
from tests.support.handlers import tone


def frames(array: Any, rate_hz: int, first: int = 0) -> list[Frame]:
    size = rate_hz // 50
    return [
        Frame(array[:, i : i + size], rate_hz, first + i, 0)
        for i in range(0, array.shape[1], size)
    ]


def loudest_hz(samples: Any, rate_hz: int) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate_hz / samples.size)


@pytest.mark.parametrize(
    ("rate_hz", "expected_hz"),
    [
        (8000, 8000),
        (11_025, 12_000),
        (16_000, 16_000),
        (22_050, 24_000),
        (24_000, 24_000),
        (44_100, 48_000),
        (48_000, 48_000),
        (96_000, 48_000),
    ],
)
def test_the_rate_that_loses_nothing(rate_hz: int, expected_hz: int) -> None:
    """Lost otherwise: good voices would sound dull."""
    assert opus_rate_hz(rate_hz) == expected_hz


@pytest.mark.parametrize("in_hz", [8000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("out_hz", [16_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_tone_survives(in_hz: int, out_hz: int, channels: int) -> None:
    """Lost otherwise: voices would be noise, too loud or too fast."""
    encoder, decoder = OpusEncoder(), OpusDecoder(out_hz)
    arrays = [
        array
        for frame in frames(tone(1, in_hz, channels=channels), in_hz)
        for array in decoder.decode(bytes(encoder.encode(frame)))
    ]
    result = np.concatenate(arrays, axis=1)
    assert {a.dtype for a in arrays} == {np.dtype(np.int16)}
    assert result.shape[0] == 1
    assert result.shape[1] == pytest.approx(out_hz, abs=out_hz // 100)
    steady = result[0, out_hz // 5 :]
    assert loudest_hz(steady, out_hz) == pytest.approx(440, abs=2)
    assert np.abs(steady).max() == pytest.approx(8000, rel=0.15)


def test_packets_carry_the_48_khz_clock() -> None:
    """Lost otherwise: the client would play at the wrong time."""
    encoder = OpusEncoder()
    packets = [encoder.encode(f) for f in frames(tone(0.1), 24_000, first=4800)]
    assert [p.pts for p in packets] == [9600 + 960 * n for n in range(5)]
    assert {p.time_base for p in packets} == {Fraction(1, 48_000)}


def test_a_change_of_form_is_taken() -> None:
    """Lost otherwise: a first stereo clip would end the bot's voice."""
    encoder, decoder = OpusEncoder(), OpusDecoder(48_000)
    for frame in frames(tone(0.1), 24_000) + frames(tone(0.1, channels=2), 24_000):
        assert decoder.decode(bytes(encoder.encode(frame)))


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_stereo_is_interleaved(layout: Literal["mono", "stereo"]) -> None:
    """Lost otherwise: handlers that want stereo would get half the time."""
    left = tone(0.4, 48_000)
    both = np.concatenate((left, np.zeros_like(left)))
    encoder, decoder = OpusEncoder(), OpusDecoder(48_000, layout)
    arrays = [
        array
        for frame in frames(both, 48_000)
        for array in decoder.decode(bytes(encoder.encode(frame)))
    ]
    result = np.concatenate(arrays, axis=1)[0]
    channels = 2 if layout == "stereo" else 1
    assert result.size == pytest.approx(channels * 0.4 * 48_000, rel=0.05)
    if layout == "stereo":
        assert np.abs(result[0::2]).max() > 20 * np.abs(result[1::2][4800:]).max()


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x03\x00", b"garbage" * 100])
def test_broken_packets_are_skipped(payload: bytes) -> None:
    """Lost otherwise: one broken packet would end the session."""
    decoder = OpusDecoder(48_000)
    decoder.decode(payload)
    good = OpusEncoder().encode(frames(tone(0.02), 24_000)[0])
    assert decoder.decode(bytes(good))


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_silence_for_a_gap(rate_hz: int, layout: Literal["mono", "stereo"]) -> None:
    """Lost otherwise: lost packets would shorten the user's pauses."""
    decoder = OpusDecoder(rate_hz, layout)
    arrays = [a for _ in range(50) for a in decoder.silence(960)]
    channels = 2 if layout == "stereo" else 1
    total = sum(a.shape[1] for a in arrays)
    assert total == pytest.approx(rate_hz * channels, abs=rate_hz // 100)
    assert not any(a.any() for a in arrays)

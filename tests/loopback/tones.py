"""Tones to send, and whether what came back is the same tone, unbroken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .client import FRAME_SAMPLES, RATE_HZ, Source

LEFT_HZ = 440.0
"""20 ms hold 8.8 periods of it, 10 ms hold 4.4: a lost, doubled or swapped frame
shows as a jump of its phase."""

RIGHT_HZ = 655.0
"""13.1 and 6.55 periods."""

WINDOW_SAMPLES = 480


def tone(*frequencies_hz: float, amplitude: float = 12_000) -> Source:
    """A source of sines, one a channel."""

    def frame(index: int) -> NDArray[np.int16]:
        times = (index * FRAME_SAMPLES + np.arange(FRAME_SAMPLES)) / RATE_HZ
        waves = [np.sin(2 * np.pi * f * times) for f in frequencies_hz]
        return (amplitude * np.stack(waves)).astype(np.int16)

    return frame


def clip(frequency_hz: float, seconds: float, rate_hz: int) -> NDArray[np.int16]:
    """A sine, int16 (1, samples)."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return (12_000 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.int16)[None]


def phases(samples: NDArray[np.int16], frequency_hz: float) -> NDArray[np.float64]:
    """The phase of a tone in each 10 ms of it, unwrapped, radians.

    It stays the same while the tone goes on unbroken.
    """
    count = samples.size // WINDOW_SAMPLES
    times = np.arange(count * WINDOW_SAMPLES) / RATE_HZ
    turned = samples[: times.size] * np.exp(-2j * np.pi * frequency_hz * times)
    windows = turned.reshape(count, WINDOW_SAMPLES) * np.hanning(WINDOW_SAMPLES)
    return np.unwrap(np.angle(windows.sum(axis=1)))


def loudness(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """The root mean square of each 10 ms."""
    count = samples.size // WINDOW_SAMPLES
    windows = samples[: count * WINDOW_SAMPLES].reshape(count, WINDOW_SAMPLES)
    return np.sqrt((windows.astype(np.float64) ** 2).mean(axis=1))


def pitch_hz(samples: NDArray[np.int16]) -> float:
    """The frequency of the loudest tone."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * RATE_HZ / samples.size)


def assert_unbroken(samples: NDArray[np.int16], frequency_hz: float) -> None:
    """Fail unless this is that tone all along: no gap, no jump, no other pitch."""
    found_hz = pitch_hz(samples)
    assert abs(found_hz - frequency_hz) <= 2 * RATE_HZ / samples.size, found_hz
    levels = loudness(samples)
    middle = float(np.median(levels))
    assert middle > 2_000, f"too quiet: {middle:.0f}"
    assert levels.min() > 0.7 * middle, f"a gap after {10 * levels.argmin()} ms"
    steps = np.abs(np.diff(phases(samples, frequency_hz)))
    assert steps.max() < 0.3, (
        f"a jump of {steps.max():.2f} radians after {10 * steps.argmax()} ms"
    )

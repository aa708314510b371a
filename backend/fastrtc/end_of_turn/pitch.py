"""How high a voice is from moment to moment.

The method is the normalised cross-correlation of Talkin's RAPT (1995), without its
search for the best path: each moment stands for itself, and whoever uses the result
drops what doesn't fit its neighbours.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pitches: TypeAlias = NDArray[np.floating[Any]]

STEP_SAMPLES = 160
"""10 ms at 16 kHz."""
RATE_HZ = 4000
"""What pitch is looked for at: enough for a voice and its first harmonics, and a
sixteenth of the work that 16 kHz would be."""
DECIMATION = 16_000 // RATE_HZ
WINDOW = RATE_HZ // 40
"""25 ms are compared with the 25 ms one period later."""
SHORTEST, LONGEST = RATE_HZ // 440, RATE_HZ // 60
"""Periods: of a child that calls, and of a man whose voice creaks."""
NEARLY_AS_GOOD = 0.88
"""Two periods fit as well as one; the shortest that fits nearly as well is meant."""
SILENCE_POWER = 1e-5
"""Mean square of what is no voice, of full scale 1: it keeps faint noise from being
periodic by chance."""


def pitch(
    samples: NDArray[np.float32], steps: NDArray[np.intp]
) -> tuple[Pitches, Pitches]:
    """The height of the voice in some steps of 10 ms.

    Args:
        samples: (n,), 16 kHz, full scale 1.
        steps: their numbers, (m,), from the beginning of `samples`.

    Returns:
        Octaves above 1 Hz, and how periodic the sound is: 0 not at all, 1 fully. Where
        it isn't, the height has no meaning. Both (m,). Steps so near the edges that
        the comparison doesn't fit in are not periodic.
    """
    whole = samples.size // DECIMATION * DECIMATION
    low = np.zeros(whole // DECIMATION, np.float32)
    # Column by column: sums over rows of four take numpy six times as long.
    for column in samples[:whole].reshape(-1, DECIMATION).T:
        low += column
    fits = _fits(low / DECIMATION, steps)
    inner = fits[:, 1:-1]
    is_peak = (inner >= fits[:, :-2]) & (inner > fits[:, 2:])
    peaks = np.where(is_peak, inner, np.float32(0))
    best = peaks.max(axis=1)
    first = np.argmax(peaks >= NEARLY_AS_GOOD * best[:, None], axis=1)
    period = SHORTEST + first + _summit(fits, first)
    return np.log2(RATE_HZ / period), best


def _fits(low: Pitches, steps: NDArray[np.intp]) -> Pitches:
    """How well each step repeats after each period, one more at both ends."""
    size = WINDOW + LONGEST + 1
    step = STEP_SAMPLES // DECIMATION
    wanted = steps * step + step // 2 - size // 2
    begins = np.clip(wanted, 0, max(0, low.size - size))
    if low.size < size:
        return np.zeros((steps.size, LONGEST - SHORTEST + 3), np.float32)
    frames = low[begins[:, None] + np.arange(size)]
    frames -= frames.mean(axis=1, keepdims=True)
    # At 256 points nothing of the last period wraps round onto the first.
    spectra = np.fft.rfft(frames, 256)
    products = np.fft.irfft(spectra * np.fft.rfft(frames[:, :WINDOW], 256).conj(), 256)[
        :, : LONGEST + 2
    ]
    sums = np.zeros((steps.size, size + 1), np.float32)
    np.cumsum(frames**2, axis=1, out=sums[:, 1:])
    energy = sums[:, WINDOW : WINDOW + LONGEST + 2] - sums[:, : LONGEST + 2]
    fits = products / np.sqrt(energy[:, :1] * energy + (WINDOW * SILENCE_POWER) ** 2)
    fits[begins != wanted] = 0.0
    return fits[:, SHORTEST - 1 :]


def _summit(fits: Pitches, first: NDArray[np.intp]) -> Pitches:
    """How far beside a sample the peak lies: of the parabola through three of them."""
    steps = np.arange(first.size)
    left, top, right = (fits[steps, first + n] for n in range(3))
    bend = left - 2 * top + right
    bend = np.where(np.abs(bend) < 1e-6, np.float32(-1), bend)
    return np.clip(0.5 * (left - right) / bend, -0.5, 0.5)

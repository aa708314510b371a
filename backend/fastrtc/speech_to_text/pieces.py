"""Cutting a long clip where it is quiet, so that no word is cut in two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW_SAMPLES = 1600
"""Loudness is compared over 0.1 s (at 16 kHz): longer than a stop inside a word,
shorter than a breath."""


def split_at_quiet(
    samples: NDArray[np.float32], max_samples: int, search_samples: int
) -> list[NDArray[np.float32]]:
    """Cut a clip into pieces of at most `max_samples`.

    Args:
        samples: float32 of shape (samples,), at 16 kHz.
        max_samples: the longest piece.
        search_samples: a piece is cut at the quietest 0.1 s of its last so many
            samples; fewer than `max_samples`.

    Returns:
        Views on the clip, which together are all of it.
    """
    pieces: list[NDArray[np.float32]] = []
    start = 0
    while samples.size - start > max_samples:
        limit = start + max_samples
        cut = _quietest(samples, limit - search_samples, limit)
        pieces.append(samples[start:cut])
        start = cut
    pieces.append(samples[start:])
    return pieces


def _quietest(samples: NDArray[np.float32], start: int, end: int) -> int:
    """The middle of the quietest window between two positions."""
    count = (end - start) // WINDOW_SAMPLES
    if count < 2:
        return end
    windows = samples[start : start + count * WINDOW_SAMPLES].reshape(count, -1)
    energies = np.einsum("ij,ij->i", windows, windows)
    return start + int(energies.argmin()) * WINDOW_SAMPLES + WINDOW_SAMPLES // 2

"""Cutting a long clip where it is quiet, so that no word is cut in two."""

from __future__ import annotations

from typing import Any

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
        cut = quietest(samples, limit - search_samples, limit, WINDOW_SAMPLES)
        pieces.append(samples[start:cut])
        start = cut
    pieces.append(samples[start:])
    return pieces


def quietest(samples: NDArray[Any], start: int, end: int, window_samples: int) -> int:
    """The middle of the quietest window between two positions.

    Windows overlap by half. Of equally quiet ones it is the last, so that the piece
    before the cut is as long as it may be.
    """
    hop = max(1, window_samples // 2)
    count = (end - start) // hop
    if count < 3:
        return end
    halves = samples[start : start + count * hop].reshape(count, hop)
    halves = halves.astype(np.float32, copy=False)
    energies = np.einsum("ij,ij->i", halves, halves)
    windows = energies[:-1] + energies[1:]
    last = windows.size - 1 - int(windows[::-1].argmin())
    return start + (last + 1) * hop

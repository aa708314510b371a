"""Where in the audio a stop word ends and the command begins.

Recognizers give text without times. What they give is turned into a place in the
audio by its share of the text, and then moved to a gap between words if one is near.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW_MS = 10
AROUND_MS = 1500
"""So much on either side of the word's end is looked at."""

MARGIN_MS = 250
"""Kept before the estimated end of the stop word, and of a gap before the command:
better a bit of the word than a command without its first sound."""

GAP_MS = 120
"""Shorter gaps are closures of plosives (p, t, k), which lie inside words."""

GAP_BEFORE_MS, GAP_AFTER_MS = 400, 150
"""How far from the estimate a gap may lie. One that comes later may lie behind the
command's first word; one that comes too early leaves but the stop word in."""

COMMAND_MS = 100
"""Less sound than this after the word is no command but its last consonant."""

WORD_TAIL_MS = 200
"""How far a word may reach beyond where its end was estimated."""


def _loud(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.bool_]:
    """Which windows of 10 ms have sound: within 20 dB of the loudest, above noise."""
    size = rate_hz * WINDOW_MS // 1000
    count = samples.size // size
    if count == 0:
        return np.zeros(0, np.bool_)
    windows = samples[: count * size].reshape(count, size).astype(np.float32)
    level = np.sqrt(np.einsum("ij,ij->i", windows, windows) / size)
    peak, noise = np.percentile(level, 95), np.percentile(level, 10)
    threshold = min(max(0.1 * peak, 2 * noise), 0.5 * peak)
    return level > max(threshold, 1.0)


def spoken_until_ms(samples: NDArray[np.int16], rate_hz: int, fraction: float) -> float:
    """When so large a fraction of the sound in a clip is over.

    Args:
        samples: int16 (n,).
        fraction: of what is said, 0 to 1.

    Returns:
        Milliseconds since the clip's beginning.
    """
    sound = np.cumsum(_loud(samples, rate_hz))
    if sound.size == 0 or sound[-1] == 0:
        return fraction * 1000 * samples.size / rate_hz
    index = int(np.searchsorted(sound, fraction * sound[-1]))
    return float((index + 1) * WINDOW_MS)


def has_command(samples: NDArray[np.int16], rate_hz: int, word_end_ms: float) -> bool:
    """Whether something is said after a word that ends about there; int16 (n,)."""
    first = max(0, round((word_end_ms - AROUND_MS) * rate_hz / 1000))
    loud = _loud(samples[first:], rate_hz)
    begin_ms = word_end_ms - 1000 * first / rate_hz
    tail = round((begin_ms + WORD_TAIL_MS) / WINDOW_MS)
    return WINDOW_MS * int(loud[tail:].sum()) >= COMMAND_MS


def command_start_ms(
    samples: NDArray[np.int16], rate_hz: int, word_end_ms: float
) -> float:
    """Where to cut so that nothing of the command is lost.

    Args:
        samples: the turn, int16 (n,).
        word_end_ms: where the stop word ends, roughly.

    Returns:
        Milliseconds since the turn's beginning.
    """
    first_ms = max(0.0, word_end_ms - AROUND_MS)
    part = samples[
        round(first_ms * rate_hz / 1000) : round(
            (word_end_ms + AROUND_MS) * rate_hz / 1000
        )
    ]
    found_ms = word_end_ms - first_ms
    gap = _nearest_gap(_loud(part, rate_hz), found_ms)
    if gap is None:
        return max(0.0, word_end_ms - MARGIN_MS)
    begin_ms, end_ms = gap
    return first_ms + max(begin_ms, end_ms - MARGIN_MS)


def _nearest_gap(
    loud: NDArray[np.bool_], found_ms: float
) -> tuple[float, float] | None:
    """When a gap near a place begins and ends, in milliseconds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], loud, [True]))))
    best: tuple[float, float] | None = None
    best_ms = float(GAP_BEFORE_MS)
    for begin, end in edges.reshape(-1, 2) * float(WINDOW_MS):
        away_ms = max(begin - found_ms, found_ms - end, 0.0)
        late = begin > found_ms + GAP_AFTER_MS
        if end - begin >= GAP_MS and not late and away_ms < best_ms:
            best, best_ms = (float(begin), float(end)), away_ms
    return best

"""How loud the user is, to tell them from echoes and from others in the room."""

from __future__ import annotations

from collections import deque

MEMORY_MS = 5000.0
"""Speech over which the user's loudness is averaged: some sentences, so that it follows
somebody who moves, and not each word."""
LEAST_MS = 300.0
"""Speech after which it is known well enough to judge by it."""
RECENT_MS = 200.0
"""Speech whose loudness is compared with that: a syllable or two."""


class Loudness:
    """Follows the loudness of the user's own speech, and of what is heard now.

    Powers are mean squares of samples on any scale, the same throughout.
    """

    def __init__(self) -> None:
        self._own_power = 0.0
        self._own_ms = 0.0
        self._recent: deque[tuple[float, float]] = deque()
        self._recent_ms = 0.0

    def learn(self, ms: float, power: float) -> None:
        """The user spoke: so long, with this power."""
        self._own_ms = min(self._own_ms + ms, MEMORY_MS)
        self._own_power += (power - self._own_power) * ms / self._own_ms

    def begin(self) -> None:
        """A new sound begins, of which is not known whose it is."""
        self._recent.clear()
        self._recent_ms = 0.0

    def add(self, ms: float, power: float) -> None:
        """It went on."""
        self._recent.append((ms, power))
        self._recent_ms += ms
        while self._recent_ms - self._recent[0][0] >= RECENT_MS:
            self._recent_ms -= self._recent.popleft()[0]

    def is_own(self, least_db: float) -> bool:
        """Whether the sound that is heard may be the user's.

        Args:
            least_db: how much quieter than before the user may be, negative.
        """
        if self._own_ms < LEAST_MS or not self._recent:
            return True
        least_power = self._own_power * 10 ** (least_db / 10)
        energy = sum(ms * power for ms, power in self._recent)
        return energy >= least_power * self._recent_ms

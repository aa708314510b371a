"""How loud the user is, to tell them from echoes and from others in the room."""

from __future__ import annotations

MEMORY_MS = 5000.0
"""Speech over which the user's loudness is averaged: some sentences, so that it follows
somebody who moves, and not each word."""
LEAST_MS = 300.0
"""Speech after which it is known well enough to judge by it."""


class Loudness:
    """Follows the loudness of the user's own speech.

    Powers are mean squares of samples on any scale, the same throughout.
    """

    def __init__(self) -> None:
        self._own_power = 0.0
        self._own_ms = 0.0
        self._power_ms = 0.0
        self._ms = 0.0

    def learn(self, ms: float, power: float) -> None:
        """The user spoke: so long, with this power."""
        self._own_ms = min(self._own_ms + ms, MEMORY_MS)
        self._own_power += (power - self._own_power) * ms / self._own_ms

    def begin(self) -> None:
        """A new sound begins, of which is not known whose it is."""
        self._power_ms = self._ms = 0.0

    def add(self, ms: float, power: float) -> None:
        """It went on."""
        self._power_ms += power * ms
        self._ms += ms

    def is_own(self, least_db: float) -> bool:
        """Whether the sound since `begin` may be the user's.

        Args:
            least_db: how much quieter than before the user may be, negative.
        """
        if self._own_ms < LEAST_MS or not self._ms:
            return True
        least_power = self._own_power * 10 ** (least_db / 10)
        return self._power_ms / self._ms >= least_power

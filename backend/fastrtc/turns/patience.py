"""How long to wait for a turn that a model holds for unfinished."""

from __future__ import annotations

WENT_ON_MS = 1500.0
"""Speech so soon after a turn was over belonged to it: it was cut off."""


class Patience:
    """Learns how far to trust the model with this speaker.

    Models err, with some voices most of the time. Each wait in vain takes away two
    thirds of what the bot waits beyond plain silence; each time the speaker did go on
    gives a quarter of the whole back; and a speaker who was cut off gets all of it.

    Args:
        least_ms: silence that would end a turn of which nothing is known.
        most_ms: what is waited while the model is trusted.
    """

    def __init__(self, least_ms: float, most_ms: float) -> None:
        self._least_ms = least_ms
        self._more_ms = most_ms - least_ms
        self._trust = 1.0

    @property
    def ms(self) -> float:
        """Silence that ends an unfinished turn now."""
        # Infinite patience doesn't wear off.
        return self._least_ms + self._more_ms * self._trust

    def in_vain(self) -> None:
        """The speaker had finished after all."""
        self._trust /= 3

    def worthwhile(self) -> None:
        """The speaker went on, as the model had said."""
        self._trust = min(1.0, self._trust + 0.25)

    def too_short(self) -> None:
        """The speaker went on, but too late."""
        self._trust = 1.0

"""How fast a client may go: a token bucket."""

from __future__ import annotations


class RateBound:
    """Says how long whoever spends has to wait.

    Args:
        per_s: what may be spent a second.
        burst: what may be spent at once, after a rest.
        now_s: on any clock that `spend` is told, too.
    """

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = burst
        self._last_s = now_s

    def spend(self, amount: float, now_s: float) -> float:
        """Spend it, and say after how many seconds there is something left again."""
        earned = (now_s - self._last_s) * self._per_s
        self._last_s = now_s
        self._left = min(self._burst, self._left + earned) - amount
        return max(0.0, -self._left / self._per_s)

"""What other programs did to the machine during a measurement."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field

import psutil


def _busy_s() -> float:
    """CPU time of all programs since the machine's start, seconds."""
    times = psutil.cpu_times()
    iowait = getattr(times, "iowait", 0.0)
    # On Linux, guests' time is part of the user time already.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - times.idle - iowait - guests


def _own_s() -> float:
    """CPU time of this process and of its children that have ended, seconds."""
    usages = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, usages))


@dataclass
class Disturbance:
    """From its making on; ask when the children have ended."""

    _began_s: float = field(default_factory=time.monotonic)
    _busy_s: float = field(default_factory=_busy_s)
    _own_s: float = field(default_factory=_own_s)

    def cores(self) -> float:
        """Cores that other programs used on average."""
        others_s = (_busy_s() - self._busy_s) - (_own_s() - self._own_s)
        return max(0.0, others_s / (time.monotonic() - self._began_s))

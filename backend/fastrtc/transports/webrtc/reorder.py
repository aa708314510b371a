"""Puts RTP packets back in order. No I/O, no clock: time is given.

Unlike a jitter buffer for listening it never delays packets that are in order:
handlers want audio soon, not evenly. A missing packet holds up those behind it
for `hold_ms` at most; then it counts as lost.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...options import REORDER_HOLD_MS

MAX_HELD = 32
"""Packets held back at most: 640 ms of 20 ms packets."""
MAX_JUMP = 1000
"""A sequence number further ahead than this is a restarted stream, not a loss."""


@dataclass(slots=True)
class Packet:
    """What of an RTP packet matters here; not frozen, which would make it slow.

    Attributes:
        sequence: 16 bit, wraps.
        timestamp: 32 bit, in samples of the RTP clock, wraps.
    """

    sequence: int
    timestamp: int
    payload: bytes


class ReorderBuffer:
    """One stream's packets, out in order.

    Args:
        hold_ms: how long a gap is waited for.
    """

    def __init__(self, hold_ms: float = REORDER_HOLD_MS) -> None:
        self._hold_ms = hold_ms
        self._next: int | None = None
        self._held: dict[int, tuple[float, Packet]] = {}
        self.lost = 0
        self.late = 0

    def push(self, packet: Packet, now_ms: float) -> list[Packet]:
        """Take a packet; those that can be used now, in order."""
        if self._next is None:
            self._next = packet.sequence
        ahead = (packet.sequence - self._next) & 0xFFFF
        if not ahead and not self._held:
            # Nearly always.
            self._next = (packet.sequence + 1) & 0xFFFF
            return [packet]
        if ahead >= 0x8000:
            behind = 0x10000 - ahead
            if behind < MAX_JUMP:
                self.late += 1
                return []
            return self._restart(packet)
        if ahead > MAX_JUMP:
            return self._restart(packet)
        self._held.setdefault(packet.sequence, (now_ms, packet))
        ready = self._in_order()
        while self._held and self._overdue(now_ms):
            self._skip_gap()
            ready += self._in_order()
        return ready

    def _restart(self, packet: Packet) -> list[Packet]:
        ready = [held for _, held in sorted(self._held.values(), key=self._distance)]
        self._held.clear()
        self._next = (packet.sequence + 1) & 0xFFFF
        return [*ready, packet]

    def _distance(self, entry: tuple[float, Packet]) -> int:
        assert self._next is not None
        return (entry[1].sequence - self._next) & 0xFFFF

    def _in_order(self) -> list[Packet]:
        assert self._next is not None
        ready: list[Packet] = []
        while self._next in self._held:
            ready.append(self._held.pop(self._next)[1])
            self._next = (self._next + 1) & 0xFFFF
        return ready

    def _overdue(self, now_ms: float) -> bool:
        oldest_ms = min(arrived for arrived, _ in self._held.values())
        return now_ms - oldest_ms >= self._hold_ms or len(self._held) > MAX_HELD

    def _skip_gap(self) -> None:
        first = min(self._held.values(), key=self._distance)
        self.lost += self._distance(first)
        self._next = first[1].sequence

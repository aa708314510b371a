"""Values as they come in, by candidate and metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Values: TypeAlias = dict[str, list[float]]


@dataclass
class Results:
    """All that was measured.

    Attributes:
        values: of each candidate, by metric, in the order they were measured.
        notes: what there is to say about single measurements.
    """

    values: dict[str, Values] = field(default_factory=dict[str, Values])
    notes: list[str] = field(default_factory=list[str])

    def add(self, candidate: str, values: Mapping[str, Sequence[float]]) -> None:
        """Take the values of one more round."""
        mine = self.values.setdefault(candidate, {})
        for metric, some in values.items():
            mine.setdefault(metric, []).extend(some)

    def of(self, candidate: str, metric: str) -> list[float]:
        """The values of a metric; none when it wasn't measured."""
        return self.values.get(candidate, {}).get(metric, [])

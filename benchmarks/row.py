"""One row of the table: which metric, how it is summed up, and what it means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Summary = Callable[[Sequence[float]], float]


def median(values: Sequence[float]) -> float:
    """Half are below."""
    return float(np.median(values))


def p95(values: Sequence[float]) -> float:
    """19 of 20 are below."""
    return float(np.percentile(values, 95))


def most(values: Sequence[float]) -> float:
    """None is above."""
    return float(max(values))


def total(values: Sequence[float]) -> float:
    """Of all rounds."""
    return float(sum(values))


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        metric: whose values.
        label: what it says, with its unit.
        summary: makes one number of them.
        digits: behind the point.
        better: whether less or more of it is good.
        out_of: a metric whose total stands behind it, as in "3 of 36".
        meaning: how to read it, where the label doesn't say.
    """

    metric: str
    label: str
    summary: Summary = median
    digits: int = 0
    better: Literal["less", "more"] = "less"
    out_of: str | None = None
    meaning: str = ""

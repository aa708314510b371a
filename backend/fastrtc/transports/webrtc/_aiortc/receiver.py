"""What stands in for the parts of aiortc's receiver that decode."""

from __future__ import annotations

from collections.abc import Callable


class NoDecoding:
    """Stands in for a receiver's decoder queue: its thread ends as it starts."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end

    def get(self) -> None:
        return None

    def put(self, task: object) -> None:
        if task is None:
            self._on_end()

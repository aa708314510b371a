"""What is asked when nobody says who should be."""

from __future__ import annotations

from functools import lru_cache

from .prosody import WithProsody
from .protocol import EndOfTurnModel
from .smart_turn import get_smart_turn_model


@lru_cache(maxsize=1)
def get_end_of_turn_model() -> EndOfTurnModel:
    """The process's one model: Smart Turn, and the fall of the voice beside it.

    Raises:
        ModelUnavailableError: Smart Turn's weights are not in place.
    """
    return WithProsody(get_smart_turn_model())

"""How many additional inputs a reply function takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..errors import ConfigurationError


class Parameters:
    """A function's positional parameters after the first `skip`.

    Attributes:
        required: those without a default.
        additional: all of them; a variable number counts as one.
        most: how many values it can take.
    """

    def __init__(self, fn: Callable[..., Any], skip: int = 1) -> None:
        self.required = 0
        self.additional = 0
        self.most = 0
        try:
            parameters = list(inspect.signature(fn).parameters.values())
        except (TypeError, ValueError):
            return
        kinds = (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        positional = [p for p in parameters if p.kind in kinds][skip:]
        variable = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
        self.required = sum(p.default is inspect.Parameter.empty for p in positional)
        self.additional = len(positional) + (1 if variable else 0)
        self.most = 10**6 if variable else len(positional)

    def fit(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """The values, if they are of a number the function can take.

        Raises:
            ConfigurationError: there are too few or too many.
        """
        if self.required <= len(values) <= self.most or not self.additional:
            return values
        raise ConfigurationError(
            f"the reply function takes {self.required} to {self.most} additional "
            f"inputs, {len(values)} came"
        )

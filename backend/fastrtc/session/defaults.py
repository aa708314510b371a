"""The values that components have before anybody touched them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import Any

logger = logging.getLogger("fastrtc")


def component_defaults(components: Sequence[Any]) -> list[Any]:
    """What a page would send for untouched Gradio components, one value each.

    Components are taken for what they can do, so that this needs no Gradio.
    """
    return [_default(component) for component in components]


def _default(component: Any) -> Any:
    value = getattr(component, "value", None)
    model = getattr(component, "data_model", None)
    try:
        if model is not None and value is not None and not isinstance(value, model):
            value = model.from_json(value)
        # Of its own for each session: a handler may change it in place.
        return copy.deepcopy(component.preprocess(value))
    except Exception as error:
        # A component that can't take its own initial value back has no default.
        logger.debug("%r has no default", component, exc_info=error)
        return None

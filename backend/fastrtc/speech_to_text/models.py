"""The speech-to-text models by name, each loaded once a process."""

from __future__ import annotations

import logging
from typing import Any, Literal

from .._hub import LoadOnce
from .moonshine import MoonshineSTT

logger = logging.getLogger(__name__)

_loaded: LoadOnce[MoonshineSTT] = LoadOnce()


def get_stt_model(
    model: Literal["moonshine/base", "moonshine/tiny"] = "moonshine/base",
    **kwargs: Any,
) -> MoonshineSTT:
    """A speech-to-text model, loaded and warmed up at the first call.

    Later calls with the same arguments return the same object, from any thread.

    Args:
        model: "moonshine/base" (more accurate) or "moonshine/tiny" (twice as fast).
        kwargs: further arguments of `MoonshineSTT`, hashable.

    Raises:
        ConfigurationError: there is no such model.
        MissingExtraError: the "stt" extra is not installed.
        ModelUnavailableError: its weights are neither cached nor within reach.
    """
    return _loaded.get((model,), kwargs, lambda: _load(model, **kwargs))


def _load(
    model: Literal["moonshine/base", "moonshine/tiny"], **kwargs: Any
) -> MoonshineSTT:
    loaded = MoonshineSTT(model, **kwargs)
    logger.info("Warming up the speech-to-text model %s", model)
    loaded.warmup()
    return loaded

"""The speech-to-text models by name, each loaded once a process."""

from __future__ import annotations

import logging
import threading
from functools import cache
from typing import Any, Literal

import numpy as np

from .moonshine import SAMPLE_RATE_HZ, MoonshineSTT

logger = logging.getLogger(__name__)

_lock = threading.Lock()


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
    # Threads that ask at the same time wait for one load instead of each doing it.
    with _lock:
        return _load(model, **kwargs)


@cache
def _load(
    model: Literal["moonshine/base", "moonshine/tiny"], **kwargs: Any
) -> MoonshineSTT:
    loaded = MoonshineSTT(model, **kwargs)
    logger.info("Warming up the speech-to-text model %s", model)
    loaded.stt((SAMPLE_RATE_HZ, np.zeros(SAMPLE_RATE_HZ, np.float32)))
    return loaded

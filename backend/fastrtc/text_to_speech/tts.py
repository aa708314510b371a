"""The text-to-speech models by name, each loaded once a process."""

from __future__ import annotations

import logging
from typing import Any, Literal, overload

from .._hub import LoadOnce
from ..errors import ConfigurationError
from .cartesia import CartesiaTTSModel, CartesiaTTSOptions
from .espeak import EspeakTTSModel, EspeakTTSOptions
from .kokoro import KokoroTTSModel, KokoroTTSOptions
from .protocol import TTSModel, TTSOptions

__all__ = [
    "CartesiaTTSModel",
    "CartesiaTTSOptions",
    "EspeakTTSModel",
    "EspeakTTSOptions",
    "KokoroTTSModel",
    "KokoroTTSOptions",
    "TTSModel",
    "TTSOptions",
    "get_tts_model",
]

logger = logging.getLogger(__name__)

_Model = KokoroTTSModel | CartesiaTTSModel | EspeakTTSModel

_loaded: LoadOnce[_Model] = LoadOnce()


@overload
def get_tts_model(
    model: Literal["kokoro"] = "kokoro", **kwargs: Any
) -> KokoroTTSModel: ...
@overload
def get_tts_model(model: Literal["cartesia"], **kwargs: Any) -> CartesiaTTSModel: ...
@overload
def get_tts_model(model: Literal["espeak"], **kwargs: Any) -> EspeakTTSModel: ...
def get_tts_model(
    model: Literal["kokoro", "cartesia", "espeak"] = "kokoro", **kwargs: Any
) -> KokoroTTSModel | CartesiaTTSModel | EspeakTTSModel:
    """A text-to-speech model, loaded and warmed up at the first call.

    Later calls with the same arguments return the same object, from any thread.

    Args:
        model: "kokoro" (natural, computed here), "cartesia" (a cloud service) or
            "espeak" (robotic, computed here, needs no download).
        kwargs: `cartesia_api_key` and `base_url` for "cartesia"; `models_dir` and
            `threads` for "kokoro". Hashable.

    Raises:
        ConfigurationError: there is no such model, or Cartesia's key is missing.
        MissingExtraError: the "tts" extra is not installed.
        ModelUnavailableError: its weights are neither cached nor within reach.
    """
    return _loaded.get((model,), kwargs, lambda: _load(model, **kwargs))


def _load(model: str, **kwargs: Any) -> _Model:
    # A program that lets its user choose passes the key whatever the choice.
    cartesia_api_key = kwargs.pop("cartesia_api_key", None) or ""
    if model == "cartesia":
        return CartesiaTTSModel(cartesia_api_key, **kwargs)
    if model == "espeak":
        return EspeakTTSModel(**kwargs)
    if model == "kokoro":
        kokoro = KokoroTTSModel(**kwargs)
        logger.info("Warming up the text-to-speech model %s", model)
        kokoro.warmup()
        return kokoro
    raise ConfigurationError(
        f'There is no text-to-speech model "{model}": use "kokoro", "cartesia" or '
        f'"espeak".'
    )

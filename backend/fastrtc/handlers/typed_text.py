"""Which reply functions take typed text, and what they are called with."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from ..messages import WebRTCData
from .base import AudioFrame

Said: TypeAlias = AudioFrame | str
"""What the user said, or typed."""


def takes_webrtc_data(fn: Callable[..., Any]) -> bool:
    """Whether the first parameter is annotated as `WebRTCData`, alone or in a union."""
    annotation = _first_annotation(fn)
    if isinstance(annotation, str):
        # It couldn't be resolved: a name that is there for type checkers only.
        names = annotation.replace("|", " ").replace(".", " ").split()
        return WebRTCData.__name__ in names
    return annotation is WebRTCData or WebRTCData in getattr(annotation, "__args__", ())


def _first_annotation(fn: Callable[..., Any]) -> Any:
    try:
        try:
            signature = inspect.signature(fn, eval_str=True)
        except NameError:
            signature = inspect.signature(fn)
    except Exception:
        # Annotations are code, and builtins have no signature.
        return None
    return next((p.annotation for p in signature.parameters.values()), None)


def page_value(inputs: list[Any]) -> Any:
    """The component's value among a handler's inputs, in the textbox variant only."""
    value = inputs[0] if inputs else None
    return value if hasattr(value, "webrtc_id") else None


def take_text(inputs: list[Any]) -> str:
    """What was typed by the page's value, which then has it no longer."""
    value = page_value(inputs)
    text = getattr(value, "textbox", "")
    if not isinstance(text, str) or not text.strip():
        return ""
    inputs[0] = _filled(value, "", None)
    return text


def first_argument(said: Said, value: Any, webrtc_id: str) -> Any:
    """Something with the attributes of `WebRTCData`: one of its own for each turn.

    Args:
        value: the page's, or None.
    """
    text, audio = (said, None) if isinstance(said, str) else ("", said)
    if value is None:
        return WebRTCData(webrtc_id, text, audio)
    return _filled(value, text, audio)


def _filled(value: Any, text: str, audio: AudioFrame | None) -> Any:
    filled = copy.copy(value)
    filled.textbox, filled.audio = text, audio
    return filled

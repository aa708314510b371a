"""What travels between the component on a page and its events."""

from __future__ import annotations

from typing import Any

from gradio.data_classes import GradioModel, GradioRootModel

from ..messages import WebRTCData


class TypedText(GradioModel):
    """The value in the textbox variant, as pages send it; see `WebRTCData`."""

    webrtc_id: str
    textbox: str = ""
    audio: Any | None = None


class WebRTCModel(GradioRootModel):
    """The component's value: a session's name, or that with a text."""

    root: TypedText | str | None = None


def session_id(value: WebRTCData | str | None) -> str | None:
    """The session's name in a value of the component."""
    return value.webrtc_id if isinstance(value, WebRTCData) else value


def as_data(value: TypedText | str) -> WebRTCData:
    """The value in the textbox variant; what was said never comes by it."""
    if isinstance(value, TypedText):
        return WebRTCData(value.webrtc_id, value.textbox)
    return WebRTCData(value)


def as_session_id(value: TypedText | str) -> str:
    """The value in the other variants."""
    return value.webrtc_id if isinstance(value, TypedText) else value


__all__ = ["TypedText", "WebRTCData", "WebRTCModel", "as_data", "as_session_id"]

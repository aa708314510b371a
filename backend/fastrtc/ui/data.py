"""What travels between the component on a page and its events."""

from __future__ import annotations

from typing import Any

from gradio.data_classes import GradioModel, GradioRootModel


class WebRTCData(GradioModel):
    """The component's value in the textbox variant.

    Attributes:
        webrtc_id: the session's name.
        textbox: what was typed.
        audio: `(sample_rate, array)` of what was said, int16 (1, samples).
    """

    webrtc_id: str
    textbox: str = ""
    audio: Any | None = None


class WebRTCModel(GradioRootModel):
    """The component's value: a session's name, or that with a text."""

    root: WebRTCData | str | None = None

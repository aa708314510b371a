"""Names that programs written for FastRTC import from here."""

from .ui.component import WebRTC

__all__ = ["WebRTC"]

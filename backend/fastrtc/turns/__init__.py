"""Turn taking as pure decisions: no clock, no model, no thread, no asyncio."""

from .detector import (
    Pause,
    SpeechStarted,
    TurnDetector,
    TurnEvent,
)

__all__ = ["Pause", "SpeechStarted", "TurnDetector", "TurnEvent"]

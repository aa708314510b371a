"""Turn taking as pure decisions: no clock, no model, no thread, no asyncio."""

from .detector import TurnDetector
from .events import (
    BotHeld,
    BotReleased,
    EndOfTurn,
    Pause,
    ReplyEarly,
    SpeechResumed,
    SpeechStarted,
    TurnEvent,
)

__all__ = [
    "BotHeld",
    "BotReleased",
    "EndOfTurn",
    "Pause",
    "ReplyEarly",
    "SpeechResumed",
    "SpeechStarted",
    "TurnDetector",
    "TurnEvent",
]

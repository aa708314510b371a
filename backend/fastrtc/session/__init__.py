"""One client is one session, whatever it came in by."""

from .carrier import Transport
from .playout import Frame, Playout
from .screen import Screen
from .session import Session
from .table import EarlyStore, SessionTable

__all__ = [
    "EarlyStore",
    "Frame",
    "Playout",
    "Screen",
    "Session",
    "SessionTable",
    "Transport",
]

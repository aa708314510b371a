"""One client is one session, whatever it came in by."""

from .playout import Frame, Playout
from .session import Session, Transport
from .table import EarlyStore, SessionTable

__all__ = ["EarlyStore", "Frame", "Playout", "Session", "SessionTable", "Transport"]

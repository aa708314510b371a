"""WHIP and WHEP: WebRTC's signalling as streaming programs speak it."""

from .door import WhipDoor
from .problems import ProblemError

__all__ = ["ProblemError", "WhipDoor"]

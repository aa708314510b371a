"""Names that programs written for FastRTC import from here."""

from .audio import mulaw_decode, mulaw_encode
from .audio import mulaw_encode as convert_to_mulaw

__all__ = ["convert_to_mulaw", "mulaw_decode", "mulaw_encode"]

"""Telephone calls, which a provider sends over a WebSocket."""

from .door import TelephoneDoor
from .options import TelephoneOptions
from .plivo import Plivo
from .provider import PhoneProvider
from .telnyx import Telnyx
from .twilio import Twilio

__all__ = [
    "PhoneProvider",
    "Plivo",
    "TelephoneDoor",
    "TelephoneOptions",
    "Telnyx",
    "Twilio",
]

"""Short-lived credentials for TURN servers.

Each function returns what `rtc_configuration` takes: a dict with "iceServers". Given
to a stream without being called (`rtc_configuration=get_hf_turn_credentials`), it is
asked for every connection. Keys are taken from the arguments or from environment
variables, and never appear in an error or a log.

The answers of services are used again until half of their life is over, by sync and
async callers alike, and however many connections begin at once, one request is made.
"""

from __future__ import annotations

from .by_name import Method, get_turn_credentials, get_turn_credentials_async
from .cloudflare import (
    CLOUDFLARE_TURN_URL,
    get_cloudflare_turn_credentials,
    get_cloudflare_turn_credentials_async,
)
from .coturn import get_coturn_credentials, get_coturn_credentials_async
from .hugging_face import (
    CLOUDFLARE_FASTRTC_TURN_URL,
    get_hf_turn_credentials,
    get_hf_turn_credentials_async,
)
from .twilio import (
    TWILIO_URL,
    get_twilio_turn_credentials,
    get_twilio_turn_credentials_async,
)

__all__ = [
    "CLOUDFLARE_FASTRTC_TURN_URL",
    "CLOUDFLARE_TURN_URL",
    "TWILIO_URL",
    "Method",
    "get_cloudflare_turn_credentials",
    "get_cloudflare_turn_credentials_async",
    "get_coturn_credentials",
    "get_coturn_credentials_async",
    "get_hf_turn_credentials",
    "get_hf_turn_credentials_async",
    "get_turn_credentials",
    "get_turn_credentials_async",
    "get_twilio_turn_credentials",
    "get_twilio_turn_credentials_async",
]

"""Every bound of the telephone door, with its unit and its reason.

Sizes and rates of messages are the WebSocket door's.
"""

from __future__ import annotations

RATE_HZ = 8_000
"""Of all audio over the phone: ITU-T G.711 mu-law."""

START_TIMEOUT_S = 10.0
"""From the handshake to `start`, which providers send at once."""

IDLE_TIMEOUT_S = 30.0
"""Without any message: a provider sends fifty frames a second, silence included, so
that the call is gone when nothing comes any more."""

MARK_TIMEOUT_S = 3.0
"""How long a provider may keep a mark after its audio should have been played. Then it
counts as played: a lost mark must not keep the bot from listening."""

LEAD_S = 0.06
"""How far ahead the first audio of a reply is sent. The provider plays what it has and
goes silent when it has nothing: three frames bridge the usual hiccups of the way."""

MAX_WEBHOOK_BYTES = 64_000
"""Of a webhook's body; the longest a provider sends are some 2,000."""

MAX_TICKET_CHARS = 480
"""Twilio takes 500 characters for a parameter, name and value together."""

MAX_PARAMETERS_CHARS = 200
"""Of all the parameters of one call as JSON, so that its ticket fits."""

TICKET_S = 120.0
"""From the webhook to the stream: an announcement may come first."""

SIGNATURE_AGE_S = 300.0
"""Of a webhook that is signed with its time; as in Telnyx's own library."""

API_TIMEOUT_S = 10.0
"""For a request to a provider's API."""

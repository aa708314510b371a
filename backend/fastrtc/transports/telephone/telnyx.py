"""Telnyx: TeXML, media streaming and the TeXML calls resource.

Formats: developers.telnyx.com, "TeXML verbs: Connect, Stream", "Stream call media over
WebSocket", "Create a connection-scoped TeXML call", "Webhook fundamentals".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ...context import PhoneCall
from ...errors import ConfigurationError
from ..websocket.protocol import parse_media, parse_object
from .bounds import SIGNATURE_AGE_S
from .provider import (
    ApiRequest,
    CallEnded,
    CallStarted,
    Ignored,
    MarkPlayed,
    PhoneEvent,
    Webhook,
    check_format,
    check_stream_id,
    inner,
    is_own_voice,
    parse_digit,
    text_of,
    texts_of,
)
from .xml import element, response


@dataclass(frozen=True)
class Telnyx:
    """An account at Telnyx, with a TeXML application.

    Args:
        public_key: the account's, base64; webhooks are checked if it is given.
        api_key: needed to make calls, and by servers of several processes that check
            webhooks.
        application_id: of the TeXML application; needed to make calls.
        api_url: of the API.

    Raises:
        ConfigurationError: `public_key` is none.
    """

    public_key: str | None = None
    api_key: str | None = field(default=None, repr=False)
    application_id: str | None = None
    api_url: str = "https://api.telnyx.com"

    name: ClassVar[str] = "telnyx"
    needs_tls: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.public_key is not None:
            self._key()

    def _key(self) -> Ed25519PublicKey:
        try:
            raw = base64.b64decode(self.public_key or "", validate=True)
            return Ed25519PublicKey.from_public_bytes(raw)
        except ValueError:
            raise ConfigurationError(
                "Telnyx(public_key=…) must be the base64 text of 32 bytes that the "
                "portal shows under Keys & Credentials, Public Key."
            ) from None

    @property
    def checks_webhooks(self) -> bool:
        return self.public_key is not None

    @property
    def secret(self) -> str | None:
        return self.api_key

    # -- the webhook -------------------------------------------------------------------

    def is_genuine(self, webhook: Webhook, now_s: float) -> bool:
        time_text = webhook.headers.get("telnyx-timestamp", "")
        given = webhook.headers.get("telnyx-signature-ed25519", "")
        try:
            age_s = now_s - int(time_text)
            signature = base64.b64decode(given, validate=True)
            self._key().verify(signature, time_text.encode() + b"|" + webhook.body)
        except (ValueError, binascii.Error, InvalidSignature):
            return False
        return abs(age_s) <= SIGNATURE_AGE_S

    def call_of(self, webhook: Webhook) -> PhoneCall:
        outbound = webhook.field("Direction").startswith("outbound")
        return PhoneCall(
            self.name,
            webhook.field("CallSid"),
            webhook.field("From"),
            webhook.field("To"),
            "outbound" if outbound else "inbound",
        )

    def connect_xml(self, url: str, ticket: str, announcement: str) -> str:
        stream = element(
            "Stream",
            children=[element("Parameter", name="ticket", value=ticket)],
            url=url,
            track="inbound_track",
            codec="PCMU",
            bidirectionalMode="rtp",
            bidirectionalCodec="PCMU",
            bidirectionalSamplingRate="8000",
        )
        # Connect waits for the stream's end.
        verbs = [element("Connect", children=[stream]), element("Hangup")]
        if announcement:
            verbs.insert(0, element("Say", announcement))
        return response(*verbs)

    def busy_xml(self) -> str:
        return response(element("Reject", reason="busy"))

    # -- the socket --------------------------------------------------------------------

    def parse(self, text: str) -> PhoneEvent:
        fields = parse_object(text)
        event = fields.get("event")
        if event == "media":
            media = inner(fields, "media")
            return Ignored() if is_own_voice(media) else parse_media(media)
        if event == "start":
            return self._parse_start(fields)
        if event == "mark":
            return MarkPlayed(text_of(inner(fields, "mark"), "name"))
        if event == "dtmf":
            return parse_digit(inner(fields, "dtmf").get("digit"))
        return CallEnded() if event == "stop" else Ignored()

    def _parse_start(self, fields: Mapping[str, Any]) -> CallStarted:
        start = inner(fields, "start")
        check_format(inner(start, "media_format"), "sample_rate")
        parameters = texts_of(start, "custom_parameters")
        ticket = parameters.pop("ticket", None)
        call = PhoneCall(
            self.name,
            text_of(start, "call_control_id")[:128],
            text_of(start, "from")[:128],
            text_of(start, "to")[:128],
            parameters=parameters,
        )
        return CallStarted(check_stream_id(fields.get("stream_id")), call, ticket)

    def media(self, stream_id: str, payload: bytes) -> str:
        encoded = base64.b64encode(payload).decode("ascii")
        return json.dumps({"event": "media", "media": {"payload": encoded}})

    def mark(self, stream_id: str, name: str) -> str:
        return json.dumps({"event": "mark", "mark": {"name": name}})

    def clear(self, stream_id: str) -> str:
        return '{"event": "clear"}'

    # -- the API -----------------------------------------------------------------------

    def dial(self, from_number: str, to_number: str, url: str) -> ApiRequest:
        if not (self.api_key and self.application_id):
            raise ConfigurationError(
                "Calls by Telnyx need Telnyx(api_key=…, application_id=…)."
            )
        application = quote(self.application_id, safe="")
        return ApiRequest(
            "POST",
            f"{self.api_url}/v2/texml/calls/{application}",
            json={"From": from_number, "To": to_number, "Url": url, "Method": "POST"},
            headers={"Authorization": f"Bearer {self.api_key}"},
        )

    def dialled(self, answer: Mapping[str, Any]) -> str:
        return text_of(answer, "call_sid") or text_of(answer, "sid")

    def hang_up(self, call_id: str) -> ApiRequest | None:
        return None

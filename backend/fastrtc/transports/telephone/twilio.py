"""Twilio: TwiML, Media Streams and the Calls resource.

Formats: twilio.com/docs/voice/twiml/stream, …/voice/media-streams/websocket-messages,
…/usage/security (signatures), …/voice/api/call-resource.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit, urlunsplit

from ...context import PhoneCall
from ...errors import ConfigurationError, MissingExtraError
from ..websocket.protocol import parse_media, parse_object
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


@dataclass(frozen=True)
class Twilio:
    """An account at Twilio.

    Args:
        auth_token: the account's; webhooks are checked if it is given.
        account_sid: needed to make calls.
        api_url: of the API; Twilio has other ones for other regions.
    """

    auth_token: str | None = field(default=None, repr=False)
    account_sid: str | None = None
    api_url: str = "https://api.twilio.com"

    name: ClassVar[str] = "twilio"
    needs_tls: ClassVar[bool] = True

    @property
    def checks_webhooks(self) -> bool:
        return self.auth_token is not None

    @property
    def secret(self) -> str | None:
        return self.auth_token

    # -- the webhook -------------------------------------------------------------------

    def is_genuine(self, webhook: Webhook, now_s: float) -> bool:
        given = webhook.headers.get("x-twilio-signature", "").encode()
        # Some of their services sign the address with its port and some without.
        return any(
            hmac.compare_digest(given, self._signature(url, webhook))
            for url in _with_and_without_port(webhook.url)
        )

    def _signature(self, url: str, webhook: Webhook) -> bytes:
        signed = url + "".join(k + v for k, v in sorted(set(webhook.form)))
        key = (self.auth_token or "").encode()
        return base64.b64encode(
            hmac.new(key, signed.encode(), hashlib.sha1).digest(),
        )

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
        twiml = _twiml()
        response = twiml.VoiceResponse()
        if announcement:
            response.say(announcement)
        stream = twiml.Stream(url=url)
        stream.parameter(name="ticket", value=ticket)
        connect = twiml.Connect()
        connect.append(stream)
        # The call ends after the last instruction, thus with its stream.
        response.append(connect)
        return str(response)

    def busy_xml(self) -> str:
        response = _twiml().VoiceResponse()
        response.reject(reason="busy")
        return str(response)

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
        check_format(inner(start, "mediaFormat"), "sampleRate")
        stream_id = check_stream_id(start.get("streamSid"), fields.get("streamSid"))
        parameters = texts_of(start, "customParameters")
        ticket = parameters.pop("ticket", None)
        call = PhoneCall(
            self.name, text_of(start, "callSid")[:128], parameters=parameters
        )
        return CallStarted(stream_id, call, ticket)

    def media(self, stream_id: str, payload: bytes) -> str:
        encoded = base64.b64encode(payload).decode("ascii")
        return json.dumps(
            {
                "event": "media",
                "streamSid": stream_id,
                "media": {"payload": encoded},
            }
        )

    def mark(self, stream_id: str, name: str) -> str:
        return json.dumps(
            {"event": "mark", "streamSid": stream_id, "mark": {"name": name}}
        )

    def clear(self, stream_id: str) -> str:
        return json.dumps({"event": "clear", "streamSid": stream_id})

    # -- the API -----------------------------------------------------------------------

    def dial(self, from_number: str, to_number: str, url: str) -> ApiRequest:
        if not (self.account_sid and self.auth_token):
            raise ConfigurationError(
                "Calls by Twilio need Twilio(account_sid=…, auth_token=…)."
            )
        account = quote(self.account_sid, safe="")
        return ApiRequest(
            "POST",
            f"{self.api_url}/2010-04-01/Accounts/{account}/Calls.json",
            form={"From": from_number, "To": to_number, "Url": url, "Method": "POST"},
            auth=(self.account_sid, self.auth_token),
        )

    def dialled(self, answer: Mapping[str, Any]) -> str:
        return text_of(answer, "sid")

    def hang_up(self, call_id: str) -> ApiRequest | None:
        return None


def _twiml() -> Any:
    try:
        from twilio.twiml import voice_response
    except ImportError:
        raise MissingExtraError("telephone", "Answering Twilio's calls") from None
    return voice_response


def _with_and_without_port(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    hosts = (parts.netloc, host, f"{host}:{port}")
    return tuple(urlunsplit(parts._replace(netloc=netloc)) for netloc in hosts)

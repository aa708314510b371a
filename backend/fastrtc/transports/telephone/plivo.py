"""Plivo: its XML, audio streaming and the Call resource.

Formats: plivo.com/docs/voice/xml/the-stream-element, …/voice/audio-streaming,
…/voice/concepts/signature-validation (V3), …/voice/api/call.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from ...context import PhoneCall
from ...errors import ConfigurationError
from ..websocket.protocol import parse_media, parse_object
from .provider import (
    ApiRequest,
    CallEnded,
    CallStarted,
    Fields,
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
)
from .xml import element, response


@dataclass(frozen=True)
class Plivo:
    """An account at Plivo.

    Args:
        auth_token: the account's; webhooks are checked if it is given.
        auth_id: needed to make calls, and to end them for certain: Plivo connects
            again when a stream ends before its call.
        api_url: of the API.
    """

    auth_token: str | None = field(default=None, repr=False)
    auth_id: str | None = None
    api_url: str = "https://api.plivo.com"

    name: ClassVar[str] = "plivo"
    needs_tls: ClassVar[bool] = False

    @property
    def checks_webhooks(self) -> bool:
        return self.auth_token is not None

    @property
    def secret(self) -> str | None:
        return self.auth_token

    # -- the webhook -------------------------------------------------------------------

    def is_genuine(self, webhook: Webhook, now_s: float) -> bool:
        nonce = webhook.headers.get("x-plivo-signature-v3-nonce", "")
        signed = f"{_signed_address(webhook)}.{nonce}".encode()
        key = (self.auth_token or "").encode()
        mac = hmac.new(key, signed, hashlib.sha256).digest()
        own = base64.b64encode(mac)
        # One for each of the account's tokens.
        given = webhook.headers.get("x-plivo-signature-v3", "").split(",")
        return any(hmac.compare_digest(own, s.strip().encode()) for s in given)

    def call_of(self, webhook: Webhook) -> PhoneCall:
        outbound = webhook.field("Direction") == "outbound"
        return PhoneCall(
            self.name,
            webhook.field("CallUUID"),
            webhook.field("From"),
            webhook.field("To"),
            "outbound" if outbound else "inbound",
        )

    def connect_xml(self, url: str, ticket: str, announcement: str) -> str:
        stream = element(
            "Stream",
            # Its extra headers may hold letters and digits only.
            f"{url}?ticket={ticket}",
            bidirectional="true",
            keepCallAlive="true",
            audioTrack="inbound",
            contentType="audio/x-mulaw;rate=8000",
        )
        verbs = [stream, element("Hangup")]
        if announcement:
            verbs.insert(0, element("Speak", announcement))
        return response(*verbs)

    def busy_xml(self) -> str:
        return response(element("Hangup", reason="busy"))

    # -- the socket --------------------------------------------------------------------

    def parse(self, text: str) -> PhoneEvent:
        fields = parse_object(text)
        event = fields.get("event")
        if event == "media":
            media = inner(fields, "media")
            return Ignored() if is_own_voice(media) else parse_media(media)
        if event == "start":
            return self._parse_start(fields)
        if event == "playedStream":
            return MarkPlayed(text_of(fields, "name"))
        if event == "clearedAudio":
            # Checkpoints that were cleared don't come back.
            return MarkPlayed(None)
        if event == "dtmf":
            return parse_digit(inner(fields, "dtmf").get("digit"))
        return CallEnded() if event == "stop" else Ignored()

    def _parse_start(self, fields: Mapping[str, Any]) -> CallStarted:
        start = inner(fields, "start")
        check_format(inner(start, "mediaFormat"), "sampleRate")
        stream_id = check_stream_id(start.get("streamId"), fields.get("streamId"))
        return CallStarted(
            stream_id, PhoneCall(self.name, text_of(start, "callId")[:128])
        )

    def media(self, stream_id: str, payload: bytes) -> str:
        encoded = base64.b64encode(payload).decode("ascii")
        media = {
            "contentType": "audio/x-mulaw",
            "sampleRate": 8000,
            "payload": encoded,
        }
        return json.dumps({"event": "playAudio", "media": media})

    def mark(self, stream_id: str, name: str) -> str:
        return json.dumps({"event": "checkpoint", "streamId": stream_id, "name": name})

    def clear(self, stream_id: str) -> str:
        return json.dumps({"event": "clearAudio", "streamId": stream_id})

    # -- the API -----------------------------------------------------------------------

    def dial(self, from_number: str, to_number: str, url: str) -> ApiRequest:
        if not (self.auth_id and self.auth_token):
            raise ConfigurationError(
                "Calls by Plivo need Plivo(auth_id=…, auth_token=…)."
            )
        return ApiRequest(
            "POST",
            f"{self._account_url(self.auth_id)}/Call/",
            json={
                "from": from_number,
                "to": to_number,
                "answer_url": url,
                "answer_method": "POST",
            },
            auth=(self.auth_id, self.auth_token),
        )

    def dialled(self, answer: Mapping[str, Any]) -> str:
        return text_of(answer, "request_uuid")

    def hang_up(self, call_id: str) -> ApiRequest | None:
        if not (self.auth_id and self.auth_token and call_id):
            return None
        url = f"{self._account_url(self.auth_id)}/Call/{quote(call_id, safe='')}/"
        return ApiRequest("DELETE", url, auth=(self.auth_id, self.auth_token))

    def _account_url(self, auth_id: str) -> str:
        return f"{self.api_url}/v1/Account/{quote(auth_id, safe='')}"


def _signed_address(webhook: Webhook) -> str:
    """The address with its sorted query and, of a POST, its sorted form after a dot."""
    parts = urlsplit(webhook.url)
    bare = f"{parts.scheme}://{parts.netloc}{parts.path}"
    query = _joined([(k, f"{k}={v}") for k, v in webhook.query], "&")
    if webhook.method != "POST":
        return f"{bare}?{query}" if query else bare
    form = _joined([(k, f"{k}{v}") for k, v in webhook.form], "")
    if not webhook.form:
        return f"{bare}?{query}" if query else bare
    return f"{bare}?{query}{'.' if query else ''}{form}"


def _joined(pairs: Fields, separator: str) -> str:
    return separator.join(text for _, text in sorted(pairs))

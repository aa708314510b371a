"""Three telephone providers: what they send, as their documentation shows it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, cast

from fastrtc.handlers.base import StreamHandlerBase
from fastrtc.media import Media
from fastrtc.session import SessionTable
from fastrtc.transports.telephone import (
    PhoneProvider,
    Plivo,
    TelephoneDoor,
    TelephoneOptions,
    Telnyx,
    Twilio,
)
from tests.support.websocket import Wire


@dataclass(frozen=True)
class Line:
    """One provider's messages.

    Attributes:
        connected: what comes before `start`, if anything does.
        start: with `TICKET` where our own parameter stands, if one does.
        media: with `PAYLOAD` where the audio stands.
        stop: what comes last, if anything does.
    """

    provider: PhoneProvider
    stream_id: str
    call_id: str
    start: str
    media: str
    dtmf: str
    mark: str
    connected: str = ""
    stop: str = ""

    @property
    def name(self) -> str:
        return self.provider.name

    def started(self, ticket: str = "none") -> list[str]:
        """All messages up to `start`."""
        start = self.start.replace("TICKET", ticket)
        return [self.connected, start] if self.connected else [start]

    def speech(self, mulaw: bytes) -> str:
        """The caller's voice."""
        return self.media.replace("PAYLOAD", base64.b64encode(mulaw).decode())

    def played(self, name: str) -> str:
        """The answer to a mark."""
        return self.mark.replace("NAME", name)


# twilio.com/docs/voice/media-streams/websocket-messages
TWILIO = Line(
    Twilio(),
    stream_id="MZ18ad3ab5a668481ce02b83e7395059f0",
    call_id="CA123456789012345678901234567890ab",
    connected="""{
  "event": "connected",
  "protocol": "Call",
  "version": "1.0.0"
}""",
    start="""{
  "event": "start",
  "sequenceNumber": "1",
  "start": {
    "accountSid": "AC123456789012345678901234567890ab",
    "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0",
    "callSid": "CA123456789012345678901234567890ab",
    "tracks": [
      "inbound"
    ],
    "mediaFormat": {
      "encoding": "audio/x-mulaw",
      "sampleRate": 8000,
      "channels": 1
    },
    "customParameters": {
      "FirstName": "Jane",
      "ticket": "TICKET"
    }
  },
  "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0"
}""",
    media="""{
  "event": "media",
  "sequenceNumber": "3",
  "media": {
    "track": "inbound",
    "chunk": "1",
    "timestamp": "5",
    "payload": "PAYLOAD"
  } ,
  "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0"
}""",
    dtmf="""{
  "event": "dtmf",
  "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0",
  "sequenceNumber": "5",
  "dtmf": {
      "track": "inbound_track",
      "digit": "1"
  }
}""",
    mark="""{
  "event": "mark",
  "sequenceNumber": "4",
  "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0",
  "mark": {
    "name": "NAME"
  }
}""",
    stop="""{
  "event": "stop",
  "sequenceNumber": "5",
  "streamSid": "MZ18ad3ab5a668481ce02b83e7395059f0",
  "stop": {
    "accountSid": "AC123456789012345678901234567890ab",
    "callSid": "CA123456789012345678901234567890ab"
  }
}""",
)

# developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
TELNYX = Line(
    Telnyx(),
    stream_id="32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
    call_id="v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
    connected="""{
"event": "connected",
"version": "1.0.0"
}""",
    start="""{
"event": "start",
"sequence_number": "1",
"stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
"start": {
"user_id": "3E6F995F-85F7-4705-9741-53B116D28237",
"call_control_id": "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
"call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
"from": "+13122010094",
"to": "+13122123456",
"tags": [
"TAG1",
"TAG2"
],
"client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
"custom_parameters": {
"customer_id": "customer_123",
"ticket": "TICKET"
},
"media_format": {
"encoding": "PCMU",
"sample_rate": 8000,
"channels": 1
}
}
}""",
    media="""{
"event": "media",
"sequence_number": "4",
"media": {
"track": "inbound",
"chunk": "2",
"timestamp": "5",
"payload": "PAYLOAD"
},
"stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC"
}""",
    dtmf="""{
"event": "dtmf",
"stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
"occurred_at": "2022-08-29T18:36:15.012Z",
"sequence_number": "5",
"dtmf": {
"digit": "1"
}
}""",
    mark="""{
"event": "mark",
"sequence_number": "6",
"stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
"mark": {
"name": "NAME"
}
}""",
    stop="""{
"event": "stop",
"sequence_number": "5",
"stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
"stop": {
"user_id": "3E6F995F-85F7-4705-9741-53B116D28237",
"call_control_id": "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"
}
}""",
)

# plivo.com/docs/voice/audio-streaming, …/voice/xml/the-stream-element/checkpoint-event
PLIVO = Line(
    Plivo(),
    stream_id="87654321-4321-4321-4321-cba987654321",
    call_id="12345678-1234-1234-1234-123456789abc",
    start="""{
  "event": "start",
  "sequenceNumber": 1,
  "start": {
    "callId": "12345678-1234-1234-1234-123456789abc",
    "streamId": "87654321-4321-4321-4321-cba987654321",
    "accountId": "MAXXXXXXXXXXXXXXXXXX",
    "tracks": ["inbound"],
    "mediaFormat": {
      "encoding": "audio/x-mulaw",
      "sampleRate": 8000
    }
  },
  "extra_headers": "userId=12345;sessionId=abc-xyz"
}""",
    media="""{
  "event": "media",
  "sequenceNumber": 2,
  "streamId": "87654321-4321-4321-4321-cba987654321",
  "media": {
    "track": "inbound",
    "timestamp": "1778597597091",
    "chunk": 1,
    "payload": "PAYLOAD"
  },
  "extra_headers": "userId=12345;sessionId=abc-xyz"
}""",
    dtmf="""{
  "event": "dtmf",
  "sequenceNumber": 5,
  "streamId": "87654321-4321-4321-4321-cba987654321",
  "dtmf": {
    "track": "inbound",
    "timestamp": "1778597597091",
    "digit": "1"
  },
  "extra_headers": "userId=12345;sessionId=abc-xyz"
}""",
    mark="""{
  "event": "playedStream",
  "streamId": "87654321-4321-4321-4321-cba987654321",
  "name": "NAME"
}""",
)

LINES = (TWILIO, TELNYX, PLIVO)


class PhoneWire(Wire):
    """Both ends of one call's socket.

    Args:
        door: serves the server's end.
        line: whose messages are sent.
        query: of the stream's address.
    """

    def __init__(
        self, door: TelephoneDoor, line: Line = TWILIO, query: bytes = b""
    ) -> None:
        super().__init__(cast("Any", door))
        self.websocket.scope["query_string"] = query
        self.line = line

    def dial(self, ticket: str = "none") -> None:
        """Begin the call."""
        for text in self.line.started(ticket):
            self.say(text)

    def of_kind(self, *kinds: str) -> list[dict[str, Any]]:
        """The messages of these events."""
        return [event for event in self.events if event["event"] in kinds]

    @property
    def voice(self) -> list[bytes]:
        """The audio that came."""
        events = self.of_kind("media", "playAudio")
        return [base64.b64decode(event["media"]["payload"]) for event in events]

    @property
    def marks(self) -> list[str]:
        """The names of the marks that came."""
        events = self.of_kind("mark", "checkpoint")
        return [event.get("name") or event["mark"]["name"] for event in events]

    def hear_out(self) -> None:
        """Say that all was played up to the newest mark."""
        self.say(self.line.played(self.marks[-1]))

    async def end(self) -> None:
        """Hang up, and wait until the server has noticed."""
        if self.line.stop:
            self.say(self.line.stop)
        else:
            self.leave(1000)
        await self.serving


def phone_door_to(
    handler: StreamHandlerBase,
    provider: PhoneProvider | None = None,
    *,
    modality: Any = "audio",
    mode: Any = "send-receive",
    announcement: str = "",
    **table: Any,
) -> tuple[SessionTable, TelephoneDoor]:
    """A table of sessions of this handler, and a telephone to it."""
    sessions = SessionTable(lambda: handler, media=Media(modality, mode), **table)
    options = TelephoneOptions(provider or Twilio(), announcement=announcement)
    return sessions, TelephoneDoor(sessions, options)


def fields_of(text: str) -> dict[str, Any]:
    """A message, parsed."""
    return json.loads(text)

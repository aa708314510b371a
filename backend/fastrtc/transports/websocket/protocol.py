"""What is said over the socket, without the socket: texts to events, events to texts.

FastRTC's protocol (JSON, mu-law in base64) is what a client gets that asks for
nothing. A client that names a `format` in its `start` gets binary frames both ways,
and the events `started` and `clear`, which older clients don't know.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

from ...errors import RefusedError
from ...options import MAX_WEBRTC_ID_CHARS
from .bounds import (
    IDLE_TIMEOUT_S,
    MAX_AUDIO_BYTES,
    MAX_EVENT_CHARS,
    MAX_IDLE_TIMEOUT_S,
    MAX_PLAIN_CHARS,
    MAX_PLAIN_MARKS,
    MAX_RATE_HZ,
    MAX_TEXT_CHARS,
    MIN_IDLE_TIMEOUT_S,
    MIN_RATE_HZ,
)

Encoding: TypeAlias = Literal["mulaw", "pcm16", "opus"]

OPUS_RATE_HZ = 48_000
"""Opus has one clock, whatever it was made from."""


@dataclass(frozen=True)
class AudioFormat:
    """How audio travels in one direction; always mono.

    Attributes:
        encoding: `"mulaw"` (ITU-T G.711), `"pcm16"` (little endian) or `"opus"`, one
            packet a message.
        sample_rate_hz: of the samples; None is the handler's own rate.
    """

    encoding: Encoding
    sample_rate_hz: int | None = None


@dataclass(frozen=True)
class Start:
    """The client's first event.

    Attributes:
        session_id: the client's name for the session.
        input, output: the formats it asks for; None in both is FastRTC's protocol.
        idle_timeout_s: how long it may be silent; None when it doesn't say.
    """

    session_id: str
    input: AudioFormat | None = None
    output: AudioFormat | None = None
    idle_timeout_s: float | None = None

    @property
    def negotiates(self) -> bool:
        """The client knows binary frames, `started` and `clear`."""
        return self.input is not None or self.output is not None


@dataclass(frozen=True)
class Media:
    """A piece of the user's audio, in the format of the session."""

    payload: bytes


@dataclass(frozen=True)
class Typed:
    """What the user typed."""

    text: str


@dataclass(frozen=True)
class Ping:
    """Wants a `pong`."""


@dataclass(frozen=True)
class Stop:
    """The client hangs up."""


@dataclass(frozen=True)
class Unknown:
    """An event of another version, to be passed over."""


Event: TypeAlias = Start | Media | Typed | Ping | Stop | Unknown


def parse_event(text: str) -> Event:
    """The event in a text message.

    Raises:
        RefusedError: it is too long, no JSON, or a known event that lacks something.
    """
    fields = parse_object(text)
    event = fields.get("event")
    if event == "media":
        return parse_media(fields.get("media"))
    if event == "start":
        return _parse_start(fields)
    if event == "ping":
        return Ping()
    if event == "stop":
        return Stop()
    if event is None and fields.get("type") == "text":
        return _parse_text(fields.get("data"))
    if event is None and "type" not in fields:
        raise RefusedError("invalid_message", "The message has no event.")
    return Unknown()


def check_audio(payload: bytes) -> Media:
    """The audio of a binary message.

    Raises:
        RefusedError: it is too long.
    """
    if len(payload) > MAX_AUDIO_BYTES:
        raise RefusedError(
            "message_too_large",
            f"A message may hold {MAX_AUDIO_BYTES} bytes of audio, not "
            f"{len(payload)}: send it in smaller pieces.",
        )
    return Media(payload)


def parse_object(text: str) -> Mapping[str, Any]:
    """The JSON object in a text message.

    Raises:
        RefusedError: it is too long, or no JSON object.
    """
    if len(text) > MAX_EVENT_CHARS or (
        len(text) > MAX_PLAIN_CHARS
        and sum(text.count(mark) for mark in ",:[{") > MAX_PLAIN_MARKS
    ):
        raise RefusedError(
            "message_too_large",
            f"A message of {len(text)} characters is too long: send it in smaller "
            "pieces.",
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError("invalid_message", "The message is not JSON.") from None
    if not isinstance(value, dict):
        raise RefusedError("invalid_message", "The message is no JSON object.")
    return cast("Mapping[str, Any]", value)


def parse_media(value: object) -> Media:
    """The audio in the `media` of a message, whose `payload` is base64.

    Raises:
        RefusedError: it is no such object, or too long.
    """
    payload = (
        cast("Mapping[str, Any]", value).get("payload")
        if isinstance(value, dict)
        else None
    )
    if not isinstance(payload, str):
        raise RefusedError("invalid_message", "media.payload must be a base64 text.")
    try:
        # As lenient as FastRTC: line breaks within are passed over.
        return check_audio(base64.b64decode(payload))
    except (binascii.Error, ValueError):
        raise RefusedError("invalid_message", "media.payload is not base64.") from None


def _parse_start(fields: Mapping[str, Any]) -> Start:
    input_ = _parse_format("format", fields.get("format"))
    output = _parse_format("output", fields.get("output"))
    return Start(
        _parse_id(fields.get("websocket_id")),
        input_,
        output or input_,
        _parse_idle(fields.get("idle_timeout_s")),
    )


def _parse_id(value: object) -> str:
    if (
        isinstance(value, str)
        and 0 < len(value) <= MAX_WEBRTC_ID_CHARS
        and value.isprintable()
    ):
        return value
    raise RefusedError(
        "invalid_websocket_id",
        f"start.websocket_id must be 1 to {MAX_WEBRTC_ID_CHARS} printable characters.",
    )


def _parse_format(name: str, value: object) -> AudioFormat | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise RefusedError("invalid_format", f"start.{name} must be an object.")
    fields = cast("Mapping[str, Any]", value)
    encoding, rate_hz = fields.get("encoding"), fields.get("sample_rate")
    if not isinstance(encoding, str) or encoding not in get_args(Encoding):
        raise RefusedError(
            "unsupported_format",
            f'start.{name}.encoding must be "mulaw", "pcm16" or "opus".',
        )
    if encoding == "opus":
        if rate_hz not in (None, OPUS_RATE_HZ):
            raise RefusedError(
                "unsupported_format",
                f"start.{name}.sample_rate of Opus is {OPUS_RATE_HZ}.",
            )
        return AudioFormat("opus", OPUS_RATE_HZ)
    return AudioFormat(cast("Encoding", encoding), _parse_rate(name, rate_hz))


def _parse_rate(name: str, value: object) -> int | None:
    if value is None:
        return None
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and MIN_RATE_HZ <= value <= MAX_RATE_HZ
        and value % 50 == 0
    ):
        return value
    raise RefusedError(
        "unsupported_format",
        f"start.{name}.sample_rate must be a multiple of 50 from {MIN_RATE_HZ} to "
        f"{MAX_RATE_HZ}.",
    )


def _parse_idle(value: object) -> float | None:
    if value is None:
        return None
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and MIN_IDLE_TIMEOUT_S <= value <= MAX_IDLE_TIMEOUT_S
    ):
        return float(value)
    raise RefusedError(
        "invalid_message",
        f"start.idle_timeout_s must be {MIN_IDLE_TIMEOUT_S:g} to "
        f"{MAX_IDLE_TIMEOUT_S:g} seconds ({IDLE_TIMEOUT_S:g} when left out).",
    )


def _parse_text(value: object) -> Typed:
    if not isinstance(value, str):
        raise RefusedError("invalid_message", "The data of a text must be a text.")
    if len(value) > MAX_TEXT_CHARS:
        raise RefusedError(
            "message_too_large", f"A text may have {MAX_TEXT_CHARS} characters."
        )
    # JSON can hold halves of characters, which nothing could write down.
    return Typed(value.encode("utf-8", "replace").decode())


# -- what the server says -------------------------------------------------------------

PONG = '{"event":"pong"}'
CLEAR = '{"event":"clear"}'


def media_event(payload: bytes) -> str:
    """Audio as FastRTC's clients take it."""
    encoded = base64.b64encode(payload).decode("ascii")
    return f'{{"event":"media","media":{{"payload":"{encoded}"}}}}'


def started_event(input_: AudioFormat, output: AudioFormat) -> str:
    """What was agreed."""
    return json.dumps(
        {
            "event": "started",
            "input": _as_fields(input_),
            "output": _as_fields(output),
        }
    )


def _as_fields(format_: AudioFormat) -> dict[str, Any]:
    return {"encoding": format_.encoding, "sample_rate": format_.sample_rate_hz}


def refusal_message(refusal: RefusedError) -> str:
    """A refusal: an `error` for people, with the fields of the contract beside it."""
    text = str(refusal)
    return json.dumps(
        {"type": "error", "data": text, "message": text, **refusal.as_answer()}
    )


def close_code(refusal: RefusedError) -> int:
    """The WebSocket close code (RFC 6455, 7.4) that fits a refusal."""
    if refusal.code in ("concurrency_limit_reached", "server_stopping"):
        return 1013
    if refusal.code == "message_too_large":
        return 1009
    return 1008

"""Every message between client and server, typed and checked, in one place.

Server to client (data channel and WebSocket alike): JSON objects with `type` and
`data`. Client to server: the JSON bodies of ``POST …/webrtc/offer``. Nothing in
here waits or sends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from .errors import RefusedError
from .options import (
    MAX_CANDIDATE_CHARS,
    MAX_MESSAGE_CHARS,
    MAX_SDP_CHARS,
    MAX_WEBRTC_ID_CHARS,
)

MessageType: TypeAlias = Literal[
    "send_input",
    "fetch_output",
    "end_stream",
    "stopword",
    "error",
    "warning",
    "log",
    "update_connection",
    "caption",
]

LogEvent: TypeAlias = Literal[
    "started_talking", "pause_detected", "response_starting", "response_ended"
]


def create_message(type: MessageType, data: Any) -> str:
    """A server-to-client message as JSON text."""
    return json.dumps({"type": type, "data": data})


def error_message(text: str) -> str:
    """An `error` for people; older pages read the field `message`."""
    return json.dumps({"type": "error", "data": text, "message": text})


@dataclass(frozen=True)
class Offer:
    """A client's SDP offer.

    Attributes:
        resumable: the client can come back by another connection, should it lose
            this one.
        resume_token: it does so now; the token proves that it is the same client.
    """

    webrtc_id: str
    sdp: str
    resumable: bool = False
    resume_token: str | None = None


@dataclass(frozen=True)
class Candidate:
    """One trickled ICE candidate; an empty text says that there are no more."""

    webrtc_id: str
    text: str
    sdp_mid: str | None
    sdp_m_line_index: int | None


def parse_signal(body: Mapping[str, Any]) -> Offer | Candidate:
    """The offer or candidate in a request's body.

    Raises:
        RefusedError: something is missing, too long or of the wrong type.
    """
    webrtc_id = parse_webrtc_id(body.get("webrtc_id"))
    if body.get("type") == "ice-candidate":
        return _parse_candidate(webrtc_id, body.get("candidate"))
    if body.get("type") != "offer":
        raise RefusedError("invalid_offer", 'The type must be "offer".')
    sdp = body.get("sdp")
    if not isinstance(sdp, str) or not sdp.startswith("v=0"):
        raise RefusedError("invalid_offer", "The sdp is not a session description.")
    if len(sdp) > MAX_SDP_CHARS:
        raise RefusedError(
            "invalid_offer", f"The sdp is longer than {MAX_SDP_CHARS} characters."
        )
    token = body.get("resume_token")
    if token is not None and not (isinstance(token, str) and len(token) <= 64):
        raise RefusedError("invalid_offer", "The resume_token is no short text.")
    return Offer(webrtc_id, sdp, body.get("resumable") is True, token)


@dataclass
class WebRTCData:
    """What the user typed or said: the component's value in the textbox variant, and
    the first argument of reply functions that take typed text.

    Attributes:
        webrtc_id: the session's name.
        textbox: what was typed; empty when it was said.
        audio: `(sample_rate, array)` of what was said, int16 (1, samples); None when
            it was typed.
    """

    webrtc_id: str
    textbox: str = ""
    audio: Any | None = None


def parse_client_message(text: object) -> str | None:
    """What the user typed, in a message of the client's; None for anything else.

    Nothing else comes that way, and user pages may send what they like.
    """
    if not isinstance(text, str) or len(text) > MAX_MESSAGE_CHARS:
        return None
    try:
        fields: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    message = cast("dict[str, Any]", fields)
    data = message.get("data")
    return data if message.get("type") == "text" and isinstance(data, str) else None


def parse_webrtc_id(value: object) -> str:
    """A checked session id: 1 to 128 printable characters.

    Raises:
        RefusedError: it is anything else.
    """
    if (
        isinstance(value, str)
        and 0 < len(value) <= MAX_WEBRTC_ID_CHARS
        and value.isprintable()
    ):
        return value
    raise RefusedError(
        "invalid_webrtc_id",
        f"The webrtc_id must be 1 to {MAX_WEBRTC_ID_CHARS} printable characters.",
    )


def _parse_candidate(webrtc_id: str, value: object) -> Candidate:
    if not isinstance(value, Mapping):
        raise RefusedError("invalid_candidate_format", "The candidate is no object.")
    fields = cast("Mapping[str, Any]", value)
    text, mid = fields.get("candidate", ""), fields.get("sdpMid")
    index = fields.get("sdpMLineIndex")
    if not isinstance(text, str) or len(text) > MAX_CANDIDATE_CHARS:
        raise RefusedError(
            "invalid_candidate_format", "The candidate is no short text."
        )
    if mid is not None and (not isinstance(mid, str) or len(mid) > 64):
        raise RefusedError("invalid_candidate_format", "The sdpMid is no short text.")
    if index is not None and (isinstance(index, bool) or not isinstance(index, int)):
        raise RefusedError("invalid_candidate_format", "The sdpMLineIndex is no int.")
    if mid is None and index is None:
        raise RefusedError(
            "invalid_candidate_format", "sdpMid and sdpMLineIndex are both missing."
        )
    return Candidate(webrtc_id, text, mid, index)

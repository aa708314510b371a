"""What a server says beside audio and pictures, typed.

`parse_message` reads the texts of the data channel and of the WebSocket alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast


@dataclass(frozen=True)
class Caption:
    """What somebody said, as text.

    Attributes:
        role: who: "user" or "assistant".
        text: takes the place of an earlier text of the same `id`.
        final: it won't change any more.
    """

    role: Literal["user", "assistant"]
    text: str
    id: str
    final: bool


@dataclass(frozen=True)
class Log:
    """Something happened in the conversation.

    Attributes:
        event: "started_talking", "pause_detected", "response_starting" or
            "response_ended"; apps may have others.
    """

    event: str


@dataclass(frozen=True)
class StopWord:
    """A stop word was heard."""

    word: str


@dataclass(frozen=True)
class ErrorMessage:
    """Something failed; the text is for people. The session may go on."""

    text: str


@dataclass(frozen=True)
class WarningMessage:
    """Something to know; the text is for people."""

    text: str


@dataclass(frozen=True)
class EndStream:
    """The server ends the session, and why, for people."""

    reason: str


@dataclass(frozen=True)
class InputsWanted:
    """The app waits for its additional inputs.

    They come by a route of the app's own, which calls `Stream.set_input` with
    `call.webrtc_id`.
    """


@dataclass(frozen=True)
class OutputsReady:
    """The app has new AdditionalOutputs.

    They are read from a route of the app's own, which asks `Stream.output_stream`
    with `call.webrtc_id`.
    """


@dataclass(frozen=True)
class Other:
    """Any other message, such as an app sends by `send_message`.

    Attributes:
        type: the field of that name; empty where there is none.
        data: the field of that name; where there is none the whole JSON value, and
            the text itself where it is no JSON.
    """

    type: str
    data: Any


Message: TypeAlias = (
    Caption
    | Log
    | StopWord
    | ErrorMessage
    | WarningMessage
    | EndStream
    | InputsWanted
    | OutputsReady
    | Other
)


def parse_message(text: str) -> Message:
    """The message in a text; whatever isn't known is an `Other`."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return Other("", text)
    if not isinstance(value, dict):
        return Other("", value)
    fields = cast("Mapping[str, Any]", value)
    kind, data = fields.get("type"), fields.get("data")
    if not isinstance(kind, str):
        return Other("", value)
    known = _known(kind, data, fields)
    return known or Other(kind, fields.get("data", value))


def _known(kind: str, data: object, fields: Mapping[str, Any]) -> Message | None:
    if kind == "caption":
        return _caption(data)
    if kind == "send_input":
        return InputsWanted()
    if kind == "fetch_output":
        return OutputsReady()
    if kind in ("error", "warning"):
        # Texts of older servers are in the field `message`.
        words = str(data if data is not None else fields.get("message", ""))
        return ErrorMessage(words) if kind == "error" else WarningMessage(words)
    if kind == "end_stream":
        return EndStream("" if data is None else str(data))
    if kind == "log" and isinstance(data, str):
        return Log(data)
    if kind == "stopword" and isinstance(data, str):
        return StopWord(data)
    return None


def _caption(data: object) -> Caption | None:
    if not isinstance(data, dict):
        return None
    fields = cast("Mapping[str, Any]", data)
    role = fields.get("role")
    if role not in ("user", "assistant"):
        return None
    return Caption(
        role,
        str(fields.get("text", "")),
        str(fields.get("id", "")),
        fields.get("final") is True,
    )

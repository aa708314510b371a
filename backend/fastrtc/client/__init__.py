"""Call a mounted stream from Python: for tests, bots and services.

    async with connect("http://127.0.0.1:8000") as call:
        await call.say((24_000, question))
        async for rate, samples in call.audio():
            ...

Over WebRTC (audio, video, text) or a WebSocket (audio, text). `Microphone` and
`Speaker` need the extra `client`; `python -m fastrtc.client URL` talks to a stream
from a terminal.

Errors: `RefusedError` (the stream doesn't want to: its `code` and `meta` say why),
`UnreachableError` (there is no stream, or no way to it), `SessionClosedError`.
"""

from __future__ import annotations

from ..errors import (
    AudioDeviceError,
    RefusedError,
    SessionClosedError,
    UnreachableError,
)
from .call import Call
from .connecting import Connecting, connect
from .devices import Microphone, Speaker
from .messages import (
    Caption,
    EndStream,
    ErrorMessage,
    InputsWanted,
    Log,
    Message,
    Other,
    OutputsReady,
    StopWord,
    WarningMessage,
)

__all__ = [
    "AudioDeviceError",
    "Call",
    "Caption",
    "Connecting",
    "EndStream",
    "ErrorMessage",
    "InputsWanted",
    "Log",
    "Message",
    "Microphone",
    "Other",
    "OutputsReady",
    "RefusedError",
    "SessionClosedError",
    "Speaker",
    "StopWord",
    "UnreachableError",
    "WarningMessage",
    "connect",
]

"""`connect`: from an address to a call."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType

from ..errors import ConfigurationError
from ..media import Mode
from ..pictures import Color
from ..transports.webrtc import RTCConfigurationCallable
from .call import Call
from .lines import CallOptions, Encoding, Kind, LineMaker, Transport
from .webrtc_line import WebRTCLine
from .websocket_line import WebSocketLine, line_rate_hz

WEBRTC_RATE_HZ = 48_000


class Connecting:
    """A call that is being made: to be awaited, or entered with `async with`."""

    def __init__(self, options: CallOptions, color: Color) -> None:
        self._options = options
        self._color: Color = color
        self._call: Call | None = None

    async def _open(self) -> Call:
        line: LineMaker = WebRTCLine
        rate_hz = WEBRTC_RATE_HZ
        if self._options.transport == "websocket":
            line, rate_hz = WebSocketLine, line_rate_hz(self._options)
        self._call = call = Call(self._options, line, rate_hz, self._color)
        await call.open()
        return call

    def __await__(self) -> Generator[object, None, Call]:
        return self._open().__await__()

    async def __aenter__(self) -> Call:
        return await self._open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._call is not None:
            await self._call.close()


def connect(
    url: str,
    *,
    transport: Transport = "webrtc",
    kinds: Sequence[Kind] = ("audio",),
    mode: Mode = "send-receive",
    webrtc_id: str | None = None,
    sample_rate: int = 24_000,
    encoding: Encoding = "pcm16",
    color: Color = "bgr",
    headers: Mapping[str, str] | None = None,
    rtc_configuration: RTCConfigurationCallable | None = None,
    resumable: bool = True,
    timeout_s: float = 20.0,
) -> Connecting:
    """Call a stream: `async with connect(url) as call`, or `call = await connect(url)`.

    Args:
        url: where the stream is mounted, for example "http://127.0.0.1:8000/talk"; the
            address of its offer route will do too. "https" and "wss" are encrypted.
        transport: "webrtc", or "websocket" for audio and text over the server's own
            port.
        kinds: what is carried: "audio", "video", both, or none for text alone.
        mode: what the client does, as in `Stream`.
        webrtc_id: the session's name; a random one by default.
        sample_rate: of the audio that is heard, and of both ways over a WebSocket, Hz.
        encoding: over a WebSocket: "pcm16", "opus" or "mulaw".
        color: of the pictures that are seen and shown: "bgr" or "rgb".
        headers: of the requests, for example `{"Authorization": "Bearer …"}`.
        rtc_configuration: ICE servers: a dict as browsers take it, or a function or
            coroutine function that gives one. None: none, which reaches every server
            with a public address.
        resumable: over WebRTC, come back to the same session when the network was
            lost, within 30 s after that was noticed.
        timeout_s: of each step: the answer, the connection.

    Raises:
        ConfigurationError: the arguments don't fit together.
        RefusedError: (once awaited) the stream refuses; `code` says why,
            `meta["limit"]` how many clients it takes.
        UnreachableError: (once awaited) there is no stream, or no way to it.
    """
    if color not in ("bgr", "rgb"):
        raise ConfigurationError(f'color must be "bgr" or "rgb", not {color!r}')
    options = CallOptions(
        url=url,
        webrtc_id=webrtc_id or uuid.uuid4().hex,
        transport=transport,
        kinds=tuple(kinds),
        mode=mode,
        sample_rate=sample_rate,
        encoding=encoding,
        headers=dict(headers or {}),
        rtc_configuration=rtc_configuration,
        resumable=resumable,
        timeout_s=timeout_s,
    )
    return Connecting(options, color)

"""A call over a WebSocket: audio as binary messages, everything else as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Collection, Mapping
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from ..errors import SessionClosedError, UnreachableError
from ..session import Screen
from ..transports.websocket.codecs import AudioIn, AudioOut
from ..transports.websocket.protocol import OPUS_RATE_HZ, AudioFormat
from .lines import CallOptions, Listener, as_refusal
from .voice import Voice

logger = logging.getLogger("fastrtc")

MAX_MESSAGE_BYTES = 2**20
"""Of one message of the server's."""
PING_S = 20.0
"""How often a client that says nothing shows that it is there; the server ends a
session after 60 s of nothing."""
CLOSE_S = 2.0
"""How long a goodbye may take."""
LOST_CODES = (1006, 1011)
"""RFC 6455, 7.4.1: the socket ended without a goodbye; the pings were not answered."""


def line_rate_hz(options: CallOptions) -> int:
    """The rate at which a client's audio travels."""
    return OPUS_RATE_HZ if options.encoding == "opus" else options.sample_rate


class WebSocketLine:
    """A `Line` over a WebSocket.

    Args:
        options: of the call.
        voice: what is said, at `line_rate_hz`.
        screen: not used: pictures don't travel here.
        listener: who is told.
    """

    def __init__(
        self, options: CallOptions, voice: Voice, screen: Screen, listener: Listener
    ) -> None:
        _ = screen
        self._options = options
        self._voice = voice
        self._listener = listener
        self._format = AudioFormat(options.encoding, line_rate_hz(options))
        self._audio_in = AudioIn(self._format, options.sample_rate, "mono")
        self._audio_out = AudioOut(self._format)
        self._socket: ClientConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self.session_token: str | None = None
        self.sends: Collection[str] = ("audio",) if options.says else ()

    async def open(self) -> None:
        """Connect; see `Line`."""
        url = self._options.address("ws", "/websocket/offer")
        try:
            self._socket = socket = await connect(
                url,
                additional_headers=dict(self._options.headers),
                open_timeout=self._options.timeout_s,
                close_timeout=CLOSE_S,
                max_size=MAX_MESSAGE_BYTES,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            raise UnreachableError(
                f"{url} answered {status} to the WebSocket: is a stream mounted there, "
                "and do the headers hold what it asks of visitors?"
            ) from error
        except (
            OSError,
            WebSocketException,
            TimeoutError,
            asyncio.TimeoutError,
        ) as error:
            raise UnreachableError(f"No WebSocket at {url}: {error!r}") from error
        await self._start(socket)
        self._begin(self._read(socket))
        self._begin(self._speak(socket) if self._options.says else self._ping(socket))

    async def _start(self, socket: ClientConnection) -> None:
        format_ = {
            "encoding": self._format.encoding,
            "sample_rate": self._format.sample_rate_hz,
        }
        start = {"event": "start", "websocket_id": self._options.webrtc_id}
        try:
            await socket.send(json.dumps({**start, "format": format_}))
            await asyncio.wait_for(self._started(socket), self._options.timeout_s)
        except asyncio.TimeoutError:
            raise UnreachableError(
                "The server did not answer to `start` in time. Servers of FastRTC 0.0 "
                "don't know this client's protocol."
            ) from None
        except ConnectionClosed as error:
            raise UnreachableError(
                f"The server closed the WebSocket at once: {error}"
            ) from error

    async def _started(self, socket: ClientConnection) -> None:
        while True:
            message = await socket.recv()
            fields = _fields(message)
            if fields.get("status") == "failed":
                raise as_refusal(fields)
            if fields.get("event") == "started":
                self.session_token = fields.get("session_token")
                return
            if isinstance(message, str):
                self._listener.on_text(message)

    def _begin(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a call over WebSocket failed", exc_info=error)
            self._end(f"The client failed: {error!r}", lost=True)

    # -- from the server ---------------------------------------------------------------

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                message = await socket.recv()
                if isinstance(message, bytes):
                    self._hear(message)
                else:
                    self._take(message)
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else 1006
            lost = not self._closing and code in LOST_CODES
            self._end(f"The WebSocket was closed ({code}).", lost=lost)

    def _hear(self, payload: bytes) -> None:
        for frames in self._audio_in.push(payload):
            for frame in frames:
                self._listener.on_audio(frame)

    def _take(self, text: str) -> None:
        event = _fields(text).get("event")
        if event == "clear":
            self._listener.on_clear()
        elif event is None:
            self._listener.on_text(text)

    def _end(self, reason: str, *, lost: bool) -> None:
        for task in self._tasks:
            task.cancel()
        self._listener.on_end(reason, lost=lost)

    # -- to the server -----------------------------------------------------------------

    async def _speak(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed, SessionClosedError):
            while True:
                frame = await self._voice.next_frame()
                await socket.send(self._audio_out.encode(frame))

    async def _ping(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(PING_S)
                await socket.send('{"event":"ping"}')

    def send_text(self, text: str) -> None:
        """Send a message of the client's."""
        if self._socket is not None:
            self._begin(_send(self._socket, text))

    async def close(self) -> None:
        """Hang up, and leave nothing behind."""
        self._closing = True
        socket = self._socket
        if socket is None:
            return
        await asyncio.gather(_send(socket, '{"event":"stop"}'), return_exceptions=True)
        await socket.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(socket: ClientConnection, text: str) -> None:
    with contextlib.suppress(ConnectionClosed):
        await asyncio.wait_for(socket.send(text), CLOSE_S)


def _fields(message: str | bytes) -> Mapping[str, Any]:
    try:
        value: object = json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        return {}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}

"""The shell around the protocol: one WebSocket as a session's transport.

Who waits for what: one task reads the socket and feeds the session, one takes frames
from the playout as they are due, one writes what waits in the outbox. A slow client
thus delays neither the playout's clock nor the reading. All three end with the
session.

Half-open sockets are found by the server's own pings (uvicorn's `ws_ping_interval`
and `ws_ping_timeout`, 20 s each by default) and, where a client is expected to send,
by the idle limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial

from fastapi import WebSocket
from starlette.types import Message

from ...errors import RefusedError, SessionClosedError
from ...session import Session
from .bounds import (
    FLUSH_S,
    IDLE_TIMEOUT_S,
    MESSAGE_BURST,
    MESSAGES_PER_S,
    SEND_TIMEOUT_S,
)
from .codecs import AudioOut
from .hearing import Hearing
from .outbox import Outbox
from .protocol import (
    CLEAR,
    PONG,
    AudioFormat,
    Event,
    Media,
    Ping,
    Start,
    Stop,
    Typed,
    check_audio,
    close_code,
    media_event,
    parse_event,
    refusal_message,
    started_event,
)
from .rate import RateBound
from .sending import close_socket, send_message
from .timers import IdleTimer, SendTimer
from .work import SocketWork

logger = logging.getLogger("fastrtc")

NORMAL_CLOSE = 1000


class WebSocketConnection:
    """A session's transport.

    Args:
        websocket: the accepted socket.
        session: the session, opened and not started.
        start: what the client began with.
    """

    def __init__(
        self,
        websocket: WebSocket,
        session: Session,
        start: Start,
    ) -> None:
        self._websocket = websocket
        self._session = session
        self._negotiated = start.negotiates
        self._listens = session.media.client_sends
        self._speaks = session.media.client_receives
        self._set_formats(start)
        self._outbox = Outbox(self._not_reading)
        self._idle = IdleTimer(self._idle_timeout_s(start), self._too_quiet)
        self._sending = SendTimer(SEND_TIMEOUT_S, self._not_reading)
        now_s = session.loop.time()
        self._message_rate = RateBound(MESSAGES_PER_S, MESSAGE_BURST, now_s)
        self._work = SocketWork(session, "connection")
        self._writing: asyncio.Task[None] | None = None
        self._close_code = NORMAL_CLOSE

    def _idle_timeout_s(self, start: Start) -> float | None:
        if start.idle_timeout_s is None and not self._listens:
            # Who only listens has nothing to send.
            return None
        return start.idle_timeout_s or IDLE_TIMEOUT_S

    def _set_formats(self, start: Start) -> None:
        handler = self._session.handler
        self.input = _complete(start.input, handler.input_sample_rate)
        self.output = _complete(start.output, handler.output_sample_rate)
        self._hearing = Hearing(self._session, self.input)
        self._audio_out = AudioOut(self.output)

    # -- life ------------------------------------------------------------------------

    async def run(self, time_limit_s: float | None) -> None:
        """Carry the session to its end, and leave nothing of it.

        Raises:
            RefusedError: the session was closed before it began.
        """
        await self._work.run(self, partial(self._open, time_limit_s), self._read)

    def _open(self, time_limit_s: float | None) -> None:
        session = self._session
        session.context.websocket = self._websocket
        session.context.arrived_by(self._websocket)
        session.playout.on_clear = self._cleared
        if self._negotiated:
            self._outbox.put_text(started_event(self.input, self.output))
        session.channel.open(self._outbox.put_text)
        self._writing = self._work.begin(self._write())
        if self._speaks:
            self._work.begin(self._speak())
        self._idle.start()
        session.connected(time_limit_s, sends=("audio",) if self._speaks else ())

    # -- from the client ---------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while self._session.state != "closed":
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    self._session.gone(self, "the client left")
                    return
                now_s = self._session.loop.time()
                self._idle.touch(now_s)
                wait_s = self._message_rate.spend(1, now_s)
                if wait_s:
                    await asyncio.sleep(wait_s)
                await self._take(_event_of(message, binary=self._negotiated))
        except RefusedError as refusal:
            self._refuse(refusal)

    async def _take(self, event: Event) -> None:
        if isinstance(event, Media):
            if self._listens:
                await self._hearing.hear(event.payload)
        elif isinstance(event, Typed):
            self._session.receive_text(event.text)
        elif isinstance(event, Ping):
            self._outbox.put_text(PONG)
        elif isinstance(event, Stop):
            self._session.gone(self, "the client hung up")
        elif isinstance(event, Start):
            # One socket, one session: that one goes on as if nothing was said.
            taken = RefusedError(
                "connection_already_exists", "This socket has its session already."
            )
            self._outbox.put_text(refusal_message(taken))

    # -- to the client -----------------------------------------------------------------

    async def _speak(self) -> None:
        playout, encode = self._session.playout, self._audio_out.encode
        with contextlib.suppress(SessionClosedError):
            while True:
                payload = encode(await playout.next_frame())
                self._outbox.put_audio(
                    payload if self._negotiated else media_event(payload)
                )

    def _cleared(self) -> None:
        self._outbox.drop_audio()
        if self._negotiated:
            self._outbox.put_text(CLEAR)

    async def _write(self) -> None:
        while (message := await self._outbox.take()) is not None:
            # A client that doesn't read for long loses its session.
            self._sending.begin()
            if not await send_message(self._websocket, message):
                self._session.gone(self, "the socket is gone")
                return
            self._sending.end()

    # -- ends --------------------------------------------------------------------------

    def _refuse(self, refusal: RefusedError) -> None:
        self._outbox.put_text(refusal_message(refusal))
        self._close_code = close_code(refusal)
        self._session.close_soon(f"the client sent what can't be used: {refusal}")

    def _not_reading(self) -> None:
        self._session.close_soon("the client doesn't read what it is sent")

    def _too_quiet(self, timeout_s: float) -> None:
        self._session.end(f"Nothing was received for {timeout_s:g} s.")

    # -- the session's side (session.Transport) ----------------------------------------

    def choose_rate_hz(self, rate_hz: int) -> int:
        return self._audio_out.choose_rate_hz(rate_hz)

    async def disconnect(self) -> None:
        """Let the last messages leave, then close the socket."""
        self._idle.stop()
        self._sending.stop()
        self._session.playout.on_clear = None
        self._outbox.end()
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=FLUSH_S)
        await self._work.stop()
        await close_socket(self._websocket, self._close_code)


def _complete(format_: AudioFormat | None, rate_hz: int) -> AudioFormat:
    """A format whose rate is known; FastRTC's if none was asked for."""
    if format_ is None:
        return AudioFormat("mulaw", rate_hz)
    return AudioFormat(format_.encoding, format_.sample_rate_hz or rate_hz)


def _event_of(message: Message, *, binary: bool) -> Event:
    """The event in an ASGI message.

    Raises:
        RefusedError: there is none.
    """
    payload: bytes | None = message.get("bytes")
    if payload is None:
        return parse_event(message.get("text") or "")
    if not binary:
        raise RefusedError(
            "invalid_message",
            "Binary messages need a format in start; without one, audio is JSON.",
        )
    return check_audio(payload)

"""The shell around a provider's messages: one call as a session's transport.

As with the WebSocket door, one task reads, one takes frames as they are due, one
writes. What is different: the provider queues audio itself. So it is asked to drop it
when the bot is interrupted, and to say when the last of it was played: only then has
the bot finished speaking.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial

from fastapi import WebSocket

from ...errors import RefusedError, SessionClosedError
from ...session import Session
from ..websocket.bounds import FLUSH_S, MESSAGE_BURST, MESSAGES_PER_S, SEND_TIMEOUT_S
from ..websocket.codecs import AudioOut
from ..websocket.hearing import Hearing
from ..websocket.outbox import Outbox
from ..websocket.protocol import AudioFormat, Media, close_code
from ..websocket.rate import RateBound
from ..websocket.sending import close_socket, send_message
from ..websocket.timers import IdleTimer, SendTimer
from ..websocket.work import SocketWork
from .bounds import IDLE_TIMEOUT_S, LEAD_S, MARK_TIMEOUT_S, RATE_HZ
from .provider import (
    CallEnded,
    CallStarted,
    KeyPressed,
    MarkPlayed,
    PhoneEvent,
    PhoneProvider,
)

logger = logging.getLogger("fastrtc")

MULAW = AudioFormat("mulaw", RATE_HZ)
NORMAL_CLOSE = 1000


class PhoneConnection:
    """A session's transport.

    Args:
        websocket: the accepted socket.
        session: the session, opened and not started.
        start: what the provider began with.
        provider: makes and reads the messages.

    Attributes:
        caller_left: the call ended by itself, and need not be ended.
    """

    def __init__(
        self,
        websocket: WebSocket,
        session: Session,
        start: CallStarted,
        provider: PhoneProvider,
    ) -> None:
        self._websocket = websocket
        self._session = session
        self._start = start
        self._provider = provider
        self._listens = session.media.client_sends
        self._speaks = session.media.client_receives
        self._hearing = Hearing(session, MULAW)
        self._audio_out = AudioOut(MULAW)
        self._outbox = Outbox(self._not_reading)
        self._idle = IdleTimer(IDLE_TIMEOUT_S, self._too_quiet)
        self._sending = SendTimer(SEND_TIMEOUT_S, self._not_reading)
        self._message_rate = RateBound(
            MESSAGES_PER_S, MESSAGE_BURST, session.loop.time()
        )
        self._marks = 0
        self._unplayed = False
        self._mark_timer: asyncio.TimerHandle | None = None
        self._work = SocketWork(session, "call")
        self._writing: asyncio.Task[None] | None = None
        self._close_code = NORMAL_CLOSE
        self.caller_left = False

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
        session.context.call = self._start.call
        # There is no page to read them, and the provider takes its own messages only.
        session.channel.open(_drop)
        self._writing = self._work.begin(self._write())
        if self._speaks:
            session.playout.on_clear = self._cleared
            session.playout.on_empty = self._ask_when_played
            session.playout.lead_s = LEAD_S
            self._work.begin(self._speak())
        self._idle.start()
        session.connected(time_limit_s, sends=("audio",) if self._speaks else ())

    # -- from the provider -------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while self._session.state != "closed":
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    self._left("the stream was closed")
                    return
                now_s = self._session.loop.time()
                self._idle.touch(now_s)
                wait_s = self._message_rate.spend(1, now_s)
                if wait_s:
                    await asyncio.sleep(wait_s)
                await self._take(self._provider.parse(message.get("text") or ""))
        except RefusedError as refusal:
            logger.warning("session %s: its call ends: %s", self._session.id, refusal)
            self._close_code = close_code(refusal)
            self._session.close_soon(f"the provider sent what can't be used: {refusal}")

    async def _take(self, event: PhoneEvent) -> None:
        if isinstance(event, Media):
            if self._listens:
                await self._hearing.hear(event.payload)
        elif isinstance(event, KeyPressed):
            self._session.receive_dtmf(event.digit)
        elif isinstance(event, MarkPlayed):
            if event.name in (None, str(self._marks)):
                self._played()
        elif isinstance(event, CallEnded):
            self._left("the caller hung up")

    def _left(self, reason: str) -> None:
        # Not when it is closed by us: then the call may still be there.
        if self._session.state != "closed":
            self.caller_left = True
        self._session.gone(self, reason)

    # -- to the provider ---------------------------------------------------------------

    async def _speak(self) -> None:
        playout, encode = self._session.playout, self._audio_out.encode
        media, stream_id = self._provider.media, self._start.stream_id
        with contextlib.suppress(SessionClosedError):
            while True:
                frame = await playout.next_frame()
                self._outbox.put_audio(media(stream_id, encode(frame)))
                self._unplayed = True

    def _cleared(self) -> None:
        self._outbox.drop_audio()
        if self._unplayed:
            self._outbox.put_text(self._provider.clear(self._start.stream_id))

    def _ask_when_played(self) -> None:
        self._marks += 1
        mark = self._provider.mark(self._start.stream_id, str(self._marks))
        self._outbox.put_text(mark)
        self._stop_mark_timer()
        self._mark_timer = self._session.loop.call_later(MARK_TIMEOUT_S, self._played)

    def _played(self) -> None:
        self._stop_mark_timer()
        self._session.playout.heard()
        self._unplayed = not self._session.playout.idle

    def _stop_mark_timer(self) -> None:
        if self._mark_timer is not None:
            self._mark_timer.cancel()
            self._mark_timer = None

    async def _write(self) -> None:
        while (message := await self._outbox.take()) is not None:
            self._sending.begin()
            if not await send_message(self._websocket, message):
                self._left("the socket is gone")
                return
            self._sending.end()

    # -- ends --------------------------------------------------------------------------

    def _not_reading(self) -> None:
        self._session.close_soon("the provider doesn't read what it is sent")

    def _too_quiet(self, timeout_s: float) -> None:
        self._session.close_soon(f"nothing was received for {timeout_s:g} s")

    # -- the session's side (session.Transport) ----------------------------------------

    def choose_rate_hz(self, rate_hz: int) -> int:
        return RATE_HZ

    async def disconnect(self) -> None:
        """Let the last messages leave, then close the socket, which ends the stream."""
        self._idle.stop()
        self._sending.stop()
        self._stop_mark_timer()
        playout = self._session.playout
        playout.on_clear = playout.on_empty = None
        self._outbox.end()
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=FLUSH_S)
        await self._work.stop()
        await close_socket(self._websocket, self._close_code)


def _drop(message: str) -> None:
    """Take a text for the client and do nothing with it."""

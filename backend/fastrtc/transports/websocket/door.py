"""Lets clients in by WebSocket: the handshake, `start`, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from fastapi import WebSocket
from starlette.requests import HTTPConnection

from ...errors import RefusedError
from ...media import Media
from ...session import Session
from .bounds import FLUSH_S, MAX_EARLY_MESSAGES, START_TIMEOUT_S
from .connection import WebSocketConnection
from .protocol import (
    PONG,
    Ping,
    Start,
    Stop,
    close_code,
    parse_event,
    refusal_message,
)
from .sending import GONE, close_socket, send_message

logger = logging.getLogger("fastrtc")


Admit = Callable[[HTTPConnection], Awaitable[None]]
NOT_ADMITTED = 1008
"""Policy violation. Before the handshake servers make an HTTP 403 of it."""


class Sessions(Protocol):
    """Where sessions are opened: a `SessionTable`, or what stands in front of one."""

    @property
    def media(self) -> Media: ...

    @property
    def time_limit_s(self) -> float | None: ...

    def open(self, session_id: str) -> Session: ...


class WebSocketDoor:
    """The WebSocket way into a stream's sessions.

    Args:
        table: the stream's sessions, those of the other doors included. Of audio
            and video the audio is carried; video alone is refused.
        admit: lets a visitor pass or raises RefusedError; before the handshake, so
            that a refusal costs nothing. It is an HTTP 403 then.
    """

    def __init__(self, table: Sessions, admit: Admit | None = None) -> None:
        self._table = table
        self._admit = admit

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one client until its session has ended; raises nothing of its making.

        Args:
            websocket: not accepted yet.
        """
        if not await let_in(websocket, self._admit):
            return
        try:
            start = await self._start_of(websocket)
            if start is None:
                await close_socket(websocket, 1000)
            else:
                await self._carry(websocket, start)
        except RefusedError as refusal:
            logger.debug("a WebSocket client is refused: %s", refusal)
            await _refuse(websocket, refusal)

    async def _start_of(self, websocket: WebSocket) -> Start | None:
        """The client's `start`; None when it leaves without.

        Raises:
            RefusedError: it takes too long, or says what can't be used.
        """
        try:
            return await asyncio.wait_for(_read_start(websocket), START_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise RefusedError(
                "start_timeout", f"No start came within {START_TIMEOUT_S:g} s."
            ) from None

    async def _carry(self, websocket: WebSocket, start: Start) -> None:
        media = self._table.media
        if "audio" not in media.kinds:
            raise RefusedError(
                "modality_not_supported",
                "A WebSocket carries audio; this stream is video alone. Use WebRTC.",
                modality=media.modality,
            )
        session = self._table.open(start.session_id)
        try:
            connection = WebSocketConnection(websocket, session, start)
            await connection.run(self._table.time_limit_s)
        finally:
            await session.close("its connection has ended")


async def let_in(websocket: WebSocket, admit: Admit | None) -> bool:
    """Accept a socket whose visitor may pass; False when it is refused, or gone."""
    try:
        if admit is not None:
            await admit(websocket)
        await websocket.accept()
    except RefusedError as refusal:
        logger.info("a WebSocket client is not let in: %s", refusal)
        await websocket.close(NOT_ADMITTED)
        return False
    except GONE:
        return False
    return True


async def _read_start(websocket: WebSocket) -> Start | None:
    for _ in range(MAX_EARLY_MESSAGES):
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        if message.get("bytes") is not None:
            # Audio of nobody yet.
            continue
        event = parse_event(message.get("text") or "")
        if isinstance(event, Start):
            return event
        if isinstance(event, Stop):
            return None
        if isinstance(event, Ping):
            await send_message(websocket, PONG)
    raise RefusedError("start_timeout", "Too many messages came before start.")


async def _refuse(websocket: WebSocket, refusal: RefusedError) -> None:
    message = refusal_message(refusal)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(send_message(websocket, message), FLUSH_S)
    await close_socket(websocket, close_code(refusal))

"""Lets calls in: the webhook's answer, the stream's `start`, and what is refused."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import time
from typing import Protocol

from fastapi import WebSocket

from ...context import PhoneCall
from ...errors import RefusedError
from ..websocket.bounds import MAX_EARLY_MESSAGES
from ..websocket.door import Admit, Sessions, let_in
from ..websocket.protocol import close_code
from ..websocket.sending import close_socket
from .api import send_request
from .bounds import MAX_PARAMETERS_CHARS, START_TIMEOUT_S
from .connection import PhoneConnection
from .options import TelephoneOptions
from .provider import CallEnded, CallStarted, PhoneProvider, Webhook
from .tickets import TicketOffice, joined

logger = logging.getLogger("fastrtc")


class Lines(Sessions, Protocol):
    """Where sessions are opened, and how many there may be."""

    limit: int | None

    def __len__(self) -> int: ...


class TelephoneDoor:
    """The telephone's way into a stream's sessions.

    Args:
        table: the stream's sessions, those of the other doors included.
        options: see there.
        admit: lets a stream pass before its handshake, or raises RefusedError. Not
            asked where webhooks are checked: then the provider vouches for its calls,
            which all come from a few addresses and with no cookie or key of a user's.
    """

    def __init__(
        self, table: Lines, options: TelephoneOptions, admit: Admit | None = None
    ) -> None:
        self._table = table
        self._admit = None if options.provider.checks_webhooks else admit
        self._provider: PhoneProvider = options.provider
        self._announcement = options.announcement
        self._office = TicketOffice(options.provider.secret)

    # -- the webhook -------------------------------------------------------------------

    def answer(self, webhook: Webhook, stream_url: str) -> str:
        """Instructions for a call, as the provider's XML.

        When all lines are busy, so sounds the call.

        Args:
            webhook: the provider's request.
            stream_url: where its stream is to go.

        Raises:
            RefusedError: the request is forged.
            MissingExtraError: the provider's library is not installed.
        """
        now_s = time.time()
        provider = self._provider
        if provider.checks_webhooks and not provider.is_genuine(webhook, now_s):
            raise RefusedError(
                "invalid_signature",
                f"The webhook is not signed by {provider.name} for {webhook.url}. If "
                "that isn't the address it was sent to, set public_url.",
            )
        call = provider.call_of(webhook)
        if self._table.limit is not None and len(self._table) >= self._table.limit:
            logger.info(
                "a call is turned down: all %d lines are busy", len(self._table)
            )
            return provider.busy_xml()
        ticket = self._office.issue(_with_parameters(call, webhook), now_s)
        ticket = ticket or self._office.issue(call, now_s) or ""
        return provider.connect_xml(stream_url, ticket, self._announcement)

    # -- the stream --------------------------------------------------------------------

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one call until its session has ended; raises nothing of its making.

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
            # Providers read nothing but their own messages, so the code says it.
            logger.info("a call is refused: %s", refusal)
            await close_socket(websocket, close_code(refusal))

    async def _start_of(self, websocket: WebSocket) -> CallStarted | None:
        try:
            start = await asyncio.wait_for(self._read_start(websocket), START_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise RefusedError(
                "start_timeout", f"No start came within {START_TIMEOUT_S:g} s."
            ) from None
        if start is None:
            return None
        return dataclasses.replace(start, call=self._identify(websocket, start))

    async def _read_start(self, websocket: WebSocket) -> CallStarted | None:
        for _ in range(MAX_EARLY_MESSAGES):
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            event = self._provider.parse(message.get("text") or "")
            if isinstance(event, CallStarted):
                return event
            if isinstance(event, CallEnded):
                return None
        raise RefusedError("start_timeout", "Too many messages came before start.")

    def _identify(self, websocket: WebSocket, start: CallStarted) -> PhoneCall:
        """The call, as far as it is known.

        Raises:
            RefusedError: nobody has asked for this stream.
        """
        ticket = start.ticket or websocket.query_params.get("ticket")
        known = None if ticket is None else self._office.redeem(ticket, time.time())
        if known is not None:
            return joined(start.call, known)
        if self._provider.checks_webhooks:
            raise RefusedError(
                "invalid_ticket",
                "The stream brings no ticket from an answer to a signed webhook of "
                "the last minutes, or an used one.",
            )
        return start.call

    async def _carry(self, websocket: WebSocket, start: CallStarted) -> None:
        media = self._table.media
        if "audio" not in media.kinds:
            raise RefusedError(
                "modality_not_supported",
                "A telephone carries audio; this stream is video alone.",
                modality=media.modality,
            )
        session = self._table.open(start.stream_id)
        session.handler.phone_mode = True
        connection = PhoneConnection(websocket, session, start, self._provider)
        try:
            await connection.run(self._table.time_limit_s)
        finally:
            await session.close("its call has ended")
        if not connection.caller_left:
            await self._hang_up(start.call.call_id)

    async def _hang_up(self, call_id: str) -> None:
        request = self._provider.hang_up(call_id)
        if request is None:
            return
        try:
            await send_request(self._provider.name, request)
        except Exception as error:
            logger.warning("the call %s could not be ended: %s", call_id, error)


def _with_parameters(call: PhoneCall, webhook: Webhook) -> PhoneCall:
    """The call with the parameters of the webhook's address, unless they are too long.

    Of a GET the provider's own fields are among them, so it brings none.
    """
    if webhook.method != "POST":
        return call
    parameters = dict(webhook.query)
    if len(json.dumps(parameters)) > MAX_PARAMETERS_CHARS:
        logger.warning(
            "the parameters of a call are left out: they have more than %d characters",
            MAX_PARAMETERS_CHARS,
        )
        return call
    return dataclasses.replace(call, parameters=parameters)

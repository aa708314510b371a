"""The telephone's routes of a stream."""

from __future__ import annotations

import logging
import re
from enum import Enum
from typing import Protocol
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response, WebSocket
from starlette.requests import HTTPConnection

from .errors import MissingExtraError, RefusedError
from .transports.telephone import TelephoneDoor, TelephoneOptions
from .transports.telephone.address import public_url, stream_url
from .transports.telephone.bounds import MAX_WEBHOOK_BYTES
from .transports.telephone.door import Lines
from .transports.telephone.provider import Webhook

logger = logging.getLogger("fastrtc")

MAX_FIELDS = 200
"""Of a webhook; the busiest has some 30."""


class Visitors(Protocol):
    """The check of a stream's visitors."""

    async def admit(self, connection: HTTPConnection) -> None: ...


class PhoneStream(Protocol):
    """What the routes need of a `Stream`."""

    @property
    def sessions(self) -> Lines: ...

    @property
    def access(self) -> Visitors: ...

    @property
    def telephone(self) -> TelephoneOptions: ...


def add_telephone_routes(
    router: APIRouter, stream: PhoneStream, tags: list[str | Enum] | None = None
) -> None:
    """Add `/telephone/incoming`, by GET and POST, and `WS /telephone/handler`.

    Args:
        tags: of the former in the API's description.
    """
    options = stream.telephone
    door = TelephoneDoor(stream.sessions, options, stream.access.admit)

    @router.post("/telephone/incoming", tags=tags, summary="A call comes in")
    async def incoming(request: Request) -> Response:
        return await answer_call(request, door, options)

    @router.get("/telephone/incoming", tags=tags, summary="A call comes in")
    async def incoming_by_get(request: Request) -> Response:
        return await answer_call(request, door, options)

    @router.websocket("/telephone/handler")
    async def telephone_handler(websocket: WebSocket) -> None:
        await door.serve(websocket)

    _ = incoming, incoming_by_get, telephone_handler


async def answer_call(
    request: Request, door: TelephoneDoor, options: TelephoneOptions
) -> Response:
    """Answer a provider's webhook: XML, or a status that says why there is none."""
    try:
        url = public_url(request, options)
        webhook = await read_webhook(request, url)
        stream = stream_url(url, needs_tls=options.provider.needs_tls)
        return Response(door.answer(webhook, stream), media_type="application/xml")
    except RefusedError as refusal:
        logger.warning("a telephone webhook is refused: %s", refusal)
        forged = refusal.code == "invalid_signature"
        # Whoever forges learns nothing.
        text = "The signature is wrong." if forged else str(refusal)
        return Response(text, 403 if forged else 400, media_type="text/plain")
    except MissingExtraError as error:
        logger.error("%s", error)
        return Response(str(error), 501, media_type="text/plain")


async def read_webhook(request: Request, url: str) -> Webhook:
    """A webhook with its fields.

    Args:
        url: its public address without the query.

    Raises:
        RefusedError: it is too large, or nothing that providers send.
    """
    body = await _read_body(request)
    query: str = request.scope["query_string"].decode("latin-1")
    form = ""
    kind = request.headers.get("content-type", "")
    if re.match(r"application/x-www-form-urlencoded\b", kind, re.IGNORECASE):
        form = body.decode("latin-1")
    return Webhook(
        request.method,
        f"{url}?{query}" if query else url,
        {name.lower(): value for name, value in request.headers.items()},
        body,
        _fields(query),
        _fields(form),
    )


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_WEBHOOK_BYTES:
            raise RefusedError(
                "message_too_large", f"A webhook has {MAX_WEBHOOK_BYTES} bytes at most."
            )
    return bytes(body)


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise RefusedError("invalid_message", "Too many fields.") from None

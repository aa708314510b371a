"""The HTTP routes of a stream, with their checks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ValidationError

from .errors import RefusedError
from .options import MAX_BODY_BYTES
from .telephone_route import add_telephone_routes
from .websocket_route import add_websocket_routes
from .whip_route import add_whip_routes

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from .stream import Stream

CLIENT_MODULE = Path(__file__).parent / "static" / "fastrtc.js"


class Body(BaseModel):
    """The body of `POST …/webrtc/offer`: an offer or a trickled candidate.

    Attributes:
        type: `"offer"` or `"ice-candidate"`.
        webrtc_id: the session's name, chosen by the client.
        sdp: the offer.
        resumable, resume_token: see `messages.Offer`.
        candidate: `candidate`, `sdpMid` and `sdpMLineIndex` of a candidate.
    """

    type: str
    webrtc_id: str
    sdp: str | None = None
    candidate: dict[str, Any] | None = None
    resumable: bool = False
    resume_token: str | None = None


async def read_body(request: Request) -> Body:
    """A request's checked body.

    Raises:
        HTTPException: 413 when it is too large, 422 when it is malformed.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise HTTPException(413, f"The body exceeds {MAX_BODY_BYTES} bytes.")
    try:
        return Body.model_validate(json.loads(raw))
    except ValidationError as error:
        # Without the input: JSON knows NaN, which can't be sent back.
        details = error.errors(
            include_url=False, include_context=False, include_input=False
        )
        raise HTTPException(422, cast("Any", details)) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, "The body is not JSON.") from error


def make_router(stream: Stream, path: str, tags: list[str | Enum] | None) -> APIRouter:
    """The stream's routes, under `path`."""
    router = APIRouter(prefix=path)

    @router.post(
        "/webrtc/offer", tags=tags, openapi_extra=_openapi_body(), summary="Connect"
    )
    async def offer(request: Request) -> JSONResponse:
        return JSONResponse(await answer(stream, await read_body(request), request))

    @router.get("/webrtc/client.js", tags=tags, summary="The JavaScript client")
    async def client_module() -> FileResponse:
        return FileResponse(CLIENT_MODULE, media_type="text/javascript")

    _ = offer, client_module
    add_websocket_routes(router, stream)
    add_telephone_routes(router, stream, tags)
    add_whip_routes(router, stream, tags)
    return router


async def answer(
    stream: Stream, body: Body | Mapping[str, Any], request: HTTPConnection
) -> dict[str, Any]:
    """The answer to an offer or a candidate, once its sender was let in."""
    fields = as_fields(body)
    try:
        await stream.admit(fields, request)
    except RefusedError as refusal:
        return refusal.as_answer()
    made = await stream.door.handle(fields, request=request)
    if made.get("type") == "answer":
        made["session_token"] = stream.access.token(fields["webrtc_id"])
    return made


def as_fields(body: Body | Mapping[str, Any]) -> Mapping[str, Any]:
    """A body's fields by their names."""
    return body.model_dump() if isinstance(body, Body) else body


def _openapi_body() -> dict[str, Any]:
    schema = Body.model_json_schema()
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


Lifespan = Callable[[Any], contextlib.AbstractAsyncContextManager[Any]]


def with_stream(
    lifespan: Lifespan | None,
    on_start: Callable[[], Awaitable[None]],
    on_stop: Callable[[], Awaitable[None]],
) -> Lifespan:
    """A lifespan that starts and stops a stream around another one, if any."""

    @contextlib.asynccontextmanager
    async def combined(app: FastAPI) -> AsyncGenerator[Any, None]:
        inner = lifespan(app) if lifespan is not None else contextlib.nullcontext()
        async with inner as state:
            await on_start()
            try:
                yield state
            finally:
                await on_stop()

    return combined

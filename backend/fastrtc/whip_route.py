"""The routes of WHIP and WHEP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from fastapi import APIRouter, Request
from fastapi.responses import Response

from .transports.whip import ProblemError, WhipDoor
from .transports.whip.door import FRAGMENT, SDP, Protocol

if TYPE_CHECKING:
    from .stream import Stream

P = ParamSpec("P")


def add_whip_routes(
    router: APIRouter, stream: Stream, tags: list[Any] | None = None
) -> None:
    """Add `/whip`, `/whep` and the resources under them to a router.

    Args:
        tags: of the routes in the app's OpenAPI.
    """
    protocols: tuple[Protocol, ...] = ("whip", "whep")
    for protocol in protocols:
        door = WhipDoor(
            stream.sessions, stream.door, stream.ice, protocol, stream.access.admit
        )
        _add_endpoint(router, door, tags)
        _add_resource(router, door, tags)


def _add_endpoint(router: APIRouter, door: WhipDoor, tags: list[Any] | None) -> None:
    path = f"/{door.protocol}"
    verb = "Send" if door.protocol == "whip" else "Play"

    @router.post(
        path,
        tags=tags,
        summary=f"{verb} by {door.protocol.upper()}",
        status_code=201,
        response_class=Response,
        openapi_extra=_openapi_body(SDP),
    )
    @_with_problems
    async def create(request: Request) -> Response:
        return await door.create(request)

    @router.options(path, include_in_schema=False)
    async def options() -> Response:
        return door.options()

    # RFC 9725, 4.1: there is nothing to be got, and that is no error.
    @router.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)
    async def nothing() -> Response:
        return Response(status_code=204)

    _ = create, options, nothing


def _add_resource(router: APIRouter, door: WhipDoor, tags: list[Any] | None) -> None:
    name = door.protocol.upper()
    path = f"/{door.protocol}/{{key}}"

    @router.patch(
        path,
        tags=tags,
        summary=f"Add ICE candidates to a {name} session",
        status_code=204,
        response_class=Response,
        openapi_extra=_openapi_body(FRAGMENT),
    )
    @_with_problems
    async def patch(request: Request, key: str) -> Response:
        return await door.patch(request, key)

    @router.delete(
        path, tags=tags, summary=f"End a {name} session", response_class=Response
    )
    @_with_problems
    async def delete(key: str) -> Response:
        return await door.delete(key)

    @router.api_route(path, methods=["GET", "HEAD"], include_in_schema=False)
    @_with_problems
    async def check(key: str) -> Response:
        return door.check(key)

    _ = patch, delete, check


def _with_problems(
    route: Callable[P, Awaitable[Response]],
) -> Callable[P, Awaitable[Response]]:
    @wraps(route)
    async def answering(*args: P.args, **kwargs: P.kwargs) -> Response:
        try:
            return await route(*args, **kwargs)
        except ProblemError as problem:
            return problem.response()

    return answering


def _openapi_body(media_type: str) -> dict[str, Any]:
    content = {media_type: {"schema": {"type": "string"}}}
    return {"requestBody": {"required": True, "content": content}}

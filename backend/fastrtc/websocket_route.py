"""The WebSocket route of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket

from .transports.websocket import WebSocketDoor

if TYPE_CHECKING:
    from .stream import Stream


def add_websocket_routes(router: APIRouter, stream: Stream) -> None:
    """Add `WS /websocket/offer` to a router."""

    @router.websocket("/websocket/offer")
    async def websocket_offer(websocket: WebSocket) -> None:
        await serve_websocket(websocket, stream)

    _ = websocket_offer


async def serve_websocket(
    websocket: WebSocket, stream_or_door: Stream | WebSocketDoor
) -> None:
    """Serve one client of a stream, from the handshake to the end of its session.

    For a route of one's own: any path will do.

    Args:
        websocket: not accepted yet.
        stream_or_door: a stream, or a door to sessions that belong to none.
    """
    door = stream_or_door
    if not isinstance(door, WebSocketDoor):
        door = WebSocketDoor(door.sessions, door.access.admit)
    await door.serve(websocket)

"""Sending on a socket that may be closed already."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import WebSocket, WebSocketDisconnect

from .bounds import FLUSH_S

GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What sending raises once the socket is closed, by either side."""


async def send_message(websocket: WebSocket, message: str | bytes) -> bool:
    """Send one message; False when the socket is closed, by either side."""
    try:
        if isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)
    except GONE:
        return False
    return True


async def close_socket(websocket: WebSocket, code: int) -> None:
    """Close it, unless it is closed or its client doesn't read."""
    with contextlib.suppress(*GONE, asyncio.TimeoutError):
        await asyncio.wait_for(websocket.close(code), FLUSH_S / 2)

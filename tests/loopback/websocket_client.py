"""A WebSocket client of the tests, and a server for it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from fastrtc.websocket_route import serve_websocket

from .support import PATIENCE_S, Server, audio_stream


@contextlib.asynccontextmanager
async def serving(handler: Any, **options: Any) -> AsyncGenerator[Server, None]:
    """A running server with the WebSocket routes; everything of it must end with it."""
    stream = audio_stream(handler, **options)
    app, router = FastAPI(), APIRouter()
    stream.mount(app)

    @router.websocket("/of/my/own")
    async def own(websocket: WebSocket) -> None:
        await serve_websocket(websocket, stream)

    _ = own
    app.include_router(router)
    server = Server(stream, app=app)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    assert not len(stream.sessions), "a session outlived its server"
    assert not server.left_tasks, server.left_tasks


class Caller:
    """A client with one socket: sends what it is told and keeps what it gets."""

    def __init__(self, socket_: ClientConnection, format_: Any) -> None:
        self.socket = socket_
        self.format = format_
        self.id = uuid.uuid4().hex
        self.events: list[dict[str, Any]] = []
        self.audio: list[bytes] = []
        self._changed = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = await self.socket.recv()
                if isinstance(message, bytes):
                    self.audio.append(message)
                elif (event := json.loads(message)).get("event") == "media":
                    self.audio.append(base64.b64decode(event["media"]["payload"]))
                else:
                    self.events.append(event)
                self._changed.set()
        self._changed.set()

    async def say(self, event: Any) -> None:
        await self.socket.send(json.dumps(event))

    async def start(self, **fields: Any) -> None:
        if self.format is not None:
            fields["format"] = self.format
        await self.say({"event": "start", "websocket_id": self.id, **fields})

    async def send(self, payload: bytes) -> None:
        """Send audio, in the form that was agreed."""
        if self.format is None:
            encoded = base64.b64encode(payload).decode()
            await self.say({"event": "media", "media": {"payload": encoded}})
        else:
            await self.socket.send(payload)

    async def until(self, there: Callable[[], Any]) -> None:
        while not there():
            assert not self._reading.done(), f"closed first: {self.events[-3:]}"
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), PATIENCE_S)

    async def event(self, kind: str, data: Any = None) -> dict[str, Any]:
        """The first event of a kind, once it is there."""

        def found() -> list[dict[str, Any]]:
            return [
                e
                for e in self.events
                if kind in (e.get("event"), e.get("type"))
                and data in (None, e.get("data"))
            ]

        await self.until(found)
        return found()[0]

    async def closed(self) -> int | None:
        """The code the server closes with."""
        await asyncio.wait_for(self.socket.wait_closed(), PATIENCE_S)
        await self._reading
        return self.socket.close_code

    async def leave(self) -> None:
        await self.socket.close()
        await self._reading


@contextlib.asynccontextmanager
async def calling(
    server: Server, format_: Any = None, path: str = "/websocket/offer"
) -> AsyncGenerator[Caller, None]:
    """A client, connected and not started."""
    url = server.url.replace("http", "ws") + path
    async with connect(url, proxy=None) as socket_:
        caller = Caller(socket_, format_)
        try:
            yield caller
        finally:
            await caller.leave()

"""A WebSocket without a network: what a client sends and gets, on any clock."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

from fastapi import WebSocket

from fastrtc.handlers.base import StreamHandlerBase
from fastrtc.media import Media
from fastrtc.session import SessionTable
from fastrtc.transports.websocket import WebSocketDoor
from tests.support.handlers import AsyncHandler, tone

PCM = {"encoding": "pcm16", "sample_rate": 24_000}


class Wire:
    """Both ends of one socket.

    Args:
        door: serves the server's end.

    Attributes:
        sent: what the server sent, as ASGI messages, with the loop's time.
        gate: the socket takes what is sent while this is set.
    """

    def __init__(self, door: WebSocketDoor) -> None:
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._changed = asyncio.Event()
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        headers = [(b"origin", b"http://here")]
        scope: dict[str, Any] = {"type": "websocket", "path": "/", "headers": headers}
        self.websocket = WebSocket(scope, self._incoming.get, self._send)
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.serving = asyncio.ensure_future(door.serve(self.websocket))

    async def _send(self, message: Any) -> None:
        await self.gate.wait()
        now_s = asyncio.get_running_loop().time()
        self.sent.append((now_s, message))
        if message["type"] == "websocket.close":
            self.leave(message["code"])
        self._changed.set()

    # -- the client's side -------------------------------------------------------------

    def say(self, event: Any) -> None:
        """Send an event; a str or bytes as it is."""
        if isinstance(event, bytes):
            self._incoming.put_nowait({"type": "websocket.receive", "bytes": event})
            return
        text = event if isinstance(event, str) else json.dumps(event)
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    def start(self, session_id: str = "me", **fields: Any) -> None:
        """Send `start`."""
        self.say({"event": "start", "websocket_id": session_id, **fields})

    def media(self, payload: bytes) -> None:
        """Send audio as FastRTC's clients do."""
        encoded = base64.b64encode(payload).decode()
        self.say({"event": "media", "media": {"payload": encoded}})

    def leave(self, code: int = 1006) -> None:
        """The connection is gone."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": code})

    @property
    def texts(self) -> list[str]:
        """The texts that came."""
        return [m["text"] for _, m in self.sent if m.get("text") is not None]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The same, parsed."""
        return [json.loads(text) for text in self.texts]

    @property
    def audio(self) -> list[tuple[float, bytes]]:
        """The binary messages that came, with their time."""
        return [(t, m["bytes"]) for t, m in self.sent if m.get("bytes") is not None]

    @property
    def close_code(self) -> int | None:
        """The code the server closed with."""
        codes = [m["code"] for _, m in self.sent if m["type"] == "websocket.close"]
        return codes[0] if codes else None

    async def until(self, there: Callable[[], Any]) -> None:
        """Wait until something is so, looked at whenever the server sends."""
        while not there():
            assert not self.serving.done(), f"it ended first: {self.sent[-3:]}"
            self._changed.clear()
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait(
                [changed, self.serving], return_when=asyncio.FIRST_COMPLETED
            )
            changed.cancel()

    async def event(self, kind: str) -> dict[str, Any]:
        """The first message of this `event` or `type`, once it is there."""

        def found() -> list[dict[str, Any]]:
            return [e for e in self.events if kind in (e.get("event"), e.get("type"))]

        await self.until(found)
        return found()[0]

    async def started(self, **fields: Any) -> None:
        """Start, and wait until the server has taken it."""
        self.start(**fields)
        self.say({"event": "ping"})
        await self.event("pong")

    async def hang_up(self) -> None:
        """Send `stop` and wait for the end."""
        self.say({"event": "stop"})
        await self.serving

    async def refused(self) -> dict[str, Any]:
        """The `meta` of the refusal the server ends with."""
        await self.serving
        refusal = self.events[-1]
        assert refusal["type"] == "error", refusal
        assert refusal["status"] == "failed"
        assert self.close_code is not None
        return refusal["meta"]


def door_to(
    handler: StreamHandlerBase,
    *,
    modality: Any = "audio",
    mode: Any = "send-receive",
    **table: Any,
) -> tuple[SessionTable, WebSocketDoor]:
    """A table of sessions of this handler, and a door to it."""
    media = Media(modality, mode)
    sessions = SessionTable(lambda: handler, media=media, **table)
    return sessions, WebSocketDoor(sessions)


class Ear:
    """Keeps what a handler receives."""

    def __init__(self) -> None:
        self.frames: list[Any] = []

    async def receive(self, handler: AsyncHandler, frame: Any) -> None:
        self.frames.append(frame)

    @property
    def seconds(self) -> float:
        return sum(array.shape[1] / rate for rate, array in self.frames)


class Mouth:
    """Says a clip once, then what it is told to."""

    def __init__(self, *said: Any) -> None:
        self.said = list(said)

    async def emit(self, handler: AsyncHandler) -> Any:
        return self.said.pop(0) if self.said else None


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def talking(format_: Any = PCM) -> tuple[Wire, Any]:
    """A client in the middle of a reply."""
    mouth = Mouth((24_000, tone(5)))
    table, door = door_to(AsyncHandler(mouth.emit))
    wire = Wire(door)
    wire.start(**({} if format_ is None else {"format": format_}))
    await wire.until(lambda: len(wire.sent) > 10)
    session = table.get("me")
    assert session is not None
    return wire, session

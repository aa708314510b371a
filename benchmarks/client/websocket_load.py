"""Many WebSocket clients at once: they send audio in real time and count what comes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

FRAME_S = 0.02
Message = str | bytes
Wire = Literal["mulaw", "pcm16", "opus"]


class WebSocketLoad:
    """Clients that are connected.

    Attributes:
        sent, received: audio messages since `reset`, of all clients.
    """

    def __init__(self, sockets: Sequence[ClientConnection]) -> None:
        self._sockets = sockets
        self.sent = 0
        self.received = 0

    def __len__(self) -> int:
        return len(self._sockets)

    def reset(self) -> None:
        """Count from now on."""
        self.sent = self.received = 0

    async def talk(self, index: int, messages: Sequence[Message]) -> None:
        """Send one client's messages, one a frame, over and over."""
        loop, socket = asyncio.get_running_loop(), self._sockets[index]
        # Spread over a frame, as independent clients are.
        began_s = loop.time() + FRAME_S * index / len(self)
        number = 0
        while True:
            await asyncio.sleep(began_s + FRAME_S * number - loop.time())
            await socket.send(messages[number % len(messages)])
            self.sent += 1
            number += 1

    async def listen(self, index: int) -> None:
        """Count one client's audio."""
        with contextlib.suppress(ConnectionClosed):
            async for message in self._sockets[index]:
                if isinstance(message, bytes) or '"media"' in message:
                    self.received += 1


def as_events(payloads: Sequence[bytes]) -> list[Message]:
    """Payloads as the events of FastRTC's protocol."""
    encoded = (base64.b64encode(payload).decode() for payload in payloads)
    return [json.dumps({"event": "media", "media": {"payload": p}}) for p in encoded]


@contextlib.asynccontextmanager
async def websocket_loading(
    url: str, messages: Sequence[Message], sessions: int, encoding: Wire | None
) -> AsyncGenerator[WebSocketLoad, None]:
    """So many sessions of an echo, until left.

    Args:
        url: of the server.
        messages: what each client sends, one every 20 ms.
        encoding: what to ask for, binary both ways; None for FastRTC's protocol.
    """
    address = url.replace("http", "ws") + "/websocket/offer"
    async with contextlib.AsyncExitStack() as stack:
        sockets: list[ClientConnection] = []
        for _ in range(sessions):
            # Browsers offer compression; audio gains nothing by it.
            opening = connect(address, proxy=None, compression=None)
            socket = await stack.enter_async_context(opening)
            sockets.append(socket)
            start: dict[str, Any] = {"event": "start", "websocket_id": uuid.uuid4().hex}
            if encoding is not None:
                start["format"] = {"encoding": encoding, "sample_rate": 48_000}
            await socket.send(json.dumps(start))
        load = WebSocketLoad(sockets)
        tasks = [asyncio.ensure_future(load.listen(i)) for i in range(sessions)]
        tasks += [
            asyncio.ensure_future(load.talk(i, messages)) for i in range(sessions)
        ]
        try:
            yield load
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

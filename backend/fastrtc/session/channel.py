"""Texts to the client: kept in order until the channel opens, sent from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from ..options import MAX_PENDING_MESSAGES


class MessageChannel:
    """A session's message channel.

    Args:
        loop: the session's loop, on which texts are handed to the transport.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()
        self._send: Callable[[str], None] | None = None
        self._pending: deque[str] = deque(maxlen=MAX_PENDING_MESSAGES)
        self._closed = False

    @property
    def readyState(self) -> str:
        """`"connecting"`, `"open"` or `"closed"`, as of a WebRTC data channel."""
        if self._closed:
            return "closed"
        return "connecting" if self._send is None else "open"

    @property
    def pending(self) -> bool:
        """Texts wait for the channel to open."""
        return bool(self._pending)

    def open(self, send: Callable[[str], None]) -> None:
        """The transport can send from now on."""
        if self._closed:
            return
        self._send = send
        while self._pending:
            send(self._pending.popleft())

    def suspend(self) -> None:
        """The transport is gone: texts are kept until another one opens the channel."""
        self._send = None

    def close(self) -> None:
        """Nothing is sent any more."""
        self._closed = True
        self._send = None
        self._pending.clear()

    def send(self, message: str) -> None:
        """Send a text, or keep it until the channel opens; silent once closed."""
        if self._closed:
            return
        if threading.get_ident() != self._thread:
            try:
                self._loop.call_soon_threadsafe(self.send, message)
            except RuntimeError:
                # The loop has closed, and with it every channel on it.
                self._closed = True
            return
        if self._send is None:
            self._pending.append(message)
        else:
            self._send(message)

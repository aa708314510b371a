"""What pages send: the values of their components, and what was typed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..handlers.base import StreamHandlerBase
from ..options import MAX_MESSAGE_CHARS
from ..session import Session
from .data import WebRTCData, session_id
from .trigger import is_start_value

if TYPE_CHECKING:
    from .component import WebRTC

CONNECTED_S = 5.0
"""How long a typed text waits for its session, whose page is connected sooner than the
server knows."""

NO_CALL = "There is no call, so your text was not sent. Please try again."
NO_TEXT = "This app takes no text."
TOO_LONG = f"A text may have {MAX_MESSAGE_CHARS} characters, so yours was not sent."


class PageInputs:
    """The events by which a component's pages send something.

    Args:
        component: whose sessions they are for.
    """

    def __init__(self, component: WebRTC) -> None:
        self._component = component

    async def set(
        self,
        value: WebRTCData | str | None,
        request: gr.Request | None = None,
        *args: Any,
    ) -> None:
        """Take the values of the additional inputs.

        Those for a session that has ended, or belongs to another page, are ignored:
        a page may be late, and nobody else has a say.
        """
        webrtc_id, stream = session_id(value), self._component.realtime
        if not webrtc_id or is_start_value(webrtc_id) or stream is None:
            return
        if self._component.door.owners.admits(webrtc_id, _page(request)):
            values: tuple[Any, ...] = args
            if isinstance(value, WebRTCData):
                # What was typed goes its own way, once.
                values = (replace(value, textbox=""), *args)
            stream.set_input(webrtc_id, *values)

    async def submit(
        self,
        value: WebRTCData | str | None,
        request: gr.Request | None = None,
        *args: Any,
    ) -> None:
        """Take what was typed, and have it answered."""
        text = value.textbox if isinstance(value, WebRTCData) else ""
        if len(text) > MAX_MESSAGE_CHARS:
            gr.Warning(TOO_LONG)
            return
        session = self._session(value, request)
        if session is None or not await _connected(session):
            gr.Warning(NO_CALL)
            return
        await self.set(value, request, *args)
        # Those values are on their way through the loop.
        await asyncio.sleep(0)
        if not _answer(session, text):
            gr.Warning(NO_TEXT)

    def _session(
        self, value: WebRTCData | str | None, request: gr.Request | None
    ) -> Session | None:
        webrtc_id, stream = session_id(value), self._component.realtime
        if not webrtc_id or stream is None:
            return None
        if not self._component.door.owners.admits(webrtc_id, _page(request)):
            return None
        return stream.sessions.get(webrtc_id)


def _page(request: gr.Request | None) -> str | None:
    return None if request is None else request.session_hash


async def _connected(session: Session) -> bool:
    """Wait for a session that is about to be connected."""
    if session.state == "connecting":
        try:
            waiting = session.handler.channel_set.wait()
            await asyncio.wait_for(waiting, CONNECTED_S)
        except asyncio.TimeoutError:
            return False
    return session.state in ("connected", "lost")


def _answer(session: Session, text: str) -> bool:
    """Have the handler answer what was typed; False when it can't."""
    handler = session.handler
    trigger = getattr(handler, "trigger_response", None)
    if not text.strip() and trigger is not None:
        # Sent without a text: an answer is wanted all the same.
        trigger()
        return True
    session.receive_text(text)
    return type(handler).receive_text is not StreamHandlerBase.receive_text

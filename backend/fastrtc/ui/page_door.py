"""How the component's front end connects: what its server functions do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from gradio import Request

from ..errors import ConfigurationError, RefusedError
from ..handlers.base import WEBRTC_VALUE
from ..session import Session
from ._gradio import as_page_request
from .data import WebRTCData
from .fallback import Fallback
from .owners import Owners

if TYPE_CHECKING:
    from .component import WebRTC

logger = logging.getLogger("fastrtc")


class PageDoor:
    """Lets a component's pages in.

    Visitors may send anything: what can't be understood is refused.

    Args:
        component: the pages', with its number.

    Attributes:
        owners: which page each session belongs to.
        readers: the listeners that will take each session's outputs.
    """

    def __init__(self, component: WebRTC) -> None:
        self._component = component
        name = str(cast("Any", component)._id)
        self._fallback = Fallback(name, lambda: component.realtime, self._opened)
        self.owners = Owners()
        self.readers: list[str] = []

    async def turn(self, request: Request) -> dict[str, Any]:
        """The browser's RTC configuration for its next connection."""
        stream = self._component.realtime
        if stream is None:
            return {}
        try:
            await stream.access.admit(cast("Any", request), opens=False)
            return await stream.ice.for_client()
        except RefusedError:
            # Its offer will be refused too, with the reason.
            return {}
        except ConfigurationError as error:
            return {"error": str(error)}
        except Exception:
            # What it says may hold a secret; visitors get no more than this.
            logger.exception("rtc_configuration failed")
            return {"error": "the server could not get it. Its log says why"}

    async def offer(self, body: object, request: Request) -> dict[str, Any]:
        """Answer an offer or a candidate."""
        stream = self._component.realtime
        if stream is None:
            text = "The app has not called .stream() on its WebRTC component."
            return RefusedError("no_handler", text).as_answer()
        fields = _fields(body)
        try:
            await stream.admit(fields, cast("Any", request))
        except RefusedError as refusal:
            return refusal.as_answer()
        page = await _page_request(request, fields)
        announced = bool(stream.additional_input_components)
        answer = await stream.door.handle(
            fields, inputs_announced=announced, request=page
        )
        if answer.get("type") == "answer":
            session = stream.sessions.get(str(fields.get("webrtc_id")))
            if session is not None:
                self._opened(session, page)
        return answer

    async def fallback(self, body: object, request: Request) -> dict[str, Any]:
        """Where a WebSocket is, should WebRTC not connect."""
        stream = self._component.realtime
        try:
            if stream is not None:
                await stream.access.admit(cast("Any", request), opens=False)
        except RefusedError as refusal:
            return {"error": str(refusal)}
        page = await _page_request(request, _fields(body))
        return self._fallback.address(cast("Any", request), page)

    async def hang_up(self, body: object) -> dict[str, Any]:
        """End a session whose page has closed its connection."""
        fields = _fields(body)
        name, page = str(fields.get("webrtc_id")), fields.get("session_hash")
        stream = self._component.realtime
        session = stream and stream.sessions.get(name)
        if session and isinstance(page, str) and self.owners.page_of(name) == page:
            session.close_soon("the page hung up")
        return {"status": "success"}

    def _opened(self, session: Session, page: Request) -> None:
        """A page has opened a session, by WebRTC or by WebSocket."""
        self.owners.note(session, page.session_hash)
        for reader in self.readers:
            session.outputs.expect(reader)
        if self._component.variant == "textbox":
            _begin_with_data(session)


def _fields(body: object) -> dict[str, Any]:
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


async def _page_request(request: Request, fields: dict[str, Any]) -> Request:
    page = fields.get("session_hash")
    name = page if isinstance(page, str) else None
    return await as_page_request(cast("Any", request), name)


def _begin_with_data(session: Session) -> None:
    """What is said before the page's first inputs come is given as a WebRTCData too."""
    handler = session.handler
    if handler.latest_args[:1] in ([], [WEBRTC_VALUE]):
        first = WebRTCData(webrtc_id=session.id)
        handler.latest_args = [first, *handler.latest_args[1:]]

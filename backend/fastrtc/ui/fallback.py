"""The audio of a page by a WebSocket on the page's own port, where WebRTC can't pass.

Gradio's pages have no such route, so the first page that asks adds it to the running
app. A ticket lets one call in: it is given by a server function, which only pages can
call that have passed Gradio's own login.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary, WeakValueDictionary

import gradio as gr
from starlette.requests import Request
from starlette.websockets import WebSocket

from ..media import Media
from ..session import EarlyStore, Session
from ..stream import Stream
from ..transports.websocket import WebSocketDoor
from ..websocket_route import serve_websocket
from ._gradio import API_PREFIX, add_websocket_route, comes_through_node, root_path

NO_TICKET = 1008
"""Policy violation. Before the handshake servers make an HTTP 403 of it."""

_of_app: WeakKeyDictionary[Any, WeakValueDictionary[str, Fallback]] = (
    WeakKeyDictionary()
)


class Fallback:
    """The WebSocket of one component.

    Args:
        name: of the component, in the path.
        stream: gives the component's stream, if there is one.
        on_opened: is told of each session and the request that brought it.
    """

    def __init__(
        self,
        name: str,
        stream: Callable[[], Stream | None],
        on_opened: Callable[[Session, gr.Request], None],
    ) -> None:
        self.name = name
        self._stream = stream
        self._on_opened = on_opened
        self._tickets: EarlyStore[gr.Request] = EarlyStore()

    def address(self, request: Request, page: gr.Request) -> dict[str, Any]:
        """The answer to a page that asks for the WebSocket.

        Args:
            request: by which it asks.
            page: the same, with the page's name and its user's.

        Returns:
            `url`, a path with a ticket that lets one call in within 10 s; or `error`.
        """
        stream = self._stream()
        if stream is None or stream.modality == "video":
            return {"error": "Only audio has another way than WebRTC."}
        if comes_through_node(request):
            return {"error": "Under ssr_mode no WebSocket reaches the server."}
        _ensure_route(request.app)[self.name] = self
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket, page)
        path = f"{root_path(request)}{API_PREFIX}{_path(self.name)}"
        return {"url": f"{path}?ticket={ticket}"}

    async def serve(self, websocket: WebSocket) -> None:
        """Serve a page that has a ticket."""
        page = self._tickets.pop(websocket.query_params.get("ticket", ""))
        stream = self._stream()
        if not page or stream is None:
            await websocket.close(NO_TICKET)
            return
        table = PageSessions(stream, page[0], self._on_opened)
        await serve_websocket(cast("Any", websocket), WebSocketDoor(table))


class PageSessions:
    """A stream's `SessionTable`, but what it opens is a page's.

    Args:
        stream: whose sessions they are.
        page: the request that brought the page here.
        on_opened: is told of each session.
    """

    def __init__(
        self,
        stream: Stream,
        page: gr.Request,
        on_opened: Callable[[Session, gr.Request], None],
    ) -> None:
        self._stream = stream
        self._page = page
        self._on_opened = on_opened

    @property
    def media(self) -> Media:
        return self._stream.sessions.media

    @property
    def time_limit_s(self) -> float | None:
        return self._stream.sessions.time_limit_s

    def open(self, session_id: str) -> Session:
        """See `SessionTable.open`."""
        announced = bool(self._stream.additional_input_components)
        table = self._stream.sessions
        session = table.open(session_id, inputs_announced=announced)
        session.context.arrived_by(self._page)
        self._on_opened(session, self._page)
        if announced:
            # By WebRTC a page sends them unasked, with its offer.
            session.request_inputs()
        return session


def _ensure_route(app: Any) -> WeakValueDictionary[str, Fallback]:
    """The app's components that have a WebSocket; the first one adds the route."""
    if app not in _of_app:
        _of_app[app] = WeakValueDictionary()
        add_websocket_route(app, _path("{component}"), _serve)
    return _of_app[app]


def _path(component: str) -> str:
    return f"/fastrtc/{component}/websocket"


async def _serve(websocket: WebSocket) -> None:
    fallback = _of_app[websocket.app].get(websocket.path_params["component"])
    if fallback is None:
        await websocket.close(NO_TICKET)
    else:
        await fallback.serve(websocket)

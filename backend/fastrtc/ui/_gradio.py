"""What is touched of Gradio's privates, all of it.

tests/unit/test_gradio_privates.py fails when one of them changes.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr
import httpx
from gradio.route_utils import API_PREFIX, get_root_url
from starlette.requests import Request
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

SERVER_FUNCTIONS = f"{API_PREFIX}/component_server"
"""Where a component's server functions are called."""


async def as_page_request(request: Request, session_hash: str | None) -> gr.Request:
    """What events get, of what server functions get: a bare request of Starlette's.

    Args:
        session_hash: of the page, as it says itself.
    """
    username = await _username(request)
    return gr.Request(request, username=username, session_hash=session_hash)


async def _username(request: Request) -> str | None:
    app: Any = request.app
    if app.auth_dependency is not None:
        user = app.auth_dependency(request)
        return await user if inspect.isawaitable(user) else user
    for kind in ("access-token", "access-token-unsecure"):
        token = request.cookies.get(f"{kind}-{app.cookie_id}")
        if token:
            return app.tokens.get(token)
    return None


def comes_through_node(request: Request) -> bool:
    """Whether a request came by the Node server of `ssr_mode`, which passes requests on
    and no WebSockets."""
    return "x-gradio-server" in request.headers


def root_path(request: Request) -> str:
    """The path of the page's app as browsers see it, proxies and mounts included.

    Args:
        request: of a server function.
    """
    app: Any = request.app
    path = app.root_path or request.scope.get("root_path")
    made: Any = request
    return httpx.URL(get_root_url(made, SERVER_FUNCTIONS, path)).path.rstrip("/")


def add_websocket_route(
    app: Any, path: str, endpoint: Callable[[WebSocket], Awaitable[None]]
) -> None:
    """Add a route to a running app, under the prefix that its proxies let through.

    In front: Gradio's own routes end with one that takes every path.
    """
    app.router.routes.insert(0, WebSocketRoute(API_PREFIX + path, endpoint))

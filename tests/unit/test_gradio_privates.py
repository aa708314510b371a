"""fastrtc.ui._gradio: what is touched of Gradio's privates is still as it was."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from gradio.routes import App
from starlette.requests import Request
from starlette.websockets import WebSocket

from fastrtc.ui._gradio import (
    SERVER_FUNCTIONS,
    add_websocket_route,
    as_page_request,
    root_path,
)
from tests.support.gradio_pages import PageSocket


def blocks() -> gr.Blocks:
    """A page with something on it."""
    with gr.Blocks() as made:
        gr.Textbox()
    return made


def request(app: Any, mounted_at: str = "", **headers: str) -> Request:
    """A call of a server function, as it arrives in Gradio's app."""
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request(
        {
            "type": "http",
            "app": app,
            "scheme": "http",
            "server": ("here", 80),
            "root_path": mounted_at,
            "path": mounted_at + SERVER_FUNCTIONS,
            "query_string": b"",
            "headers": raw,
        }
    )


@pytest.mark.parametrize(
    ("configured", "mounted_at", "headers", "path"),
    [
        (None, "", {}, ""),
        (None, "/talk", {}, "/talk"),
        ("/app", "", {}, "/app"),
        ("/app", "", {"x_forwarded_host": "example.com"}, "/app"),
        (None, "/talk", {"x_forwarded_host": "example.com"}, "/talk"),
        ("https://example.com/app", "", {}, "/app"),
    ],
)
async def test_the_path_of_the_page(
    configured: str | None, mounted_at: str, headers: dict[str, str], path: str
) -> None:
    """Lost otherwise: behind a proxy the WebSocket would be asked for elsewhere."""
    made: Any = blocks()
    made.root_path = configured or ""
    app = App.create_app(made)
    assert root_path(request(app, mounted_at, **headers)) == path


async def test_the_user_of_the_page() -> None:
    """Lost otherwise: handlers could not tell users apart by Gradio's login."""
    app: Any = App.create_app(blocks())
    for kind in ("access-token", "access-token-unsecure"):
        app.tokens["secret"] = "ann"
        cookie = f"{kind}-{app.cookie_id}=secret"
        page = await as_page_request(request(app, cookie=cookie), "tab")
        assert (page.username, page.session_hash) == ("ann", "tab")
    assert (await as_page_request(request(app), None)).username is None


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_the_user_by_a_function_of_the_apps(asynchronous: bool) -> None:
    """Lost otherwise: apps with a login of their own would have no user names."""

    def user(asked: Any) -> str:
        return str(asked.headers["x-user"])

    async def user_soon(asked: Any) -> str:
        return user(asked)

    depends: Any = user_soon if asynchronous else user
    app = App.create_app(blocks(), auth_dependency=depends)
    page = await as_page_request(request(app, x_user="bob"), "tab")
    assert page.username == "bob"


async def test_a_route_of_a_running_app() -> None:
    """Lost otherwise: Gradio's last route, which takes every path, would come first."""
    app = App.create_app(blocks())

    async def greet(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.path_params["name"])
        await websocket.close()

    add_websocket_route(app, "/hello/{name}", greet)
    served: FastAPI = app
    socket = PageSocket(served, "/gradio_api/hello/ann")
    assert (await socket.next())["type"] == "websocket.accept"
    assert (await socket.next())["text"] == "ann"
    assert (await socket.next())["type"] == "websocket.close"
    await socket.leave()

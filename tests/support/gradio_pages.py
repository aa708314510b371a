"""A Gradio app in the test's own loop, and pages that talk to it as browsers do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import gradio as gr
import httpx
from fastapi import FastAPI

PREFIX = "/talk"


class GradioApp:
    """A running app.

    Args:
        blocks: the page.
        app: serves it under `PREFIX`.
    """

    def __init__(self, blocks: gr.Blocks, app: FastAPI) -> None:
        self.blocks: Any = blocks
        self.app = app

    def page(self, **headers: str) -> GradioPage:
        """Another tab of a browser."""
        return GradioPage(self, headers)

    def socket(self, url: str) -> PageSocket:
        """A WebSocket of a page to this path."""
        return PageSocket(self.app, url)


class GradioPage:
    """One tab."""

    def __init__(self, app: GradioApp, headers: dict[str, str]) -> None:
        self._app = app
        self.session_hash = uuid.uuid4().hex
        transport = httpx.ASGITransport(app.app)
        base = f"http://localhost:7860{PREFIX}/gradio_api"
        self.http = httpx.AsyncClient(
            transport=transport, base_url=base, headers=headers
        )

    async def server(self, component: Any, function: str, data: Any) -> Any:
        """Call one of a component's server functions."""
        body = {
            "data": data,
            "fn_name": function,
            "component_id": component._id,
            "session_hash": self.session_hash,
        }
        reply = await self.http.post("/component_server", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def number(self, component: Any, event: str) -> int:
        """The number of a component's first event of this name."""
        for number, function in self._app.blocks.fns.items():
            if (component._id, event) in function.targets:
                return int(number)
        raise AssertionError(f"{component} has no {event}")

    async def event(self, component: Any, event: str, *values: Any) -> list[Any]:
        """Dispatch an event with these values of its inputs, and wait for its end.

        Returns:
            The new values of its outputs.
        """
        number = self.number(component, event)
        body = {
            "data": list(values),
            "fn_index": number,
            "session_hash": self.session_hash,
        }
        if self._app.blocks.fns[number].queue is False:
            reply = await self.http.post("/run/predict", json=body)
            assert reply.status_code == 200, reply.text
            return reply.json()["data"]
        return (await self.queued(body))[-1]["output"]["data"]

    async def queued(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Have the queue run an event; everything that is said of it."""
        joined = await self.http.post("/queue/join", json=body)
        assert joined.status_code == 200, joined.text
        said = await self.http.get(
            "/queue/data", params={"session_hash": self.session_hash}
        )
        messages = [
            json.loads(line.removeprefix("data: "))
            for line in said.text.splitlines()
            if line.startswith("data: ")
        ]
        done = [m for m in messages if m.get("event_id") == joined.json()["event_id"]]
        assert done, messages
        assert done[-1]["success"], done
        return done


class PageSocket:
    """The client's end of a WebSocket."""

    def __init__(self, app: FastAPI, url: str) -> None:
        path, _, query = url.partition("?")
        scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [],
            "subprotocols": [],
            "scheme": "ws",
        }
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        put: Any = self._got.put
        self._serving = asyncio.ensure_future(app(scope, self._incoming.get, put))

    async def next(self) -> dict[str, Any]:
        """What the server sends next, an ASGI message."""
        return await asyncio.wait_for(self._got.get(), 5)

    async def message(self, type_: str) -> Any:
        """The data of the next message of this type."""
        while True:
            text = (await self.next()).get("text")
            if text is not None and json.loads(text).get("type") == type_:
                return json.loads(text)["data"]

    def say(self, event: dict[str, Any]) -> None:
        """Send an event."""
        text = json.dumps(event)
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def leave(self) -> None:
        """Go, and see the server let go."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self._serving


@contextlib.asynccontextmanager
async def serve_blocks(blocks: gr.Blocks) -> AsyncGenerator[GradioApp]:
    """Run a page, mounted in an app of somebody's own, for as long as the block."""
    before = asyncio.all_tasks()
    app = gr.mount_gradio_app(FastAPI(), blocks, path=PREFIX)
    served = GradioApp(blocks, app)
    try:
        async with app.router.lifespan_context(app):
            yield served
    finally:
        # Gradio leaves its queue to the end of the loop.
        served.blocks._queue.close()
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        queue = [task for task in left if "Queue." in str(task.get_coro())]
        for task in queue:
            task.cancel()
        # aiortc takes some moments to see that a connection it tries is closed.
        await asyncio.wait(left, timeout=5)

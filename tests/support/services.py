"""Small stand-ins for services on the net: HTTP servers that note what comes."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request as it came.

    Attributes:
        headers: by lower-case names.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class StandIn:
    """A running stand-in.

    Attributes:
        url: its address.
        asked: all requests, in order.
        answer: from a request to a status and a body, which is JSON unless a str.
    """

    url: str
    answer: Callable[[Asked], tuple[int, Any]]
    asked: list[Asked] = field(default_factory=list[Asked])
    headers: dict[str, str] = field(default_factory=dict[str, str])


@contextlib.contextmanager
def stand_in(answer: Callable[[Asked], tuple[int, Any]]) -> Generator[StandIn]:
    """A service on this machine, until the context ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            asked = Asked(
                self.command,
                self.path,
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length).decode(),
            )
            service.asked.append(asked)
            status, body = service.answer(asked)
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            for name, value in service.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to the terminal."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = StandIn(f"http://127.0.0.1:{server.server_port}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Stand-ins for the services that give TURN credentials, with their documented
replies and errors, and slow or broken when they are told to be.

Cloudflare: developers.cloudflare.com/realtime/turn/generate-credentials
Twilio: www.twilio.com/docs/stun-turn/api, www.twilio.com/docs/api/errors/20003
"""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "s3cr3t-0123456789"
KEY_ID = "key/1"
ACCOUNT = "AC0123456789abcdef0123456789abcdef"

CLOUDFLARE_SERVERS = [
    {
        "urls": ["stun:stun.cloudflare.com:3478", "stun:stun.cloudflare.com:53"],
    },
    {
        "urls": [
            "turn:turn.cloudflare.com:3478?transport=udp",
            "turn:turn.cloudflare.com:53?transport=udp",
            "turn:turn.cloudflare.com:3478?transport=tcp",
            "turns:turn.cloudflare.com:5349?transport=tcp",
        ],
        "username": "bc91b63e2b5d759f",
        "credential": "ebd71f1d3edbc2b0",
    },
]
TWILIO_SERVERS = [
    {
        "url": "stun:global.stun.twilio.com:3478",
        "urls": "stun:global.stun.twilio.com:3478",
    },
    {
        "url": "turn:global.turn.twilio.com:3478?transport=udp",
        "urls": "turn:global.turn.twilio.com:3478?transport=udp",
        "username": "dc2d2894d5a90236",
        "credential": "tE2DajzSJwnsSbc123",
    },
]


@dataclass
class Reply:
    """What a service answers: a status, and JSON or bytes."""

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class Services:
    """The three services.

    Attributes:
        requests: what they were asked, in order.
        fault: what is answered in place of the documented reply.
        most_at_once: the most requests that were under way at a time.
    """

    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    fault: Reply | None = None
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._came = threading.Condition()
        self._at_once = 0

    def hold(self) -> None:
        """Answer nothing until `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def wait_for(self, count: int) -> None:
        """Wait until so many requests came."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.requests) >= count, 20)

    def answer(self, request: dict[str, Any]) -> Reply:
        with self._came:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self._came.notify_all()
        self._open.wait(20)
        with self._came:
            self._at_once -= 1
        if self.fault is not None:
            return self.fault
        path: str = request["path"]
        if path == "/hf":
            return _hugging_face(request)
        if path.startswith("/keys/"):
            return _cloudflare(request)
        return _twilio(request)


def _hugging_face(request: dict[str, Any]) -> Reply:
    if request["authorization"] != f"Bearer {SECRET}":
        return Reply(401, {"error": f"Invalid token {request['authorization']}"})
    # As Cloudflare's older endpoint gives it: one server, in no list.
    return Reply(200, {"iceServers": CLOUDFLARE_SERVERS[1]})


def _cloudflare(request: dict[str, Any]) -> Reply:
    if request["path"] != "/keys/key%2F1/credentials/generate-ice-servers":
        return Reply(404, {"error": "TURN key not found"})
    if request["authorization"] != f"Bearer {SECRET}":
        return Reply(401, {"error": "Unauthorized"})
    if json.loads(request["body"])["ttl"] > 172_800:
        return Reply(400, {"error": "ttl is too long"})
    return Reply(201, {"iceServers": CLOUDFLARE_SERVERS})


def _twilio(request: dict[str, Any]) -> Reply:
    basic = base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()
    if request["authorization"] != f"Basic {basic}":
        return Reply(
            401,
            {
                "code": 20003,
                "message": f"Authenticate {request['authorization']}",
                "more_info": "https://www.twilio.com/docs/errors/20003",
                "status": 401,
            },
        )
    ttl = parse_qs(request["body"]).get("Ttl", ["86400"])[0]
    if int(ttl) > 86_400:
        return Reply(400, {"code": 20001, "message": "Invalid TTL", "status": 400})
    return Reply(
        201,
        {
            "account_sid": ACCOUNT,
            "date_created": "Fri, 01 May 2020 01:42:57 +0000",
            "date_updated": "Fri, 01 May 2020 01:42:57 +0000",
            "ice_servers": TWILIO_SERVERS,
            "password": "tE2DajzSJwnsSbc123",
            "ttl": ttl,
            "username": "dc2d2894d5a90236",
        },
    )


@contextmanager
def running() -> Generator[tuple[Services, str]]:
    """The services, and where they are."""
    services = Services()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            request = {
                "method": self.command,
                "path": url.path,
                "query": parse_qs(url.query),
                "authorization": self.headers.get("Authorization"),
                "body": self.rfile.read(length).decode(),
            }
            reply = services.answer(request)
            content = reply.content
            body = (
                content if isinstance(content, bytes) else json.dumps(content).encode()
            )
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # Whoever asked has given up.

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = False  # So that they are joined.

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield services, f"http://127.0.0.1:{server.server_port}"
    finally:
        services.release()
        server.shutdown()
        thread.join()
        server.server_close()

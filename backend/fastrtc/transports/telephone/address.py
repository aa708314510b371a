"""Under which address the outside reaches a route of this server."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.requests import HTTPConnection

from ...errors import RefusedError
from .options import TelephoneOptions

HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
UNQUOTED = "/:@!$&'()*+,;=~"


def public_url(connection: HTTPConnection, options: TelephoneOptions) -> str:
    """The address that a request was sent to, without its query.

    Raises:
        RefusedError: it names no possible host.
    """
    path = str(connection.scope["path"])
    if options.public_url is not None:
        return options.public_url + quote(_below_root(connection, path), UNQUOTED)
    scheme, host = connection.url.scheme, connection.headers.get("host", "")
    if options.trust_proxy_headers:
        scheme = _first(connection, "x-forwarded-proto") or scheme
        host = _first(connection, "x-forwarded-host") or host
    if not HOST.fullmatch(host):
        raise RefusedError("invalid_host", "The request names no host.")
    secure = scheme in ("https", "wss")
    return f"{'https' if secure else 'http'}://{host}{quote(path, UNQUOTED)}"


def stream_url(incoming_url: str, *, needs_tls: bool) -> str:
    """The address of the calls' WebSocket, from that of the webhook.

    Args:
        needs_tls: `wss` whatever the webhook came by. Behind a proxy that takes TLS
            off and doesn't say so, the request looks as if it had come by `http`; and
            no other scheme would be accepted.
    """
    scheme, rest = incoming_url.split("://", 1)
    scheme = "wss" if needs_tls or scheme == "https" else "ws"
    return f"{scheme}://{rest.removesuffix('/incoming')}/handler"


def _below_root(connection: HTTPConnection, path: str) -> str:
    # Of the server, not of apps that are mounted in others.
    scope = connection.scope
    root = str(scope.get("app_root_path", scope.get("root_path", "")))
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _first(connection: HTTPConnection, name: str) -> str:
    return connection.headers.get(name, "").split(",")[0].strip()

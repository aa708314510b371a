"""Who may come in: one check for every door of a stream.

The order is that of cost: the origin, how often an address asks, how many sessions it
has, and only then the app's own `authorize`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from .errors import ConfigurationError, RefusedError
from .handlers.calls import call
from .session import SessionTable

logger = logging.getLogger("fastrtc")

Authorize = Callable[[HTTPConnection], Any]

AUTHORIZE_TIMEOUT_S = 10.0
"""An `authorize` that takes longer refuses: a visitor has given up by then."""
WINDOW_S = 60.0
MAX_ADDRESSES = 4096
"""Addresses whose requests are counted; the least active are forgotten."""


@dataclass(frozen=True)
class AccessOptions:
    """Bounds on visitors, the same for every door.

    Attributes:
        allowed_origins: the web pages that may connect, as `https://host` or
            `https://host:port`; `"*"` allows all. None: with `authorize`, pages of the
            server's own host; without, all. Requests without an `Origin` header don't
            come from a web page and always pass this check.
        opens_per_minute: calls that one address may begin in a minute.
        sessions_per_address: calls that one address may have at a time; None for no
            limit. Behind a proxy all visitors share its address, unless the server is
            told to trust its headers (`uvicorn --proxy-headers --forwarded-allow-ips`).

    Raises:
        ConfigurationError: one of them can't work.
    """

    allowed_origins: Sequence[str] | None = None
    opens_per_minute: int = 600
    sessions_per_address: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.allowed_origins, str):
            raise ConfigurationError("allowed_origins is a list of origins")
        for origin in self.allowed_origins or ():
            if origin != "*" and _origin(origin) is None:
                raise ConfigurationError(
                    f"{origin!r} is no origin such as https://example.com"
                )
        if self.opens_per_minute < 1:
            raise ConfigurationError("opens_per_minute must be positive")
        if self.sessions_per_address is not None and self.sessions_per_address < 1:
            raise ConfigurationError("sessions_per_address must be positive, or None")


class Access:
    """A stream's check of its visitors.

    Args:
        table: the sessions, counted by address.
        authorize: the app's own check.
        options: bounds.
        clock: seconds that never fall.
    """

    def __init__(
        self,
        table: SessionTable,
        authorize: Authorize | None = None,
        options: AccessOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if authorize is not None and not callable(authorize):
            raise ConfigurationError("authorize must be a function of the request")
        self._table = table
        self._authorize = authorize
        self._options = options or AccessOptions()
        self._clock = clock
        self._opens: OrderedDict[str, deque[float]] = OrderedDict()
        self._secret = secrets.token_bytes(32)

    @property
    def authorizes(self) -> bool:
        """Whether the app has a check of its own."""
        return self._authorize is not None

    async def admit(self, connection: HTTPConnection, *, opens: bool = True) -> None:
        """Let a visitor pass; its identity is in `connection.state` afterwards.

        Args:
            connection: a request or a WebSocket that isn't accepted yet.
            opens: it begins a call, and is counted.

        Raises:
            RefusedError: `origin_not_allowed`, `too_many_requests`,
                `too_many_sessions` or `not_authorized`.
        """
        self._check_origin(connection)
        if opens:
            self._count(connection)
        connection.state.fastrtc_identity = await self._identify(connection)

    def _check_origin(self, connection: HTTPConnection) -> None:
        given = connection.headers.get("origin")
        allowed = self._options.allowed_origins
        if given is None or (allowed is None and self._authorize is None):
            return
        if allowed is None:
            fine = urlsplit(given).netloc == connection.headers.get("host")
        else:
            origins = {_origin(origin) for origin in allowed}
            fine = "*" in allowed or _origin(given) in origins
        if not fine:
            text = "Pages of this origin may not connect. Add it to allowed_origins."
            raise RefusedError("origin_not_allowed", text)

    def _count(self, connection: HTTPConnection) -> None:
        address = address_of(connection)
        if address is None:
            return
        opens = self._opens.setdefault(address, deque())
        self._opens.move_to_end(address)
        while len(self._opens) > MAX_ADDRESSES:
            self._opens.popitem(last=False)
        now = self._clock()
        while opens and now - opens[0] >= WINDOW_S:
            opens.popleft()
        if len(opens) >= self._options.opens_per_minute:
            limit = self._options.opens_per_minute
            text = "Too many calls were begun from this address. Try again later."
            raise RefusedError("too_many_requests", text, limit=limit)
        opens.append(now)
        most = self._options.sessions_per_address
        if most is not None and self._table.count_from(address) >= most:
            text = "All the calls that one address may have are taken."
            raise RefusedError("too_many_sessions", text, limit=most)

    async def _identify(self, connection: HTTPConnection) -> Any:
        if self._authorize is None:
            return None
        asked = call(self._authorize, connection)
        try:
            identity = await asyncio.wait_for(asked, AUTHORIZE_TIMEOUT_S)
        except RefusedError:
            raise
        except Exception as error:
            # What it says may hold a secret; visitors get no more than this.
            logger.exception("authorize() failed, so a visitor is refused")
            raise _not_authorized() from error
        if identity is None or identity is False:
            raise _not_authorized()
        return identity

    # -- session tokens ----------------------------------------------------------------

    def token(self, session_id: str) -> str:
        """A token that only whoever opened this session is given, with the answer."""
        digest = hmac.new(self._secret, session_id.encode(), hashlib.sha256)
        return digest.hexdigest()

    def owns(self, session_id: str, token: str) -> bool:
        """Whether this token was given for this session."""
        return hmac.compare_digest(
            self.token(session_id).encode(), token.encode("utf-8", "replace")
        )


def address_of(connection: object) -> str | None:
    """The visitor's IP address, as the server sees it; None where there is none."""
    client = getattr(connection, "client", None)
    return getattr(client, "host", None)


def _origin(text: str) -> tuple[str, str] | None:
    parts = urlsplit(text.rstrip("/").lower())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
        return None
    return parts.scheme, parts.netloc


def _not_authorized() -> RefusedError:
    return RefusedError("not_authorized", "You are not allowed to call here.")

"""One request to a service, and what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ..errors import TurnCredentialsError

if TYPE_CHECKING:
    import ssl

    import httpx

CONNECT_TIMEOUT_S = 5.0
"""The services are reached within half a second from anywhere."""

TIMEOUT_S = 10.0
"""For a whole request; the services answer within a second. There is no second try:
whoever waits for a connection would wait for it too."""

_PORT_53 = re.compile(r":53(\?|$)")

MAX_ANSWER_BYTES = 64 * 1024
"""Answers have 1 to 2 KB."""

_PROXY = "Check that no proxy or log-in page answers in the service's place."


@dataclass(frozen=True)
class Answer:
    """What a service gave.

    Attributes:
        configuration: a dict with "iceServers".
        ttl_s: how long its credentials are valid.
    """

    configuration: dict[str, Any] = field(repr=False)
    ttl_s: float


@dataclass(frozen=True)
class Failure:
    """Why there is no answer. No exception: each caller raises one of its own, in
    which nothing of the request can be found.

    Attributes:
        refused: the service understood and said no; the same request can't succeed.
    """

    provider: str
    status: int | None
    message: str
    refused: bool = False

    def error(self) -> TurnCredentialsError:
        """The failure as an exception."""
        return TurnCredentialsError(self.provider, self.status, self.message)


Outcome: TypeAlias = Answer | Failure


@dataclass(frozen=True)
class Request:
    """A request for credentials.

    Attributes:
        provider: the service's name, for people.
        check: what a person checks when the service refuses.
        ttl_s: how long the credentials are valid, unless the answer says.
        options: of the HTTP library; the secrets are in here, so it is not shown.
        read: makes a configuration of the answer's JSON.
    """

    provider: str
    method: str
    url: str
    check: str
    ttl_s: float
    options: Mapping[str, Any] = field(repr=False)
    read: Callable[[dict[str, Any]], dict[str, Any]]

    @property
    def key(self) -> str:
        """The same for the same request, and no way back to its secrets."""
        # repr(Secret) is the same for all, so the text is made by str.
        said = json.dumps([self.method, self.url, self.options, self.ttl_s])
        return hashlib.sha256(said.encode()).hexdigest()

    async def send(self, client: httpx.AsyncClient | None) -> Outcome:
        """Ask the service; a client of its own asks where none is given.

        Whatever goes wrong is a Failure.
        """
        try:
            return await asyncio.wait_for(self._send(client), TIMEOUT_S)
        except asyncio.TimeoutError:
            return self._failure(
                f"The service didn't answer in {TIMEOUT_S:g} s. Check the connection "
                "of this server, and the service's status page."
            )

    async def _send(self, client: httpx.AsyncClient | None) -> Outcome:
        import httpx

        try:
            if client is not None:
                return await self._exchange(client)
            timeout = httpx.Timeout(None, connect=CONNECT_TIMEOUT_S)
            async with httpx.AsyncClient(timeout=timeout, verify=_tls_context()) as own:
                return await self._exchange(own)
        except Exception as error:
            return self.failure(error)

    async def _exchange(self, client: httpx.AsyncClient) -> Outcome:
        async with client.stream(self.method, self.url, **self.options) as response:
            status = response.status_code
            if not response.is_success:
                return self._refusal(status)
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_ANSWER_BYTES:
                    return self._failure(f"The answer is too long. {_PROXY}", status)
        return self._answer(bytes(body), status)

    def _refusal(self, status: int) -> Failure:
        # The body is left out of errors: services repeat in it what they were sent.
        if status in (400, 401, 403, 404, 422):
            return self._failure(f"Check {self.check}.", status, refused=True)
        if status == 429:
            text = "Too many requests, or the account's limit is used up."
        elif status < 400:
            text = f"The service sent another address instead of an answer. {_PROXY}"
        else:
            text = "The service has a problem; try again later."
        return self._failure(text, status)

    def _answer(self, body: bytes, status: int) -> Outcome:
        try:
            answer: Any = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            return self._failure(f"The answer is not a JSON object. {_PROXY}", status)
        fields = cast("dict[str, Any]", answer)
        configuration = self.read(fields)
        servers = ice_servers(configuration.get("iceServers"))
        if not servers:
            return self._failure(
                "The answer names no ICE servers. Check the account.", status
            )
        ttl_s = _positive(fields.get("ttl")) or self.ttl_s
        return Answer({**configuration, "iceServers": servers}, ttl_s)

    def failure(self, error: Exception) -> Failure:
        """What kept the request from the service."""
        # Only its type: the text and the request in it may show a header.
        return self._failure(
            f"The service can't be reached ({type(error).__name__}). Check the "
            "connection of this server."
        )

    def _failure(
        self, message: str, status: int | None = None, *, refused: bool = False
    ) -> Failure:
        return Failure(self.provider, status, message, refused)


def without_port_53(answer: dict[str, Any]) -> dict[str, Any]:
    """Cloudflare's answer without addresses at the port of DNS.

    Browsers block it, and wait for an answer all the same.
    """
    servers = ice_servers(answer.get("iceServers"))
    for server in servers:
        urls = server.get("urls")
        if isinstance(urls, list):
            listed = cast("list[str]", urls)
            server["urls"] = [u for u in listed if not _PORT_53.search(str(u))]
    return {**answer, "iceServers": servers}


def ice_servers(value: Any) -> list[dict[str, Any]]:
    """ICE servers as a list; a service that has one may send it without a list."""
    listed: Any = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list):
        return []
    return [
        cast("dict[str, Any]", server)
        for server in cast("list[Any]", listed)
        if isinstance(server, dict) and (server.get("urls") or server.get("url"))
    ]


def _positive(value: Any) -> float | None:
    """A number that a service may send as text; None where there is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if number > 0 else None


@cache
def _tls_context() -> ssl.SSLContext:
    import httpx

    # Loading the certificates takes 50 ms.
    return httpx.create_ssl_context()

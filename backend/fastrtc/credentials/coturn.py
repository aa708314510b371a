"""A TURN server of one's own: time-limited credentials from a shared secret.

coturn calls it the TURN REST API (`use-auth-secret`): the user name is the time at
which it expires, in seconds since 1970, and the password is made of it and the
secret. Both ends can make and check it, so no request is needed.

https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import time
from collections.abc import Iterable
from typing import Any

from ..errors import ConfigurationError
from ._keys import Secret, check_ttl

MAX_USER_CHARACTERS = 256
"""A TURN user name may have 509 bytes; the expiry takes 11."""

_URL = re.compile(r"(stuns?|turns?):[^\s:/?]+(:\d{1,5})?(\?transport=(udp|tcp))?")
_URL_V6 = re.compile(r"(stuns?|turns?):\[[0-9a-fA-F:.]+\](:\d{1,5})?(\?.*)?")


def get_coturn_credentials(
    secret: str | None = None,
    urls: str | Iterable[str] | None = None,
    ttl_s: int = 3600,
    user: str | None = None,
) -> dict[str, Any]:
    """Credentials for a coturn that is started with `use-auth-secret`.

    Args:
        secret: its `static-auth-secret`; by default `$COTURN_SECRET`.
        urls: its addresses, such as "turn:turn.example.org:3478"; by default
            `$COTURN_URLS`, separated by commas or spaces. The server uses the first
            TURN address only, browsers all of them.
        ttl_s: how long the credentials are valid, seconds. The clocks of both
            machines are compared, so less than some minutes is of little use.
        user: a name that coturn shows in its log; not checked by it.

    Returns:
        A dict with "iceServers".

    Raises:
        ConfigurationError: the secret or the addresses are missing, or no addresses
            of a TURN server; or the user name or ttl can't be used.
    """
    key = _secret(secret)
    addresses = _addresses(urls)
    check_ttl(ttl_s, "ttl_s")
    username = f"{int(time.time() + ttl_s)}"
    if user is not None:
        username += f":{_user(user)}"
    made = hmac.new(key.encode(), username.encode(), hashlib.sha1).digest()
    server = {
        "urls": addresses,
        "username": username,
        "credential": base64.b64encode(made).decode(),
    }
    return {"iceServers": [server]}


async def get_coturn_credentials_async(
    secret: str | None = None,
    urls: str | Iterable[str] | None = None,
    ttl_s: int = 3600,
    user: str | None = None,
) -> dict[str, Any]:
    """`get_coturn_credentials` as a coroutine function; it waits for nothing."""
    return get_coturn_credentials(secret, urls, ttl_s, user)


def _secret(value: str | None) -> Secret:
    # Any text may be a secret here: it never stands in a header.
    key = value if value is not None else os.environ.get("COTURN_SECRET", "").strip()
    if not key:
        raise ConfigurationError(
            "TURN credentials of coturn need secret= (or COTURN_SECRET): the "
            "static-auth-secret of its configuration."
        )
    return Secret(key)


def _addresses(value: str | Iterable[str] | None) -> list[str]:
    if value is None:
        value = os.environ.get("COTURN_URLS", "")
    if isinstance(value, str):
        value = re.split(r"[,\s]+", value)
    addresses = [address.strip() for address in value if address.strip()]
    for address in addresses:
        if _URL_V6.fullmatch(address):
            raise ConfigurationError(
                f"{address}: IPv6 addresses can't be used by the server; give the "
                "TURN server a name"
            )
        if not _URL.fullmatch(address):
            raise ConfigurationError(
                f'"{address}" is no address of a TURN server: use '
                '"turn:HOST:3478", "turn:HOST:3478?transport=tcp" or "turns:HOST:5349"'
            )
    if not any(address.startswith("turn") for address in addresses):
        raise ConfigurationError(
            "TURN credentials of coturn need urls= (or COTURN_URLS), such as "
            '"turn:turn.example.org:3478".'
        )
    return addresses


def _user(user: str) -> str:
    if not user.isprintable() or not 1 <= len(user.encode()) <= MAX_USER_CHARACTERS:
        raise ConfigurationError(
            f"user must have 1 to {MAX_USER_CHARACTERS} printable characters"
        )
    return user

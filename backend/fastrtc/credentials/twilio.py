"""TURN of Twilio: https://www.twilio.com/docs/stun-turn/api"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import ConfigurationError
from ._cache import CACHE
from ._keys import check_ttl, secret
from ._request import Request

if TYPE_CHECKING:
    import httpx

TWILIO_URL = "https://api.twilio.com/2010-04-01/Accounts"

DEFAULT_TTL_S = 86_400.0
"""Twilio's own, a day, which is also its longest."""


def get_twilio_turn_credentials(
    twilio_sid: str | None = None,
    twilio_token: str | None = None,
    ttl: int | None = None,
) -> dict[str, Any]:
    """Credentials of Twilio's TURN service.

    Args:
        twilio_sid: the account's SID; by default `$TWILIO_ACCOUNT_SID`.
        twilio_token: its auth token; by default `$TWILIO_AUTH_TOKEN`.
        ttl: how long the credentials are valid, seconds; by default and at most a
            day. Every connection gets some that have half of it left at least.

    Returns:
        A dict with "iceServers" and "iceTransportPolicy" "relay".

    Raises:
        ConfigurationError: the SID or the token is missing, or the ttl is none.
        TurnCredentialsError: the service refused or could not be reached.
    """
    return CACHE.get(_request(twilio_sid, twilio_token, ttl))


async def get_twilio_turn_credentials_async(
    twilio_sid: str | None = None,
    twilio_token: str | None = None,
    ttl: int | None = None,
    client: httpx.AsyncClient | None = None,
) -> dict[str, Any]:
    """`get_twilio_turn_credentials` for an event loop.

    Args:
        twilio_sid, twilio_token, ttl: as there.
        client: makes the request; by default a client of its own.
    """
    return await CACHE.get_async(_request(twilio_sid, twilio_token, ttl), client)


def _request(sid: str | None, token: str | None, ttl: int | None) -> Request:
    if ttl is not None:
        check_ttl(ttl)
    account = secret(sid, "TWILIO_ACCOUNT_SID")
    key = secret(token, "TWILIO_AUTH_TOKEN")
    if account is None or key is None:
        raise ConfigurationError(
            "TURN credentials of Twilio need twilio_sid= and twilio_token=, or "
            "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
        )
    return Request(
        provider="Twilio",
        method="POST",
        url=f"{TWILIO_URL}/{quote(account, safe='')}/Tokens.json",
        check="TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
        + ("" if ttl is None else f", and that ttl ({ttl}) is at most 86400"),
        ttl_s=DEFAULT_TTL_S if ttl is None else ttl,
        options={"auth": (account, key), "data": {} if ttl is None else {"Ttl": ttl}},
        read=_read,
    )


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    return {"iceServers": answer.get("ice_servers"), "iceTransportPolicy": "relay"}

"""TURN of Cloudflare, with a TURN key of one's own.

https://developers.cloudflare.com/realtime/turn/generate-credentials/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import ConfigurationError
from ._cache import CACHE
from ._keys import bearer, check_ttl, secret
from ._request import Request, without_port_53
from .hugging_face import hf_request

if TYPE_CHECKING:
    import httpx

CLOUDFLARE_TURN_URL = "https://rtc.live.cloudflare.com/v1/turn/keys"


def get_cloudflare_turn_credentials(
    turn_key_id: str | None = None,
    turn_key_api_token: str | None = None,
    hf_token: str | None = None,
    ttl: int = 3600,
) -> dict[str, Any]:
    """Credentials of Cloudflare's TURN service.

    Of several sets of keys the first of these is used: `hf_token`, the two key
    arguments, `$HF_TOKEN`, `$CLOUDFLARE_TURN_KEY_ID` with
    `$CLOUDFLARE_TURN_KEY_API_TOKEN`.

    Args:
        turn_key_id: id of a TURN key of your Cloudflare account.
        turn_key_api_token: that key's API token.
        hf_token: a Hugging Face token instead, for the community's server.
        ttl: how long the credentials are valid, seconds; at most 48 hours. Every
            connection gets some that have half of it left at least. Cloudflare
            checks them whenever a relay is renewed, so a relayed call that is longer
            than what is left is cut.

    Returns:
        A dict with "iceServers".

    Raises:
        ConfigurationError: there are no keys, or the ttl is none.
        TurnCredentialsError: the service refused or could not be reached.
    """
    return CACHE.get(_request(turn_key_id, turn_key_api_token, hf_token, ttl))


async def get_cloudflare_turn_credentials_async(
    turn_key_id: str | None = None,
    turn_key_api_token: str | None = None,
    hf_token: str | None = None,
    ttl: int = 3600,
    client: httpx.AsyncClient | None = None,
) -> dict[str, Any]:
    """`get_cloudflare_turn_credentials` for an event loop.

    Args:
        turn_key_id, turn_key_api_token, hf_token, ttl: as there.
        client: makes the request; by default a client of its own.
    """
    request = _request(turn_key_id, turn_key_api_token, hf_token, ttl)
    return await CACHE.get_async(request, client)


def _request(
    key_id: str | None, api_token: str | None, hf_token: str | None, ttl: int
) -> Request:
    if hf_token:
        return hf_request(hf_token, ttl)
    if not (key_id and api_token) and secret(None, "HF_TOKEN"):
        return hf_request(None, ttl)
    check_ttl(ttl)
    key = secret(key_id, "CLOUDFLARE_TURN_KEY_ID")
    token = secret(api_token, "CLOUDFLARE_TURN_KEY_API_TOKEN")
    if key is None or token is None:
        raise ConfigurationError(
            "TURN credentials of Cloudflare need turn_key_id= and turn_key_api_token= "
            "(or CLOUDFLARE_TURN_KEY_ID and CLOUDFLARE_TURN_KEY_API_TOKEN), or a "
            "Hugging Face token as hf_token= (or HF_TOKEN)."
        )
    return Request(
        provider="Cloudflare",
        method="POST",
        url=f"{CLOUDFLARE_TURN_URL}/{quote(key, safe='')}"
        "/credentials/generate-ice-servers",
        check="CLOUDFLARE_TURN_KEY_ID and CLOUDFLARE_TURN_KEY_API_TOKEN, and that ttl "
        f"({ttl}) is at most 172800",
        ttl_s=ttl,
        options={"headers": bearer(token), "json": {"ttl": ttl}},
        read=without_port_53,
    )

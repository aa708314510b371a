"""TURN for a Hugging Face account: the community's server, which Cloudflare runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ._cache import CACHE
from ._keys import bearer, check_ttl, secret
from ._request import Request, without_port_53

if TYPE_CHECKING:
    import httpx

CLOUDFLARE_FASTRTC_TURN_URL = "https://turn.fastrtc.org/credentials"


def get_hf_turn_credentials(
    token: str | None = None, ttl: int = 3600
) -> dict[str, Any]:
    """Credentials of the community's server, for a Hugging Face account.

    Args:
        token: a Hugging Face token; by default `$HF_TOKEN`.
        ttl: how long the credentials are valid, seconds. Every connection gets some
            that have half of it left at least; a relayed call that is longer than
            what is left may be cut.

    Returns:
        A dict with "iceServers".

    Raises:
        ConfigurationError: there is no token, or the ttl is none.
        TurnCredentialsError: the service refused or could not be reached.
    """
    return CACHE.get(hf_request(token, ttl))


async def get_hf_turn_credentials_async(
    token: str | None = None, ttl: int = 3600, client: httpx.AsyncClient | None = None
) -> dict[str, Any]:
    """`get_hf_turn_credentials` for an event loop.

    Args:
        token, ttl: as there.
        client: makes the request; by default a client of its own.
    """
    return await CACHE.get_async(hf_request(token, ttl), client)


def hf_request(token: str | None, ttl: int) -> Request:
    """The request; the arguments are those of `get_hf_turn_credentials`."""
    check_ttl(ttl)
    key = secret(token, "HF_TOKEN")
    if key is None:
        raise ConfigurationError(
            "TURN credentials of Hugging Face need a token: pass token= or set "
            "HF_TOKEN."
        )
    return Request(
        provider="Hugging Face",
        method="GET",
        url=CLOUDFLARE_FASTRTC_TURN_URL,
        check=f"the Hugging Face token (HF_TOKEN), that it may read, and ttl ({ttl})",
        ttl_s=ttl,
        options={"headers": bearer(key), "params": {"ttl": ttl}},
        read=without_port_53,
    )

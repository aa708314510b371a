"""Credentials of the provider that is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import ConfigurationError
from .cloudflare import (
    get_cloudflare_turn_credentials,
    get_cloudflare_turn_credentials_async,
)
from .coturn import get_coturn_credentials, get_coturn_credentials_async
from .hugging_face import get_hf_turn_credentials, get_hf_turn_credentials_async
from .twilio import get_twilio_turn_credentials, get_twilio_turn_credentials_async

Method = Literal["hf", "twilio", "cloudflare", "coturn"]


@dataclass(frozen=True)
class _Provider:
    get: Callable[..., dict[str, Any]]
    get_async: Callable[..., Any]
    arguments: tuple[str, ...]


_PROVIDERS = {
    "hf": _Provider(
        get_hf_turn_credentials,
        get_hf_turn_credentials_async,
        ("token", "ttl", "client"),
    ),
    "cloudflare": _Provider(
        get_cloudflare_turn_credentials,
        get_cloudflare_turn_credentials_async,
        ("turn_key_id", "turn_key_api_token", "hf_token", "ttl", "client"),
    ),
    "twilio": _Provider(
        get_twilio_turn_credentials,
        get_twilio_turn_credentials_async,
        ("twilio_sid", "twilio_token", "ttl", "client"),
    ),
    "coturn": _Provider(
        get_coturn_credentials,
        get_coturn_credentials_async,
        ("secret", "urls", "ttl_s", "user"),
    ),
}


def get_turn_credentials(
    method: Method = "cloudflare", **kwargs: Any
) -> dict[str, Any]:
    """Credentials of the provider that is named.

    Args:
        method: "cloudflare", "twilio", "hf" or "coturn".
        kwargs: arguments of that provider's function. Those of the other providers
            are left aside, so that a program may pass all that it has; `ttl` and
            `ttl_s` are the same.

    Raises:
        ConfigurationError: there is no such provider, or its keys are missing.
        TurnCredentialsError: the service refused or could not be reached.
        TypeError: an argument that no provider has.
    """
    provider = _provider(method)
    arguments = _arguments(method, provider, kwargs)
    arguments.pop("client", None)
    return provider.get(**arguments)


async def get_turn_credentials_async(
    method: Method = "cloudflare", **kwargs: Any
) -> dict[str, Any]:
    """`get_turn_credentials` for an event loop; takes `client` as well."""
    provider = _provider(method)
    return await provider.get_async(**_arguments(method, provider, kwargs))


def _provider(method: str) -> _Provider:
    provider = _PROVIDERS.get(method)
    if provider is None:
        known = ", ".join(f'"{name}"' for name in _PROVIDERS)
        raise ConfigurationError(
            f'There is no TURN provider "{method}": there are {known}.'
        )
    return provider


def _arguments(
    method: str, provider: _Provider, given: dict[str, Any]
) -> dict[str, Any]:
    known = {name for each in _PROVIDERS.values() for name in each.arguments}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise TypeError(
            f"No TURN provider has the argument {', '.join(unknown)}; "
            f'"{method}" has {", ".join(provider.arguments)}.'
        )
    taken = {name: given[name] for name in provider.arguments if name in given}
    for name, other in (("ttl", "ttl_s"), ("ttl_s", "ttl")):
        if name in provider.arguments and name not in taken and other in given:
            taken[name] = given[other]
    return taken

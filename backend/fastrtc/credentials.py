"""Short-lived credentials for TURN servers, from the services that give them.

Each function returns what `rtc_configuration` takes: a dict with "iceServers". Keys
are taken from the arguments or from environment variables, and never appear in an
error or a log.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

from .errors import ConfigurationError, TurnCredentialsError

if TYPE_CHECKING:
    import ssl

    import httpx

CLOUDFLARE_FASTRTC_TURN_URL = "https://turn.fastrtc.org/credentials"
CLOUDFLARE_TURN_URL = "https://rtc.live.cloudflare.com/v1/turn/keys"
TWILIO_URL = "https://api.twilio.com/2010-04-01/Accounts"

TIMEOUT_S = 5.0
"""For each step of a request; the services answer within a second."""

Method = Literal["hf", "twilio", "cloudflare"]

_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "hf": ("token", "ttl", "client"),
    "cloudflare": ("turn_key_id", "turn_key_api_token", "hf_token", "ttl", "client"),
    "twilio": ("twilio_sid", "twilio_token", "ttl", "client"),
}


@dataclass(frozen=True)
class _Request:
    """A request for credentials; its secrets are in `options`, out of its repr."""

    provider: str
    method: str
    url: str
    check: str
    options: dict[str, Any] = field(repr=False)

    def send(self) -> dict[str, Any]:
        import httpx

        try:
            with httpx.Client(timeout=TIMEOUT_S, verify=_tls_context()) as client:
                response = client.request(self.method, self.url, **self.options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        return self._read(response)

    async def send_async(self, client: httpx.AsyncClient | None) -> dict[str, Any]:
        # Loading httpx and the certificates takes 100 ms the first time.
        tls_context = await asyncio.to_thread(_tls_context)
        import httpx

        try:
            if client is not None:
                response = await client.request(self.method, self.url, **self.options)
            else:
                async with httpx.AsyncClient(
                    timeout=TIMEOUT_S, verify=tls_context
                ) as own:
                    response = await own.request(self.method, self.url, **self.options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        return self._read(response)

    def _unreachable(self, error: httpx.HTTPError) -> TurnCredentialsError:
        # Only its type: the text and the request in it may show a header.
        return TurnCredentialsError(
            self.provider,
            None,
            f"The service can't be reached ({type(error).__name__}). Check the "
            f"connection of this server.",
        )

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        status = response.status_code
        # The body is left out of errors: services repeat in it what they were sent.
        if status in (400, 401, 403, 404):
            raise TurnCredentialsError(self.provider, status, f"Check {self.check}.")
        if not response.is_success:
            raise TurnCredentialsError(
                self.provider, status, "The service has a problem; try again later."
            )
        try:
            answer: Any = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TurnCredentialsError(
                self.provider,
                status,
                "The answer is not a JSON object. Check that no proxy answers in the "
                "service's place.",
            )
        return cast("dict[str, Any]", answer)


@cache
def _tls_context() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


# -- Hugging Face ------------------------------------------------------------


def get_hf_turn_credentials(token: str | None = None, ttl: int = 600) -> dict[str, Any]:
    """Credentials of the community's server, for a Hugging Face account.

    Args:
        token: a Hugging Face token; by default `$HF_TOKEN`.
        ttl: how long the credentials are valid, seconds.

    Returns:
        A dict with "iceServers".

    Raises:
        ConfigurationError: there is no token.
        TurnCredentialsError: the service refused or could not be reached.
    """
    return _checked(_hf_request(token, ttl).send(), "Hugging Face")


async def get_hf_turn_credentials_async(
    token: str | None = None, ttl: int = 600, client: httpx.AsyncClient | None = None
) -> dict[str, Any]:
    """`get_hf_turn_credentials` for an event loop.

    Args:
        token, ttl: as there.
        client: makes the request; by default a client of its own.
    """
    answer = await _hf_request(token, ttl).send_async(client)
    return _checked(answer, "Hugging Face")


def _hf_request(token: str | None, ttl: int) -> _Request:
    token = _secret(token, "HF_TOKEN")
    if token is None:
        raise ConfigurationError(
            "TURN credentials of Hugging Face need a token: pass token= or set "
            "HF_TOKEN."
        )
    return _Request(
        provider="Hugging Face",
        method="GET",
        url=CLOUDFLARE_FASTRTC_TURN_URL,
        check="the Hugging Face token (HF_TOKEN) and that it may read",
        options={
            "headers": {"Authorization": f"Bearer {token}"},
            "params": {"ttl": ttl},
        },
    )


# -- Cloudflare --------------------------------------------------------------


def get_cloudflare_turn_credentials(
    turn_key_id: str | None = None,
    turn_key_api_token: str | None = None,
    hf_token: str | None = None,
    ttl: int = 600,
) -> dict[str, Any]:
    """Credentials of Cloudflare's TURN service.

    Of several sets of keys the first of these is used: `hf_token`, the two key
    arguments, `$HF_TOKEN`, `$CLOUDFLARE_TURN_KEY_ID` with
    `$CLOUDFLARE_TURN_KEY_API_TOKEN`.

    Args:
        turn_key_id: id of a TURN key of your Cloudflare account.
        turn_key_api_token: that key's API token.
        hf_token: a Hugging Face token instead, for the community's server.
        ttl: how long the credentials are valid, seconds.

    Returns:
        A dict with "iceServers".

    Raises:
        ConfigurationError: there are no keys.
        TurnCredentialsError: the service refused or could not be reached.
    """
    request = _cloudflare_request(turn_key_id, turn_key_api_token, hf_token, ttl)
    return _checked(request.send(), request.provider)


async def get_cloudflare_turn_credentials_async(
    turn_key_id: str | None = None,
    turn_key_api_token: str | None = None,
    hf_token: str | None = None,
    ttl: int = 600,
    client: httpx.AsyncClient | None = None,
) -> dict[str, Any]:
    """`get_cloudflare_turn_credentials` for an event loop.

    Args:
        turn_key_id, turn_key_api_token, hf_token, ttl: as there.
        client: makes the request; by default a client of its own.
    """
    request = _cloudflare_request(turn_key_id, turn_key_api_token, hf_token, ttl)
    return _checked(await request.send_async(client), request.provider)


def _cloudflare_request(
    key_id: str | None, api_token: str | None, hf_token: str | None, ttl: int
) -> _Request:
    if hf_token:
        return _hf_request(hf_token, ttl)
    if not (key_id and api_token) and _secret(None, "HF_TOKEN"):
        return _hf_request(None, ttl)
    key_id = _secret(key_id, "CLOUDFLARE_TURN_KEY_ID")
    api_token = _secret(api_token, "CLOUDFLARE_TURN_KEY_API_TOKEN")
    if key_id is None or api_token is None:
        raise ConfigurationError(
            "TURN credentials of Cloudflare need turn_key_id= and turn_key_api_token= "
            "(or CLOUDFLARE_TURN_KEY_ID and CLOUDFLARE_TURN_KEY_API_TOKEN), or a "
            "Hugging Face token as hf_token= (or HF_TOKEN)."
        )
    return _Request(
        provider="Cloudflare",
        method="POST",
        url=f"{CLOUDFLARE_TURN_URL}/{quote(key_id, safe='')}"
        "/credentials/generate-ice-servers",
        check="CLOUDFLARE_TURN_KEY_ID and CLOUDFLARE_TURN_KEY_API_TOKEN",
        options={
            "headers": {"Authorization": f"Bearer {api_token}"},
            "json": {"ttl": ttl},
        },
    )


# -- Twilio ------------------------------------------------------------------


def get_twilio_turn_credentials(
    twilio_sid: str | None = None,
    twilio_token: str | None = None,
    ttl: int | None = None,
) -> dict[str, Any]:
    """Credentials of Twilio's TURN service.

    Args:
        twilio_sid: the account's SID; by default `$TWILIO_ACCOUNT_SID`.
        twilio_token: its auth token; by default `$TWILIO_AUTH_TOKEN`.
        ttl: how long the credentials are valid, seconds; Twilio's default is a day.

    Returns:
        A dict with "iceServers" and "iceTransportPolicy" "relay".

    Raises:
        ConfigurationError: the SID or the token is missing.
        TurnCredentialsError: the service refused or could not be reached.
    """
    return _twilio_answer(_twilio_request(twilio_sid, twilio_token, ttl).send())


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
    request = _twilio_request(twilio_sid, twilio_token, ttl)
    return _twilio_answer(await request.send_async(client))


def _twilio_request(sid: str | None, token: str | None, ttl: int | None) -> _Request:
    sid = _secret(sid, "TWILIO_ACCOUNT_SID")
    token = _secret(token, "TWILIO_AUTH_TOKEN")
    if sid is None or token is None:
        raise ConfigurationError(
            "TURN credentials of Twilio need twilio_sid= and twilio_token=, or "
            "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
        )
    return _Request(
        provider="Twilio",
        method="POST",
        url=f"{TWILIO_URL}/{quote(sid, safe='')}/Tokens.json",
        check="TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
        options={"auth": (sid, token), "data": {} if ttl is None else {"Ttl": ttl}},
    )


def _twilio_answer(answer: dict[str, Any]) -> dict[str, Any]:
    servers = answer.get("ice_servers")
    return _checked({"iceServers": servers, "iceTransportPolicy": "relay"}, "Twilio")


# -- by name -----------------------------------------------------------------


def get_turn_credentials(
    method: Method = "cloudflare", **kwargs: Any
) -> dict[str, Any]:
    """Credentials of the provider that is named.

    Args:
        method: "cloudflare", "twilio" or "hf".
        kwargs: arguments of that provider's function. Those of the other providers
            are left aside, so that a program may pass all that it has.

    Raises:
        ConfigurationError: there is no such provider, or its keys are missing.
        TurnCredentialsError: the service refused or could not be reached.
        TypeError: an argument that no provider has.
    """
    chosen = _arguments_of(method, kwargs)
    chosen.pop("client", None)
    if method == "hf":
        return get_hf_turn_credentials(**chosen)
    if method == "twilio":
        return get_twilio_turn_credentials(**chosen)
    return get_cloudflare_turn_credentials(**chosen)


async def get_turn_credentials_async(
    method: Method = "cloudflare", **kwargs: Any
) -> dict[str, Any]:
    """`get_turn_credentials` for an event loop; takes `client` as well."""
    chosen = _arguments_of(method, kwargs)
    if method == "hf":
        return await get_hf_turn_credentials_async(**chosen)
    if method == "twilio":
        return await get_twilio_turn_credentials_async(**chosen)
    return await get_cloudflare_turn_credentials_async(**chosen)


def _arguments_of(method: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    if method not in _ARGUMENTS:
        raise ConfigurationError(
            f'There is no TURN provider "{method}": use "cloudflare", "twilio" or "hf".'
        )
    known = {name for names in _ARGUMENTS.values() for name in names}
    unknown = sorted(kwargs.keys() - known)
    if unknown:
        raise TypeError(
            f"No TURN provider has the argument {', '.join(unknown)}; "
            f'"{method}" has {", ".join(_ARGUMENTS[method])}.'
        )
    return {name: kwargs[name] for name in _ARGUMENTS[method] if name in kwargs}


# -- checks ------------------------------------------------------------------


def _secret(value: str | None, variable: str) -> str | None:
    """A key from an argument or the environment, without the spaces around it.

    Raises:
        ConfigurationError: it holds what can't stand in a header. Told here, because
            the HTTP library's error would show it.
    """
    key = (value or os.environ.get(variable, "")).strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            f"{variable} has characters that no key has; copy it anew."
        )
    return key or None


def _checked(answer: dict[str, Any], provider: str) -> dict[str, Any]:
    if not answer.get("iceServers"):
        raise TurnCredentialsError(
            provider, 200, "The answer names no ICE servers. Check the account."
        )
    return answer

"""What an app says about its telephone."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ...errors import ConfigurationError
from .provider import PhoneProvider
from .twilio import Twilio


@dataclass(frozen=True)
class TelephoneOptions:
    """Where calls come from, and how this server is reached.

    Args:
        provider: `Twilio(…)`, `Telnyx(…)` or `Plivo(…)`, with the secrets that its
            webhooks are checked by.
        public_url: the app's address as the provider sees it, for example
            `"https://bot.example.com"`; the stream's path is appended. By default the
            address is the one that a request itself was sent to.
        trust_proxy_headers: believe `X-Forwarded-Proto` and `X-Forwarded-Host` instead.
            Only behind a proxy that sets them: else whoever calls does.
        announcement: read out by the provider before the call is connected.

    Raises:
        ConfigurationError: `public_url` is no such address.
    """

    provider: PhoneProvider = field(default_factory=Twilio)
    public_url: str | None = None
    trust_proxy_headers: bool = False
    announcement: str = ""

    def __post_init__(self) -> None:
        if self.public_url is not None:
            checked = check_public_url(self.public_url)
            object.__setattr__(self, "public_url", checked)


def check_public_url(url: str) -> str:
    """An address without the slash at its end.

    Raises:
        ConfigurationError: it has no scheme or host, or has a query.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname is not None
        _ = parts.port
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or parts.query or parts.fragment or parts.username:
        raise ConfigurationError(
            f'public_url must be an address like "https://bot.example.com", not {url!r}'
        )
    return url.rstrip("/")

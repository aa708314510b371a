"""Keys from arguments and from the environment, checked before they are used."""

from __future__ import annotations

import os

from ..errors import ConfigurationError


class Secret(str):
    """A key that shows itself to nobody: not in a repr, so in no list of variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def secret(value: str | None, variable: str) -> Secret | None:
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
    return Secret(key) if key else None


def bearer(token: Secret) -> dict[str, str]:
    """The header that shows a token to a service."""
    return {"Authorization": Secret(f"Bearer {token}")}


def check_ttl(ttl: float, name: str = "ttl") -> None:
    """Check how long credentials are to be valid.

    Raises:
        ConfigurationError: not at all.
    """
    if not ttl >= 1:
        raise ConfigurationError(
            f"{name} is how many seconds the credentials are valid: 1 or more, not "
            f"{ttl}"
        )

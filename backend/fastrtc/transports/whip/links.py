"""ICE servers as `Link` headers (RFC 9725, 4.6)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

logger = logging.getLogger("fastrtc")


def ice_links(configuration: Mapping[str, Any]) -> list[str]:
    """A `Link` for every URL of a browser's RTC configuration."""
    links: list[str] = []
    listed = configuration.get("iceServers") or []
    for server in cast("list[Mapping[str, Any]]", listed):
        urls = server.get("urls") or server.get("url") or []
        for url in [urls] if isinstance(urls, str) else cast("list[str]", urls):
            link = _link(url, server.get("username"), server.get("credential"))
            if link.isascii() and link.isprintable():
                links.append(link)
            else:
                logger.warning("an ICE server doesn't fit into a Link header")
    return links


def _link(url: str, username: Any, credential: Any) -> str:
    link = f'<{url}>; rel="ice-server"'
    if username is None or credential is None:
        return link
    return (
        f"{link}; username={_quoted(str(username))}; "
        f'credential={_quoted(str(credential))}; credential-type="password"'
    )


def _quoted(text: str) -> str:
    """A quoted-string (RFC 9110, 5.6.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

"""ICE configuration of both ends, and candidates."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

from aiortc import RTCConfiguration, RTCIceCandidate, RTCIceServer
from aiortc.sdp import candidate_from_sdp

from ...errors import ConfigurationError, RefusedError
from ...handlers.calls import call
from ...messages import Candidate

RTCConfigurationValue: TypeAlias = Mapping[str, Any] | None
RTCConfigurationCallable: TypeAlias = (
    Callable[[], Awaitable[RTCConfigurationValue]]
    | Callable[[], RTCConfigurationValue]
    | Mapping[str, Any]
)

RESOLVE_TIMEOUT_S = 12.0
"""Credential services answer within a second; the package's own requests to them end
after 10 s, with an error that says more."""


async def resolve(
    configuration: RTCConfigurationCallable | None,
) -> dict[str, Any]:
    """What an RTC configuration is now: callables are called anew each time.

    Raises:
        ConfigurationError: the result is no dict, or none came in time.
    """
    value: Any = configuration
    if callable(configuration):
        try:
            value = await asyncio.wait_for(call(configuration), RESOLVE_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise ConfigurationError(
                f"rtc_configuration gave nothing in {RESOLVE_TIMEOUT_S:g} s"
            ) from None
    if inspect.isawaitable(value):
        value = await value
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            "rtc_configuration must be a dict such as "
            '{"iceServers": [{"urls": "turn:…", "username": …, "credential": …}]}, '
            f"or a function that gives one, not {type(value).__name__}"
        )
    return dict(cast("Mapping[str, Any]", value))


def to_aiortc(configuration: Mapping[str, Any]) -> RTCConfiguration:
    """A browser's configuration as aiortc's.

    Raises:
        ConfigurationError: an ICE server has no urls.
    """
    servers: list[RTCIceServer] = []
    listed = configuration.get("iceServers") or []
    for server in cast("list[Mapping[str, Any]]", listed):
        urls = server.get("urls") or server.get("url")
        if not urls:
            raise ConfigurationError("an entry of iceServers has no urls")
        servers.append(
            RTCIceServer(
                urls=urls,
                username=server.get("username"),
                credential=server.get("credential"),
            )
        )
    return RTCConfiguration(iceServers=servers)


def to_ice_candidate(candidate: Candidate) -> RTCIceCandidate | None:
    """A trickled candidate as aiortc's; None for the end of candidates.

    Raises:
        RefusedError: the text is no candidate.
    """
    text = candidate.text.removeprefix("a=").removeprefix("candidate:").strip()
    if not text:
        return None
    try:
        parsed = candidate_from_sdp(text)
    except (ValueError, IndexError, AssertionError) as error:
        raise RefusedError(
            "invalid_candidate_format", "The candidate can't be read."
        ) from error
    parsed.sdpMid = candidate.sdp_mid
    parsed.sdpMLineIndex = candidate.sdp_m_line_index
    return parsed

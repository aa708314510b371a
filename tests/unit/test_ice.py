"""fastrtc.transports.webrtc.ice: configurations and candidates."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import Any

import pytest

from fastrtc.errors import ConfigurationError, RefusedError
from fastrtc.messages import Candidate
from fastrtc.transports.webrtc.ice import resolve, to_aiortc, to_ice_candidate
from fastrtc.transports.webrtc.signalling import DEFAULT_ICE, IceOptions

TURN = {"urls": "turn:t.example", "username": "u", "credential": "c"}
CONFIGURATION = {"iceServers": [TURN]}
HOST = "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host"


async def coroutine() -> Any:
    return CONFIGURATION


@pytest.mark.parametrize(
    "configuration",
    [
        CONFIGURATION,
        MappingProxyType(CONFIGURATION),
        lambda: CONFIGURATION,
        coroutine,
        lambda: coroutine(),
    ],
    ids=["dict", "mapping", "function", "coroutine function", "gives a coroutine"],
)
async def test_every_kind_of_configuration(configuration: Any) -> None:
    """Lost otherwise: TURN credentials would not reach the connection."""
    assert await resolve(configuration) == CONFIGURATION


async def test_none_is_an_empty_configuration() -> None:
    """Lost otherwise: a stream without ICE servers could not start."""
    assert await resolve(None) == {}
    assert await resolve(lambda: None) == {}


async def test_callables_are_asked_anew_each_time() -> None:
    """Lost otherwise: expired TURN credentials would be used for ever."""
    calls: list[int] = []

    def credentials() -> Any:
        calls.append(1)
        return {"iceServers": [], "n": len(calls)}

    assert (await resolve(credentials))["n"] == 1
    assert (await resolve(credentials))["n"] == 2


@pytest.mark.parametrize("value", [["turn:x"], "turn:x", 3])
async def test_other_types_are_refused_with_an_example(value: Any) -> None:
    """Lost otherwise: a wrong configuration would look like a broken network."""
    with pytest.raises(ConfigurationError, match="must be a dict such as"):
        await resolve(lambda: value)


@pytest.mark.virtual_time
async def test_a_configuration_that_never_comes_is_given_up() -> None:
    """Lost otherwise: a dead credential service would keep clients waiting."""

    async def hang() -> Any:
        await asyncio.Event().wait()

    with pytest.raises(ConfigurationError, match="gave nothing in 12 s"):
        await resolve(hang)


def test_servers_become_aiortcs() -> None:
    """Lost otherwise: the server would not use the TURN server it was given."""
    two = {"urls": ["stun:a", "stun:b"]}
    old = {"url": "stun:c"}
    servers = to_aiortc({"iceServers": [TURN, two, old]}).iceServers
    assert servers is not None
    assert [s.urls for s in servers] == [
        "turn:t.example",
        ["stun:a", "stun:b"],
        "stun:c",
    ]
    assert servers[0].username == "u"
    assert servers[0].credential == "c"


@pytest.mark.parametrize("configuration", [{}, {"iceServers": None}])
def test_no_servers(configuration: Any) -> None:
    """Lost otherwise: an offline installation would crash."""
    assert to_aiortc(configuration).iceServers == []


def test_a_server_without_urls_is_refused() -> None:
    """Lost otherwise: a typo in the configuration would go unnoticed."""
    with pytest.raises(ConfigurationError, match="no urls"):
        to_aiortc({"iceServers": [{"uri": "turn:x"}]})


async def test_which_end_uses_which() -> None:
    """Lost otherwise: one end would lack the TURN server, and none connect."""
    client, server = {"iceServers": [TURN]}, {"iceServers": []}
    assert await IceOptions().for_server() == DEFAULT_ICE
    assert await IceOptions().for_client() == {}
    assert await IceOptions(client).for_server() == client
    assert await IceOptions(client, server).for_server() == server
    assert await IceOptions(client, server).for_client() == client


@pytest.mark.parametrize("text", [HOST, "a=" + HOST, HOST.removeprefix("candidate:")])
def test_candidates_of_every_browser(text: str) -> None:
    """Lost otherwise: clients of one browser could not connect."""
    candidate = to_ice_candidate(Candidate("x", text, "0", 0))
    assert candidate is not None
    assert (candidate.ip, candidate.port) == ("192.0.2.1", 50_000)
    assert (candidate.sdpMid, candidate.sdpMLineIndex) == ("0", 0)


@pytest.mark.parametrize("text", ["", "candidate:", "a=candidate: "])
def test_the_end_of_candidates(text: str) -> None:
    """Lost otherwise: the end of candidates would be answered with an error."""
    assert to_ice_candidate(Candidate("x", text, "0", 0)) is None


@pytest.mark.parametrize(
    "text", ["garbage", "candidate:1 1 udp x 192.0.2.1 y typ host", "candidate:1 1 udp"]
)
def test_garbage_is_refused(text: str) -> None:
    """Lost otherwise: a malformed candidate would be an internal server error."""
    with pytest.raises(RefusedError) as caught:
        to_ice_candidate(Candidate("x", text, "0", 0))
    assert caught.value.code == "invalid_candidate_format"

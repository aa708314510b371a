"""Calls whose only way leads through a TURN server: coturn, on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from functools import partial
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from fastrtc import Stream
from fastrtc.credentials import get_coturn_credentials, get_coturn_credentials_async
from fastrtc.options import GATHERING_TIMEOUT_S
from fastrtc.transports.webrtc import turn_report
from fastrtc.transports.webrtc._aiortc import bound_gathering
from fastrtc.transports.webrtc._aiortc.turn import TurnServer, turn_without_relay
from fastrtc.transports.webrtc.ice import resolve, to_aiortc
from fastrtc.transports.webrtc.turn_report import TurnReporter, why_no_relay

from . import client as client_module
from .client import Client
from .coturn import TURNSERVER, Coturn, candidate_types, relays_only
from .echoes import assert_echoes
from .handlers import Echo
from .support import PATIENCE_S, Server
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback

needs_coturn = pytest.mark.skipif(
    TURNSERVER is None, reason="coturn is not installed (apt-get install coturn)"
)

SECRET = "north-0123456789"


@pytest.fixture(scope="module")
def coturn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coturn]:
    server = Coturn(tmp_path_factory.mktemp("coturn"), SECRET)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def reporter(monkeypatch: pytest.MonkeyPatch) -> TurnReporter:
    """One that has seen no server yet."""
    reporter = TurnReporter()
    monkeypatch.setattr(turn_report.REPORTER, "_looked_s", {})
    return reporter


class RelayClient(Client):
    """A client that tells its relay addresses only, and listens to those only.

    Attributes:
        told: the types of the candidates that the server told.
    """

    told: frozenset[str] | set[str] = frozenset()

    async def offer(self) -> dict[str, Any]:
        body = await super().offer()
        return {**body, "sdp": relays_only(body["sdp"])}

    async def take(self, answer: dict[str, Any]) -> None:
        self.told = candidate_types(answer["sdp"])
        await super().take({**answer, "sdp": relays_only(answer["sdp"])})

    @property
    def route(self) -> tuple[str, str]:
        """The types of the candidates at both ends of the route it uses."""
        sctp: Any = self.pc.sctp
        (pair,) = sctp.transport.transport._connection._nominated.values()
        return pair.local_candidate.type, pair.remote_candidate.type


class Warnings(logging.Handler):
    """What the package warns of, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        self._loop.call_soon_threadsafe(self._queue.put_nowait, message)

    async def next(self) -> str:
        return await asyncio.wait_for(self._queue.get(), PATIENCE_S)


@contextlib.contextmanager
def warnings_of_the_package() -> Generator[Warnings]:
    handler = Warnings()
    logger = logging.getLogger("fastrtc")
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)


@contextlib.asynccontextmanager
async def serving(**ice: Any) -> AsyncGenerator[Server, None]:
    """A server with this ICE configuration; everything of it must end with it."""
    stream = Stream(
        Echo(), modality="audio", mode="send-receive", concurrency_limit=None, **ice
    )
    server = Server(stream)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
    assert not len(server.stream.sessions), "a session outlived its server"
    assert not server.left_tasks, server.left_tasks


@contextlib.asynccontextmanager
async def relayed(
    server: Server, monkeypatch: pytest.MonkeyPatch, credentials: dict[str, Any]
) -> AsyncGenerator[RelayClient, None]:
    """A client with these TURN credentials, not yet connected."""
    configuration = to_aiortc(credentials)

    def configured(iceServers: Any) -> RTCConfiguration:
        return configuration

    monkeypatch.setattr(client_module, "RTCConfiguration", configured)
    client = RelayClient(server.url, tone(LEFT_HZ))
    try:
        yield client
    finally:
        await client.close()


@needs_coturn
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_goes_through_the_relay(
    coturn: Coturn, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """Lost otherwise: users behind strict firewalls could not talk at all."""
    credentials = partial(
        get_coturn_credentials, SECRET, coturn.url(transport), user="anna"
    )
    async with serving(rtc_configuration=credentials) as server:
        for_client = await resolve(server.stream.rtc_configuration)
        async with relayed(server, monkeypatch, for_client) as client:
            await client.connect()
            assert client.route == ("relay", "relay")
            await assert_echoes(server, client, LEFT_HZ)
    assert coturn.count(r"user <\d+:anna>.* ALLOCATE processed, success") >= 2


@needs_coturn
async def test_the_server_may_have_its_own_credentials(
    coturn: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: those who keep their keys from browsers have no relay."""

    async def for_server() -> dict[str, Any]:
        return await get_coturn_credentials_async(SECRET, coturn.url(), user="server")

    credentials = get_coturn_credentials(SECRET, coturn.url())
    async with (
        serving(server_rtc_configuration=for_server) as server,
        relayed(server, monkeypatch, credentials) as client,
    ):
        await client.connect()
        assert "relay" in client.told
        assert client.route == ("relay", "relay")
        await assert_echoes(server, client, LEFT_HZ)
    assert coturn.count(r"user <\d+:server>.* ALLOCATE processed, success") == 1


@needs_coturn
async def test_a_relayed_call_connects_without_a_lost_half_second(
    coturn: Coturn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: whoever needs the relay waits five times as long for a call."""
    credentials = get_coturn_credentials(SECRET, coturn.url())
    took_ms: list[float] = []
    async with serving(rtc_configuration=credentials) as server:
        for _ in range(5):
            async with relayed(server, monkeypatch, credentials) as client:
                began_s = time.perf_counter()
                await client.connect()
                took_ms.append(1000 * (time.perf_counter() - began_s))
    print(f"connected through coturn in {[round(ms) for ms in sorted(took_ms)]} ms")
    # A busy machine spoils some; a lost check takes 500 ms in each.
    assert sorted(took_ms)[1] < 450


# -- refusals ----------------------------------------------------------------------


def _wrong_secret() -> Callable[..., dict[str, Any]]:
    return partial(get_coturn_credentials, "south-9876543210")


def _expired() -> Callable[..., dict[str, Any]]:
    def credentials(urls: str) -> dict[str, Any]:
        with pytest.MonkeyPatch.context() as patch:
            hour_ago_s = time.time() - 3600
            patch.setattr("fastrtc.credentials.coturn.time.time", lambda: hour_ago_s)
            return get_coturn_credentials(SECRET, urls, ttl_s=600)

    return credentials


@needs_coturn
@pytest.mark.parametrize("flawed", [_wrong_secret, _expired])
async def test_refused_credentials_are_told(
    coturn: Coturn, flawed: Callable[[], Callable[..., dict[str, Any]]]
) -> None:
    """Lost otherwise: a wrong secret shows as "connecting" for 30 s, and as nothing
    in the log.
    """
    credentials = flawed()(urls=coturn.url())
    async with serving(server_rtc_configuration=credentials) as server:
        client = RelayClient(server.url)
        try:
            with warnings_of_the_package() as warnings:
                began_s = time.perf_counter()
                answer = await client.post(await client.offer())
                took_s = time.perf_counter() - began_s
                warning = await warnings.next()
        finally:
            await client.close()
    assert "relay" not in candidate_types(answer["sdp"])
    assert took_s < GATHERING_TIMEOUT_S + 1.0
    assert coturn.url() in warning
    assert "refused the credentials (401 Unauthorized)" in warning
    assert "the secret" in warning
    assert "clocks" in warning
    (given,) = credentials["iceServers"]
    for hidden in (SECRET, given["username"], given["credential"]):
        assert hidden not in warning


@needs_coturn
async def test_a_relay_that_was_given_is_not_looked_for(coturn: Coturn) -> None:
    """Lost otherwise: every relayed call would be told as a failure."""
    made = get_coturn_credentials(SECRET, coturn.url())
    assert await _missing(made) is None


@needs_coturn
async def test_a_server_that_was_only_slow_is_told_as_slow(coturn: Coturn) -> None:
    """Lost otherwise: good credentials would be looked at for the flaw."""
    (made,) = get_coturn_credentials(SECRET, coturn.url())["iceServers"]
    server = TurnServer(
        "127.0.0.1", coturn.port, "udp", False, made["username"], made["credential"]
    )
    freed = coturn.count("REFRESH processed, success")
    assert (await why_no_relay(server)).startswith("answers, after 0.")
    coturn.wait_for("REFRESH processed, success", freed + 1)


@needs_coturn
async def test_a_server_that_is_full_is_told(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Lost otherwise: good credentials would be looked at for the flaw."""
    folder = tmp_path_factory.mktemp("full")
    full = Coturn(folder, SECRET, "total-quota=1\n")
    credentials = get_coturn_credentials(SECRET, full.url())
    try:
        holder = await _gathered(credentials)
        try:
            server = await _missing(credentials)
            assert server is not None
            assert "no relay address left (486" in await why_no_relay(server)
        finally:
            await holder.close()
    finally:
        full.stop()


async def test_a_silent_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: a firewall before the TURN server looks like anything else."""
    monkeypatch.setattr(turn_report, "PROBE_TIMEOUT_S", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        server = await _missing(_credentials(f"turn:127.0.0.1:{port}"))
        assert server is not None
        assert server.url == f"turn:127.0.0.1:{port}?transport=udp"
        assert "p455" not in repr(server)
        told = await why_no_relay(server)
    assert "didn't answer in 0.2 s" in told
    assert f"UDP port {port}" in told


@pytest.mark.parametrize("scheme", ["turn", "turns"])
async def test_an_address_where_nobody_listens_is_told(scheme: str) -> None:
    """Lost otherwise: a wrong port looks like a wrong password."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"{scheme}:127.0.0.1:{port}?transport=tcp"
    server = await _missing(_credentials(url))
    assert server is not None
    assert server.url == url
    assert "can't be reached" in await why_no_relay(server)


async def test_a_failing_server_is_looked_at_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: each client of a broken TURN server would fill the log."""
    now_s = 100.0
    reporter = TurnReporter(lambda: now_s)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    one = TurnServer("127.0.0.1", port, "tcp", False, "u", "p")
    other = TurnServer("127.0.0.1", port, "tcp", True, "u", "p")
    for server, after_s, told in (
        (one, 0.0, 1),
        (one, 59.0, 1),
        (other, 0.0, 2),
        (one, 2.0, 3),
    ):
        now_s += after_s
        await reporter.report(server)
        assert len(caplog.records) == told
    for number in range(1000):
        assert reporter._is_due(f"turn:{number}")
    assert len(reporter._looked_s) <= turn_report.MAX_SERVERS


def _credentials(url: str) -> dict[str, Any]:
    return {"iceServers": [{"urls": [url], "username": "u", "credential": "p455"}]}


async def _gathered(configuration: dict[str, Any]) -> RTCPeerConnection:
    """A connection that has gathered what it can with this configuration."""
    pc = RTCPeerConnection(to_aiortc(configuration))
    pc.createDataChannel("text")
    bound_gathering(pc, GATHERING_TIMEOUT_S)
    await pc.setLocalDescription(await pc.createOffer())
    return pc


async def _missing(configuration: dict[str, Any]) -> TurnServer | None:
    pc = await _gathered(configuration)
    try:
        return turn_without_relay(pc)
    finally:
        await pc.close()

"""Credentials are used again while they are good, and asked for once at a time."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from fastrtc.credentials import (
    _cache,
    cloudflare,
    get_cloudflare_turn_credentials,
    get_hf_turn_credentials,
    get_hf_turn_credentials_async,
    get_twilio_turn_credentials,
    hugging_face,
    twilio,
)
from fastrtc.errors import TurnCredentialsError
from fastrtc.transports.webrtc import IceOptions

from .turn_services import (
    ACCOUNT,
    KEY_ID,
    SECRET,
    TWILIO_SERVERS,
    Reply,
    Services,
    running,
)

TTL_S = 1000


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time, of a cache that is used in place of the program's."""
    clock = Clock()
    cache = _cache.CredentialCache(clock)
    for module in (cloudflare, hugging_face, twilio):
        monkeypatch.setattr(module, "CACHE", cache)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return clock


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Services]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running() as (services, url):
        monkeypatch.setattr(hugging_face, "CLOUDFLARE_FASTRTC_TURN_URL", f"{url}/hf")
        monkeypatch.setattr(cloudflare, "CLOUDFLARE_TURN_URL", f"{url}/keys")
        monkeypatch.setattr(twilio, "TWILIO_URL", f"{url}/Accounts")
        yield services
    _no_thread_is_left()


def _no_thread_is_left() -> None:
    for thread in threading.enumerate():
        if thread.name == "fastrtc-turn-credentials":
            thread.join(20)
            assert not thread.is_alive()


def ask(ttl: int = TTL_S, token: str = SECRET) -> dict[str, Any]:
    return get_hf_turn_credentials(token, ttl)


async def ask_async(client: httpx.AsyncClient | None = None) -> dict[str, Any]:
    return await get_hf_turn_credentials_async(SECRET, TTL_S, client)


# -- how long --------------------------------------------------------------------------


async def test_credentials_are_used_until_half_their_life_is_over(
    services: Services, clock: Clock
) -> None:
    """Lost otherwise: each call waits for the service, or gets credentials that end
    during the call.
    """
    first = ask()
    clock.now_s += TTL_S / 2 - 1
    assert ask() == await ask_async() == first
    assert len(services.requests) == 1
    clock.now_s += 1
    await ask_async()
    assert len(services.requests) == 2
    assert ask() == first
    assert len(services.requests) == 2


def test_the_life_is_the_one_that_the_service_says(
    services: Services, clock: Clock
) -> None:
    """Lost otherwise: credentials that the service made shorter expire in a call."""
    shorter = {"ice_servers": TWILIO_SERVERS, "ttl": "100"}
    services.fault = Reply(201, shorter)
    get_twilio_turn_credentials(ACCOUNT, SECRET)
    clock.now_s += 49
    get_twilio_turn_credentials(ACCOUNT, SECRET)
    assert len(services.requests) == 1
    clock.now_s += 1
    services.fault = None
    get_twilio_turn_credentials(ACCOUNT, SECRET)
    assert len(services.requests) == 2
    clock.now_s += 43_199
    get_twilio_turn_credentials(ACCOUNT, SECRET)
    assert len(services.requests) == 2, "Twilio's are valid for a day"


def test_other_keys_and_times_have_other_credentials(services: Services) -> None:
    """Lost otherwise: one account's credentials are given to another's users."""
    ask()
    ask(ttl=TTL_S + 1)
    get_cloudflare_turn_credentials(KEY_ID, SECRET, ttl=TTL_S)
    assert len(services.requests) == 3
    with pytest.raises(TurnCredentialsError, match="401"):
        ask(token="another")
    ask()
    assert len(services.requests) == 4


def test_a_caller_may_change_what_it_got(services: Services) -> None:
    """Lost otherwise: a program that adds a server of its own adds it for ever more."""
    ask()["iceServers"][0]["urls"].clear()
    ask()["iceServers"].clear()
    assert ask()["iceServers"][0]["urls"]
    assert len(services.requests) == 1


def test_a_clock_that_is_set_back_makes_nothing_younger(
    services: Services, clock: Clock
) -> None:
    """Lost otherwise: expired credentials are used for as long as it was set back."""
    ask()
    clock.now_s -= 3600
    ask()
    assert len(services.requests) == 2


def test_memory_is_bounded(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: a program with a token for each user grows and grows."""
    monkeypatch.setattr(_cache, "MAX_ENTRIES", 3)
    for ttl in range(100, 105):
        ask(ttl)
    assert len(hugging_face.CACHE._entries) == 3
    ask(104)
    assert len(services.requests) == 5


# -- many at once ----------------------------------------------------------------------


async def test_however_many_ask_one_request_is_made(services: Services) -> None:
    """Lost otherwise: a hundred users who come at once use up the service's limit."""
    services.hold()
    with ThreadPoolExecutor(20) as pool:
        loop = asyncio.get_running_loop()
        threads = [loop.run_in_executor(pool, ask) for _ in range(20)]
        tasks = [asyncio.ensure_future(ask_async()) for _ in range(100)]
        await asyncio.to_thread(services.wait_for, 1)
        services.release()
        answers = await asyncio.gather(*threads, *tasks)
    assert len(services.requests) == 1
    assert all(answer == answers[0] for answer in answers)
    assert hugging_face.CACHE._flights == {}


async def test_so_it_is_with_a_client_of_the_callers(services: Services) -> None:
    """Lost otherwise: the same, for those who pass their own HTTP client."""
    services.hold()
    async with httpx.AsyncClient() as client:
        tasks = [asyncio.ensure_future(ask_async(client)) for _ in range(50)]
        await asyncio.to_thread(services.wait_for, 1)
        tasks[0].cancel()
        services.release()
        await asyncio.gather(*tasks[1:])
        assert tasks[0].cancelled()
        ask()
    assert len(services.requests) == 1
    assert hugging_face.CACHE._tasks == {}


async def test_both_ends_of_a_connection_share_a_request(services: Services) -> None:
    """Lost otherwise: each call costs two requests, or the ends differ."""

    async def credentials() -> dict[str, Any]:
        return await ask_async()

    options = IceOptions(client=credentials, server=ask)
    services.hold()
    both = asyncio.gather(options.for_client(), options.for_server())
    await asyncio.to_thread(services.wait_for, 1)
    services.release()
    for_client, for_server = await both
    assert for_client == for_server
    assert len(services.requests) == 1


async def test_one_that_is_cancelled_takes_nothing_from_the_others(
    services: Services, recwarn: pytest.WarningsRecorder
) -> None:
    """Lost otherwise: a user who hangs up breaks the call of whoever came with him."""
    services.hold()
    first = asyncio.ensure_future(ask_async())
    second = asyncio.ensure_future(ask_async())
    await asyncio.to_thread(services.wait_for, 1)
    first.cancel()
    await asyncio.wait({first})
    services.release()
    assert (await second)["iceServers"]
    assert len(services.requests) == 1
    gc.collect()
    assert not recwarn.list


def test_a_loop_that_ends_takes_nothing_from_the_others(services: Services) -> None:
    """Lost otherwise: one server that stops breaks another in the same program."""

    async def leave() -> None:
        asked = asyncio.ensure_future(ask_async())
        await asyncio.to_thread(services.wait_for, 1)
        asked.cancel()
        await asyncio.wait({asked})

    services.hold()
    asyncio.run(leave())
    services.release()
    assert ask()["iceServers"]
    assert len(services.requests) == 1


async def test_a_refusal_is_told_to_all_and_not_remembered(services: Services) -> None:
    """Lost otherwise: some callers wait for ever, or a corrected key stays refused."""
    services.fault = Reply(401, {})
    services.hold()
    tasks = [asyncio.ensure_future(ask_async()) for _ in range(10)]
    await asyncio.to_thread(services.wait_for, 1)
    services.release()
    results: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
    assert {result.status for result in results} == {401}
    assert len({id(result) for result in results}) == 10
    assert len(services.requests) == 1
    services.fault = None
    assert ask()["iceServers"]


async def test_the_event_loop_goes_on_meanwhile(services: Services) -> None:
    """Lost otherwise: other calls stutter while one waits for the service."""
    services.hold()
    task = asyncio.ensure_future(ask_async())
    await asyncio.to_thread(services.wait_for, 1)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    services.release()
    await task


# -- a slow or broken service ----------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_older_credentials_bridge_an_outage(
    services: Services, clock: Clock, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Lost otherwise: an outage of the service ends calls that need not end."""
    first = ask()
    services.fault = Reply(status, {"you sent": SECRET})
    clock.now_s += TTL_S / 2
    assert ask() == first
    assert len(services.requests) == 2
    assert await ask_async() == first
    assert len(services.requests) == 2, "it was asked again at once"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"HTTP {status}" in record.getMessage()
    assert "valid for 500 s more" in record.getMessage()
    assert SECRET not in caplog.text
    clock.now_s += _cache.RETRY_S
    assert await ask_async() == first
    assert len(services.requests) == 3


def test_credentials_that_end_at_once_bridge_nothing(
    services: Services, clock: Clock
) -> None:
    """Lost otherwise: TURN refuses what was handed out, without a word here."""
    ask()
    services.fault = Reply(500, {})
    clock.now_s += TTL_S - _cache.LAST_S
    with pytest.raises(TurnCredentialsError, match="500"):
        ask()


def test_a_refusal_is_told_though_older_credentials_are_valid(
    services: Services, clock: Clock
) -> None:
    """Lost otherwise: a key that was revoked is noticed when nobody looks any more."""
    ask()
    services.fault = Reply(401, {})
    clock.now_s += TTL_S / 2
    with pytest.raises(TurnCredentialsError, match="HF_TOKEN"):
        ask()


@pytest.mark.parametrize("own_client", [False, True])
async def test_a_slow_renewal_holds_nobody_up(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch, own_client: bool
) -> None:
    """Lost otherwise: each call waits 10 s though its credentials are at hand."""
    first = ask()
    monkeypatch.setattr(_cache, "RENEWAL_WAIT_S", 0.02)
    clock.now_s += TTL_S / 2
    services.hold()
    async with httpx.AsyncClient() as client:
        used = client if own_client else None
        assert await ask_async(used) == first
        if not own_client:
            assert ask() == first
        await asyncio.to_thread(services.wait_for, 2)
        services.release()
        for task in list(hugging_face.CACHE._tasks.values()):
            await task
    _no_thread_is_left()
    clock.now_s += TTL_S / 4
    ask()
    assert len(services.requests) == 2, "what came late was thrown away"


def test_no_thread_to_be_had_is_told_and_forgotten(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: later callers wait for a request that nobody makes."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            ask()
    assert ask()["iceServers"]


async def test_a_loop_that_cannot_be_made_is_told(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: with too many files open, callers wait for ever."""

    def refuse(work: Any) -> None:
        work.close()
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "run", refuse)
        with pytest.raises(TurnCredentialsError, match="OSError"):
            await ask_async()
    assert ask()["iceServers"]

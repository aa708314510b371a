"""fastrtc.credentials, against stand-ins of the three services."""

from __future__ import annotations

import base64
import json
import logging
import socket
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fastrtc import credentials
from fastrtc.credentials import _request, cloudflare, hugging_face, twilio
from fastrtc.credentials._cache import CACHE
from fastrtc.errors import ConfigurationError, TurnCredentialsError

from .turn_services import (
    ACCOUNT,
    CLOUDFLARE_SERVERS,
    KEY_ID,
    SECRET,
    TWILIO_SERVERS,
    Reply,
    Services,
    running,
)

NO_PORT_53 = [
    {
        **server,
        "urls": [
            url for url in server["urls"] if ":53" not in url.replace(":5349", "")
        ],
    }
    for server in CLOUDFLARE_SERVERS
]


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    with running() as (services, url):
        use(monkeypatch, url)
        yield services


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No keys, and nothing remembered."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in (
        "HF_TOKEN",
        "CLOUDFLARE_TURN_KEY_ID",
        "CLOUDFLARE_TURN_KEY_API_TOKEN",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "COTURN_SECRET",
        "COTURN_URLS",
    ):
        monkeypatch.delenv(name, raising=False)
    CACHE.clear()
    yield
    CACHE.clear()


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(hugging_face, "CLOUDFLARE_FASTRTC_TURN_URL", f"{url}/hf")
    monkeypatch.setattr(cloudflare, "CLOUDFLARE_TURN_URL", f"{url}/keys")
    monkeypatch.setattr(twilio, "TWILIO_URL", f"{url}/Accounts")


ARGUMENTS: dict[str, dict[str, Any]] = {
    "hf": {"token": SECRET},
    "cloudflare": {"turn_key_id": KEY_ID, "turn_key_api_token": SECRET},
    "twilio": {"twilio_sid": ACCOUNT, "twilio_token": SECRET},
}
METHODS = list(ARGUMENTS)


async def _get(method: Any, asynchronous: bool, **kwargs: Any) -> dict[str, Any]:
    if asynchronous:
        return await credentials.get_turn_credentials_async(method, **kwargs)
    return credentials.get_turn_credentials(method, **kwargs)


both_forms = pytest.mark.parametrize("asynchronous", [False, True])


# -- requests -------------------------------------------------------------------


@both_forms
async def test_hugging_face(services: Services, asynchronous: bool) -> None:
    """Lost otherwise: Spaces find no TURN server and never connect."""
    result = await _get("hf", asynchronous, token=SECRET, ttl=60)
    assert result == {"iceServers": [NO_PORT_53[1]]}
    (request,) = services.requests
    assert (request["method"], request["path"]) == ("GET", "/hf")
    assert request["query"] == {"ttl": ["60"]}
    assert request["authorization"] == f"Bearer {SECRET}"


@both_forms
async def test_cloudflare(services: Services, asynchronous: bool) -> None:
    """Lost otherwise: apps with a Cloudflare key connect only on good networks, or
    browsers wait for the port that they block.
    """
    result = await _get("cloudflare", asynchronous, ttl=60, **ARGUMENTS["cloudflare"])
    assert result == {"iceServers": NO_PORT_53}
    assert len(result["iceServers"][1]["urls"]) == 3
    (request,) = services.requests
    assert request["method"] == "POST"
    assert request["path"] == "/keys/key%2F1/credentials/generate-ice-servers"
    assert json.loads(request["body"]) == {"ttl": 60}
    assert request["authorization"] == f"Bearer {SECRET}"


@both_forms
@pytest.mark.parametrize(("ttl", "body"), [(None, ""), (60, "Ttl=60")])
async def test_twilio(
    services: Services, asynchronous: bool, ttl: int | None, body: str
) -> None:
    """Lost otherwise: apps with a Twilio account connect only on good networks."""
    arguments: dict[str, Any] = {**ARGUMENTS["twilio"], "ttl": ttl}
    if asynchronous:
        result = await credentials.get_twilio_turn_credentials_async(**arguments)
    else:
        result = credentials.get_twilio_turn_credentials(**arguments)
    assert result == {"iceServers": TWILIO_SERVERS, "iceTransportPolicy": "relay"}
    (request,) = services.requests
    assert request["method"] == "POST"
    assert request["path"] == f"/Accounts/{ACCOUNT}/Tokens.json"
    assert request["body"] == body
    basic = base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()
    assert request["authorization"] == f"Basic {basic}"


def test_keys_come_from_the_environment(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: keys have to stand in the program."""
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_ID", KEY_ID)
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_API_TOKEN", SECRET)
    credentials.get_turn_credentials()
    monkeypatch.setenv("HF_TOKEN", f" {SECRET}\n")
    credentials.get_turn_credentials()
    credentials.get_hf_turn_credentials()
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", ACCOUNT)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", SECRET)
    credentials.get_twilio_turn_credentials()
    assert [request["path"] for request in services.requests] == [
        "/keys/key%2F1/credentials/generate-ice-servers",
        "/hf",
        f"/Accounts/{ACCOUNT}/Tokens.json",
    ]
    assert services.requests[1]["authorization"] == f"Bearer {SECRET}"


def test_keys_in_the_call_win_over_the_environment(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: an HF_TOKEN set for downloads makes one's own key useless."""
    monkeypatch.setenv("HF_TOKEN", "h")
    credentials.get_cloudflare_turn_credentials(KEY_ID, SECRET)
    credentials.get_cloudflare_turn_credentials("k", "t", hf_token=SECRET)
    assert [request["path"] for request in services.requests] == [
        "/keys/key%2F1/credentials/generate-ice-servers",
        "/hf",
    ]


def test_arguments_of_other_providers_are_left_aside(services: Services) -> None:
    """Lost otherwise: programs that pass all the keys they have break."""
    everything: dict[str, Any] = {"secret": "s", "urls": "turn:t:3478", "user": "u"}
    for arguments in ARGUMENTS.values():
        everything |= arguments
    for method in (*METHODS, "coturn"):
        name: Any = method
        credentials.get_turn_credentials(name, ttl=60, client=None, **everything)
    assert len(services.requests) == 3
    with pytest.raises(TypeError, match="tokn"):
        credentials.get_turn_credentials("hf", tokn=SECRET)


@both_forms
async def test_either_name_of_the_time_does(
    services: Services, asynchronous: bool
) -> None:
    """Lost otherwise: a program that changes its provider gets another time."""
    await _get("hf", asynchronous, token=SECRET, ttl_s=70)
    assert services.requests[0]["query"] == {"ttl": ["70"]}
    made = await _get("coturn", asynchronous, secret="s", urls="turn:t", ttl=70)
    expiry_s = int(made["iceServers"][0]["username"])
    assert 60 < expiry_s - time.time() <= 70


async def test_a_client_of_the_caller_is_used(services: Services) -> None:
    """Lost otherwise: proxies and certificates of the program are passed by."""
    async with httpx.AsyncClient(headers={"User-Agent": "mine"}) as client:
        sent: list[httpx.Request] = []

        async def note(request: httpx.Request) -> None:
            sent.append(request)

        client.event_hooks["request"].append(note)
        await credentials.get_hf_turn_credentials_async(SECRET, client=client)
        assert not client.is_closed
    assert len(sent) == len(services.requests) == 1


# -- errors ---------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@both_forms
async def test_missing_keys_are_named(method: str, asynchronous: bool) -> None:
    """Lost otherwise: users don't know which variable to set."""
    variable = {
        "hf": "HF_TOKEN",
        "cloudflare": "CLOUDFLARE_TURN_KEY_ID",
        "twilio": "TWILIO_AUTH_TOKEN",
    }[method]
    with pytest.raises(ValueError, match=variable) as caught:
        await _get(method, asynchronous)
    assert isinstance(caught.value, ConfigurationError)


@both_forms
async def test_a_wrong_provider_is_told(asynchronous: bool) -> None:
    """Lost otherwise: a typing error asks a provider that was not meant."""
    with pytest.raises(ValueError, match=r'"cloudflare".*"coturn"'):
        await _get("clodflare", asynchronous)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ttl", [0, -1, float("nan")])
async def test_a_time_that_is_none_is_told(method: str, ttl: float) -> None:
    """Lost otherwise: credentials that have expired already are handed out."""
    with pytest.raises(ConfigurationError, match="ttl"):
        await _get(method, False, ttl=ttl, **ARGUMENTS[method])


@pytest.mark.parametrize(
    ("method", "arguments", "status", "check"),
    [
        ("hf", {"token": "wr0ng"}, 401, "HF_TOKEN"),
        ("cloudflare", {"turn_key_api_token": "wr0ng"}, 401, "TURN_KEY_API_TOKEN"),
        ("cloudflare", {"turn_key_id": "wr0ng"}, 404, "TURN_KEY_ID"),
        ("cloudflare", {"ttl": 360_000}, 400, r"ttl \(360000\) is at most 172800"),
        ("twilio", {"twilio_token": "wr0ng"}, 401, "TWILIO_AUTH_TOKEN"),
        ("twilio", {"twilio_sid": "wr0ng"}, 401, "TWILIO_ACCOUNT_SID"),
        ("twilio", {"ttl": 100_000}, 400, r"ttl \(100000\) is at most 86400"),
    ],
)
@both_forms
async def test_a_refusal_says_what_to_check(
    services: Services,
    method: str,
    arguments: dict[str, Any],
    status: int,
    check: str,
    asynchronous: bool,
) -> None:
    """Lost otherwise: a wrong key shows as a page that never connects."""
    with pytest.raises(TurnCredentialsError, match=check) as caught:
        await _get(method, asynchronous, **{**ARGUMENTS[method], **arguments})
    assert caught.value.status == status
    assert caught.value.provider.lower().startswith(method[0])
    assert "wr0ng" not in _shown(caught.value)
    _assert_no_secret(caught.value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Reply(403, {"you sent": SECRET}), "Check"),
        (Reply(429, {"you sent": SECRET}), "Too many requests"),
        (Reply(500, {"you sent": SECRET}), "try again later"),
        (Reply(302, b"", {"Location": "/" + SECRET}), "proxy"),
        (Reply(200, b"<html>" + SECRET.encode()), "proxy"),
        (Reply(200, [SECRET]), "proxy"),
        (Reply(200, b'"' + b"x" * 70_000 + b'"'), "too long"),
        (Reply(200, {"error": SECRET}), "no ICE servers"),
        (Reply(200, {"iceServers": [], "ice_servers": []}), "no ICE servers"),
        (Reply(200, {"iceServers": [SECRET], "ice_servers": 3}), "no ICE servers"),
        (Reply(200, b"{", {"Content-Length": "9"}), "can't be reached"),
    ],
)
@both_forms
async def test_a_broken_service_is_one_error_without_secrets(
    services: Services, method: str, fault: Reply, told: str, asynchronous: bool
) -> None:
    """Lost otherwise: an outage shows as a trace of the HTTP library, or leaks keys."""
    services.fault = fault
    with pytest.raises(TurnCredentialsError, match=told) as caught:
        await _get(method, asynchronous, **ARGUMENTS[method])
    assert caught.value.status in (fault.status, None)
    _assert_no_secret(caught.value)


@pytest.mark.parametrize("method", METHODS)
@both_forms
async def test_a_service_out_of_reach_is_told(
    monkeypatch: pytest.MonkeyPatch, method: str, asynchronous: bool
) -> None:
    """Lost otherwise: an outage shows as a trace of the HTTP library."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    use(monkeypatch, f"http://127.0.0.1:{port}")
    with pytest.raises(TurnCredentialsError, match="can't be reached") as caught:
        await _get(method, asynchronous, **ARGUMENTS[method])
    assert caught.value.status is None
    _assert_no_secret(caught.value)


@both_forms
@pytest.mark.parametrize("own_client", [False, True])
async def test_a_silent_service_is_given_up(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    asynchronous: bool,
    own_client: bool,
) -> None:
    """Lost otherwise: a service that hangs holds up every call for ever."""
    monkeypatch.setattr(_request, "TIMEOUT_S", 0.05)
    services.hold()
    async with httpx.AsyncClient(timeout=None) as client:
        used = client if own_client else None
        with pytest.raises(TurnCredentialsError, match=r"0\.05 s") as caught:
            await _get("hf", asynchronous, token=SECRET, client=used)
    assert caught.value.status is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("flaw", ["\nX-Injected: 1", "\u2026", "\x00"])
async def test_a_mangled_key_is_told_without_being_shown(
    method: str, flaw: str
) -> None:
    """Lost otherwise: a key copied with a line break is printed by the HTTP library."""
    mangled = {
        name: value.replace(SECRET, SECRET + flaw + "end")
        for name, value in ARGUMENTS[method].items()
    }
    with pytest.raises(ConfigurationError, match="copy it anew") as caught:
        await _get(method, False, **mangled)
    _assert_no_secret(caught.value)


@pytest.mark.parametrize("method", METHODS)
async def test_nothing_logged_has_a_secret(
    services: Services, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """Lost otherwise: whoever reads the logs can use the account."""
    caplog.set_level(logging.DEBUG)
    for asynchronous in (False, True):
        await _get(method, asynchronous, **ARGUMENTS[method])
        CACHE.clear()
    assert len(services.requests) == 2
    assert SECRET not in caplog.text
    assert base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode() not in caplog.text


@pytest.mark.parametrize("method", METHODS)
async def test_error_reports_with_variables_have_no_secret(
    services: Services, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Lost otherwise: a service that collects errors collects keys."""
    names = {
        "hf": ["HF_TOKEN"],
        "cloudflare": ["CLOUDFLARE_TURN_KEY_ID", "CLOUDFLARE_TURN_KEY_API_TOKEN"],
        "twilio": ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"],
    }[method]
    for name, value in zip(names, ARGUMENTS[method].values(), strict=True):
        monkeypatch.setenv(name, value)
    services.fault = Reply(500, {})
    for asynchronous in (False, True):
        with pytest.raises(TurnCredentialsError) as caught:
            await _get(method, asynchronous)
        error = traceback.TracebackException.from_exception(
            caught.value, capture_locals=True
        )
        ours = Path(credentials.__file__).parent
        frames = [f for f in error.stack if Path(f.filename).parent == ours]
        assert len(frames) >= 4
        assert SECRET not in "".join(str(frame.locals) for frame in frames)
        assert caught.value.__context__ is None


def test_requests_show_no_secret() -> None:
    """Lost otherwise: a debugger's or collector's list of variables has keys in it."""
    request = hugging_face.hf_request(SECRET, 60)
    assert SECRET not in repr(request)
    assert SECRET not in repr(request.options)
    assert SECRET not in request.key


def _shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


def _assert_no_secret(error: BaseException) -> None:
    assert SECRET not in _shown(error)

"""fastrtc.credentials, against stand-ins of the three services."""

from __future__ import annotations

import base64
import http.server
import json
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fastrtc import credentials
from fastrtc.errors import ConfigurationError, TurnCredentialsError

SECRET = "s3cr3t-0123456789"
SERVERS = [{"urls": ["turn:turn.example.org"], "username": "u", "credential": "c"}]


@dataclass
class Service:
    """What the stand-in answers, and what it was asked."""

    status: int = 201
    answer: Any = field(default_factory=lambda: {"iceServers": SERVERS})
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The three services in one, and an environment without keys."""
    service = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            service.requests.append(
                {
                    "method": self.command,
                    "path": url.path,
                    "query": parse_qs(url.query),
                    "authorization": self.headers.get("Authorization"),
                    "body": self.rfile.read(length).decode(),
                }
            )
            body = json.dumps(service.answer).encode()
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    _use(monkeypatch, f"http://127.0.0.1:{server.server_port}")
    yield service
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in (
        "HF_TOKEN",
        "CLOUDFLARE_TURN_KEY_ID",
        "CLOUDFLARE_TURN_KEY_API_TOKEN",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)


def _use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(credentials, "CLOUDFLARE_FASTRTC_TURN_URL", f"{url}/hf")
    monkeypatch.setattr(credentials, "CLOUDFLARE_TURN_URL", f"{url}/keys")
    monkeypatch.setattr(credentials, "TWILIO_URL", f"{url}/Accounts")


ARGUMENTS: dict[str, dict[str, Any]] = {
    "hf": {"token": SECRET},
    "cloudflare": {"turn_key_id": "key/1", "turn_key_api_token": SECRET},
    "twilio": {"twilio_sid": "AC1", "twilio_token": SECRET},
}
METHODS = list(ARGUMENTS)


def _answer_for(method: str) -> dict[str, Any]:
    return {"ice_servers" if method == "twilio" else "iceServers": SERVERS}


async def _get(method: Any, asynchronous: bool, **kwargs: Any) -> dict[str, Any]:
    if asynchronous:
        return await credentials.get_turn_credentials_async(method, **kwargs)
    return credentials.get_turn_credentials(method, **kwargs)


both_forms = pytest.mark.parametrize("asynchronous", [False, True])


# -- requests -------------------------------------------------------------------


@both_forms
async def test_hugging_face(service: Service, asynchronous: bool) -> None:
    """Otherwise Spaces find no TURN server and never connect."""
    result = await _get("hf", asynchronous, token=SECRET, ttl=60)
    assert result == {"iceServers": SERVERS}
    (request,) = service.requests
    assert (request["method"], request["path"]) == ("GET", "/hf")
    assert request["query"] == {"ttl": ["60"]}
    assert request["authorization"] == f"Bearer {SECRET}"


@both_forms
async def test_cloudflare(service: Service, asynchronous: bool) -> None:
    """Otherwise apps with a Cloudflare key connect only on good networks."""
    result = await _get("cloudflare", asynchronous, ttl=60, **ARGUMENTS["cloudflare"])
    assert result == {"iceServers": SERVERS}
    (request,) = service.requests
    assert request["method"] == "POST"
    assert request["path"] == "/keys/key%2F1/credentials/generate-ice-servers"
    assert json.loads(request["body"]) == {"ttl": 60}
    assert request["authorization"] == f"Bearer {SECRET}"


@both_forms
@pytest.mark.parametrize(("ttl", "body"), [(None, ""), (60, "Ttl=60")])
async def test_twilio(
    service: Service, asynchronous: bool, ttl: int | None, body: str
) -> None:
    """Otherwise apps with a Twilio account connect only on good networks."""
    service.answer = {"ice_servers": SERVERS, "ttl": "86400", "password": "p"}
    result = await _get("twilio", asynchronous, ttl=ttl, **ARGUMENTS["twilio"])
    assert result == {"iceServers": SERVERS, "iceTransportPolicy": "relay"}
    (request,) = service.requests
    assert request["method"] == "POST"
    assert (request["path"], request["body"]) == ("/Accounts/AC1/Tokens.json", body)
    basic = base64.b64encode(f"AC1:{SECRET}".encode()).decode()
    assert request["authorization"] == f"Basic {basic}"


def test_keys_come_from_the_environment(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise keys have to stand in the program."""
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_ID", "k")
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_API_TOKEN", "t")
    credentials.get_turn_credentials()
    monkeypatch.setenv("HF_TOKEN", " h\n")
    credentials.get_turn_credentials()
    credentials.get_hf_turn_credentials()
    service.answer = _answer_for("twilio")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC2")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "t")
    credentials.get_twilio_turn_credentials()
    assert [request["path"] for request in service.requests] == [
        "/keys/k/credentials/generate-ice-servers",
        "/hf",
        "/hf",
        "/Accounts/AC2/Tokens.json",
    ]
    assert service.requests[1]["authorization"] == "Bearer h"


def test_keys_in_the_call_win_over_the_environment(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an HF_TOKEN set for downloads makes one's own TURN key useless."""
    monkeypatch.setenv("HF_TOKEN", "h")
    credentials.get_cloudflare_turn_credentials("k", "t")
    credentials.get_cloudflare_turn_credentials("k", "t", hf_token="mine")
    assert service.requests[0]["authorization"] == "Bearer t"
    assert service.requests[1]["authorization"] == "Bearer mine"


def test_arguments_of_other_providers_are_left_aside(service: Service) -> None:
    """Otherwise programs that pass all the keys they have break."""
    everything: dict[str, Any] = {}
    for arguments in ARGUMENTS.values():
        everything |= arguments
    for method in METHODS:
        service.answer = _answer_for(method)
        name: Any = method
        credentials.get_turn_credentials(name, ttl=60, client=None, **everything)
    assert len(service.requests) == 3
    with pytest.raises(TypeError, match="tokn"):
        credentials.get_turn_credentials("hf", tokn=SECRET)


async def test_a_client_of_the_caller_is_used(service: Service) -> None:
    """Otherwise proxies and certificates of the program are passed by."""
    async with httpx.AsyncClient(headers={"Authorization": "none"}) as client:
        await credentials.get_hf_turn_credentials_async(SECRET, client=client)
        assert not client.is_closed
    assert service.requests[0]["authorization"] == f"Bearer {SECRET}"


# -- errors ---------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
async def test_missing_keys_are_named(method: str) -> None:
    """Otherwise users don't know which variable to set."""
    variable = {
        "hf": "HF_TOKEN",
        "cloudflare": "CLOUDFLARE_TURN_KEY_ID",
        "twilio": "TWILIO_AUTH_TOKEN",
    }[method]
    for asynchronous in (False, True):
        with pytest.raises(ValueError, match=variable) as caught:
            await _get(method, asynchronous)
        assert isinstance(caught.value, ConfigurationError)


async def test_a_wrong_provider_is_told() -> None:
    """Otherwise a typing error asks a provider that was not meant."""
    for asynchronous in (False, True):
        with pytest.raises(ValueError, match="cloudflare"):
            await _get("clodflare", asynchronous)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
@both_forms
async def test_a_refusal_is_one_error_without_secrets(
    service: Service, method: str, status: int, asynchronous: bool
) -> None:
    """Otherwise a wrong key shows as a page that never connects, or leaks."""
    service.status, service.answer = status, {"you sent": SECRET}
    with pytest.raises(TurnCredentialsError) as caught:
        await _get(method, asynchronous, **ARGUMENTS[method])
    assert caught.value.status == status
    assert caught.value.provider.lower().startswith(method[:1])
    _assert_no_secret(caught.value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("answer", [[], "no", {}, {"iceServers": []}])
async def test_an_answer_without_servers_is_an_error(
    service: Service, method: str, answer: Any
) -> None:
    """Otherwise the peer connection fails later, without a reason."""
    service.answer = answer
    with pytest.raises(TurnCredentialsError):
        await _get(method, False, **ARGUMENTS[method])


@pytest.mark.parametrize("method", METHODS)
@both_forms
async def test_a_service_out_of_reach_is_told(
    monkeypatch: pytest.MonkeyPatch, method: str, asynchronous: bool
) -> None:
    """Otherwise an outage of the provider shows as a trace of the HTTP library."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    _use(monkeypatch, f"http://127.0.0.1:{port}")
    with pytest.raises(TurnCredentialsError, match="can't be reached") as caught:
        await _get(method, asynchronous, **ARGUMENTS[method])
    assert caught.value.status is None
    _assert_no_secret(caught.value)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("flaw", ["\nX-Injected: 1", "\u2026", "\x00"])
async def test_a_mangled_key_is_told_without_being_shown(
    method: str, flaw: str
) -> None:
    """Otherwise a key copied with a line break is printed by the HTTP library."""
    mangled = {
        name: value.replace(SECRET, SECRET + flaw + "end")
        for name, value in ARGUMENTS[method].items()
    }
    with pytest.raises(ConfigurationError, match="copy it anew") as caught:
        await _get(method, False, **mangled)
    _assert_no_secret(caught.value)


@pytest.mark.parametrize("method", METHODS)
async def test_nothing_logged_has_a_secret(
    service: Service, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """Otherwise whoever reads the logs can use the account."""
    caplog.set_level(logging.DEBUG)
    service.answer = _answer_for(method)
    for asynchronous in (False, True):
        await _get(method, asynchronous, **ARGUMENTS[method])
    assert SECRET not in caplog.text
    assert base64.b64encode(f"AC1:{SECRET}".encode()).decode() not in caplog.text


def _assert_no_secret(error: BaseException) -> None:
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(error)
    assert SECRET not in shown

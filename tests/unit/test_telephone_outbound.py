"""fastrtc.telephone: calling somebody, by stand-ins for the providers' APIs."""

from __future__ import annotations

import base64
import socket
from typing import Any
from urllib.parse import parse_qsl

import pytest

from fastrtc.errors import ConfigurationError, FastRTCError, TelephoneError
from fastrtc.telephone import (
    PhoneProvider,
    Plivo,
    TelephoneOptions,
    Telnyx,
    Twilio,
    call,
)
from fastrtc.transports.telephone.api import send_request
from tests.support.services import stand_in

FROM, TO = "+13125550199", "+13125550100"
BASE = "https://bot.example.com"
INCOMING = f"{BASE}/talk/telephone/incoming?name=Zo%C3%AB+D"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def order(provider: PhoneProvider, **more: Any) -> str:
    options = TelephoneOptions(provider, public_url=BASE)
    parameters = {"name": "Zoë D"}
    return await call(
        options, TO, from_number=FROM, path="/talk", parameters=parameters, **more
    )


async def test_a_call_by_twilio() -> None:
    """Lost otherwise: an app on Twilio could not call its users."""
    with stand_in(lambda asked: (201, {"sid": "CA1", "status": "queued"})) as service:
        assert await order(Twilio("token", "AC1", service.url)) == "CA1"
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", "/2010-04-01/Accounts/AC1/Calls.json")
    assert asked.headers["authorization"] == basic("AC1", "token")
    assert dict(parse_qsl(asked.body)) == {
        "From": FROM,
        "To": TO,
        "Url": INCOMING,
        "Method": "POST",
    }


async def test_a_call_by_telnyx() -> None:
    """Lost otherwise: an app on Telnyx could not call its users."""
    answer = {"call_sid": "v3:x", "from": FROM, "to": TO, "status": "queued"}
    with stand_in(lambda asked: (200, answer)) as service:
        provider = Telnyx(api_key="KEY", application_id="17", api_url=service.url)
        assert await order(provider) == "v3:x"
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", "/v2/texml/calls/17")
    assert asked.headers["authorization"] == "Bearer KEY"
    assert asked.json == {"From": FROM, "To": TO, "Url": INCOMING, "Method": "POST"}


async def test_a_call_by_plivo() -> None:
    """Lost otherwise: an app on Plivo could not call its users."""
    answer = {"message": "call fired", "request_uuid": "R1", "api_id": "x"}
    with stand_in(lambda asked: (201, answer)) as service:
        assert await order(Plivo("token", "MA1", service.url)) == "R1"
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", "/v1/Account/MA1/Call/")
    assert asked.headers["authorization"] == basic("MA1", "token")
    assert asked.json == {
        "from": FROM,
        "to": TO,
        "answer_url": INCOMING,
        "answer_method": "POST",
    }


async def test_plivos_call_is_ended() -> None:
    """Lost otherwise: Plivo would connect again after the bot has hung up."""
    with stand_in(lambda asked: (204, "")) as service:
        request = Plivo("token", "MA1", service.url).hang_up("c/1")
        assert request is not None
        assert await send_request("plivo", request) == {}
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("DELETE", "/v1/Account/MA1/Call/c%2F1/")
    assert Plivo("token").hang_up("c") is None
    assert Twilio("token", "AC1").hang_up("c") is None
    assert Telnyx(api_key="KEY").hang_up("c") is None


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (
            400,
            {"code": 21211, "message": "Invalid 'To'"},
            "Invalid 'To'",
        ),
        (401, {"errors": [{"title": "x", "detail": "No such key"}]}, "No such key"),
        (401, {"error": "not authorized"}, "not authorized"),
        (500, "<html>", "account's id and secret"),
        (302, [], "HTTP 302"),
    ],
)
async def test_a_refusal_says_why(status: int, body: Any, says: str) -> None:
    """Lost otherwise: nobody would learn that a number or a secret is wrong."""
    with stand_in(lambda asked: (status, body)) as service:
        service.headers["location"] = f"{service.url}/elsewhere"
        with pytest.raises(TelephoneError, match=says) as caught:
            await order(Twilio("s3cret", "AC1", service.url))
    assert len(service.asked) == 1
    assert "s3cret" not in str(caught.value)
    assert isinstance(caught.value, FastRTCError)


async def test_nobody_there() -> None:
    """Lost otherwise: an app would have to know httpx's errors."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(TelephoneError, match="could not be reached"):
        await order(Twilio("token", "AC1", url))


@pytest.mark.parametrize("provider", [Twilio("x"), Telnyx(api_key="x"), Plivo("x")])
async def test_an_incomplete_account(provider: PhoneProvider) -> None:
    """Lost otherwise: a missing id would be an error of the provider's."""
    with pytest.raises(ConfigurationError, match="need"):
        await order(provider)


async def test_what_calls_need() -> None:
    """Lost otherwise: the provider would ask nobody what to do with the call."""
    with pytest.raises(ConfigurationError, match="public_url"):
        await call(TelephoneOptions(Twilio("x", "AC1")), TO, from_number=FROM)
    options = TelephoneOptions(Twilio("x", "AC1"), public_url=BASE)
    with pytest.raises(ConfigurationError, match="200 characters"):
        await call(options, TO, from_number=FROM, parameters={"a": "b" * 200})

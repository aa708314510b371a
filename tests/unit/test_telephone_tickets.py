"""fastrtc.transports.telephone: tickets, and a server's own address."""

from __future__ import annotations

import string
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from fastrtc.context import PhoneCall
from fastrtc.errors import ConfigurationError, RefusedError
from fastrtc.transports.telephone import TelephoneOptions
from fastrtc.transports.telephone.address import public_url, stream_url
from fastrtc.transports.telephone.bounds import MAX_TICKET_CHARS, TICKET_S
from fastrtc.transports.telephone.tickets import MAX_USED, TicketOffice, joined

CALL = PhoneCall(
    "telnyx",
    "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
    "+13125550100",
    "+13125550199",
    "outbound",
    {"name": "Zoë", "order": "17"},
)


# -- tickets ---------------------------------------------------------------------------


def test_a_ticket_brings_the_call_back_once() -> None:
    """Lost otherwise: an app wouldn't know its caller, or streams be replayed."""
    office = TicketOffice("secret")
    ticket = office.issue(CALL, 1000)
    assert ticket is not None
    assert len(ticket) <= MAX_TICKET_CHARS
    assert set(ticket) <= set(string.ascii_letters + string.digits + "-_")
    assert office.redeem(ticket, 1000 + TICKET_S) == CALL
    assert office.redeem(ticket, 1000) is None


def test_a_ticket_is_good_in_every_process_with_the_secret() -> None:
    """Lost otherwise: with several worker processes half the calls would be refused."""
    ticket = TicketOffice("secret").issue(CALL, 1000) or ""
    assert TicketOffice("other").redeem(ticket, 1000) is None
    assert TicketOffice(None).redeem(ticket, 1000) is None
    assert TicketOffice("secret").redeem(ticket, 1000) == CALL


def test_old_and_forged_tickets() -> None:
    """Lost otherwise: whoever finds the stream's address could pose as a caller."""
    office = TicketOffice("secret")
    ticket = office.issue(CALL, 1000) or ""
    assert office.redeem(ticket, 1001 + TICKET_S) is None
    for place in range(len(ticket)):
        other = "A" if ticket[place] != "A" else "B"
        forged = ticket[:place] + other + ticket[place + 1 :]
        if place == len(ticket) - 1:
            continue  # Its last bits may stand for nothing.
        assert office.redeem(forged, 1000) is None
    for garbage in ("", "x", "é", "none", "A" * 10_000, ticket[:-4]):
        assert office.redeem(garbage, 1000) is None
    assert office.redeem(ticket, 1000) == CALL
    for spelling in (ticket + "=", ticket + "\n", ticket[:9] + "!" + ticket[9:]):
        assert office.redeem(spelling, 1000) is None


def test_what_does_not_fit_gets_no_ticket() -> None:
    """Lost otherwise: Twilio would refuse the whole answer, and with it the call."""
    call = PhoneCall("twilio", "C", parameters={"x": "y" * 400})
    assert TicketOffice(None).issue(call, 1000) is None


def test_used_tickets_are_forgotten_in_time() -> None:
    """Lost otherwise: a busy server would grow by every call of its life."""
    office = TicketOffice(None)
    for second in range(300):
        ticket = office.issue(CALL, second) or ""
        assert office.redeem(ticket, second) == CALL
    assert len(office._used) <= TICKET_S + 2
    assert MAX_USED > 1000


def test_what_the_stream_tells_fills_the_gaps() -> None:
    """Lost otherwise: parameters of a provider's own would vanish."""
    told = PhoneCall("twilio", "told", "+9", parameters={"a": "told", "b": "told"})
    known = PhoneCall("twilio", "known", "", "+2", "outbound", {"a": "known"})
    assert joined(told, known) == PhoneCall(
        "twilio", "known", "+9", "+2", "outbound", {"a": "known", "b": "told"}
    )


# -- addresses -------------------------------------------------------------------------


def request(
    host: str = "10.0.0.1:8000",
    scheme: str = "http",
    path: str = "/telephone/incoming",
    **more: Any,
) -> HTTPConnection:
    headers = [(b"host", host.encode())]
    for name in ("x_forwarded_proto", "x_forwarded_host"):
        if name in more:
            value: str = more.pop(name)
            headers.append((name.replace("_", "-").encode(), value.encode()))
    scope = {
        "type": "http",
        "scheme": scheme,
        "path": path,
        "query_string": b"a=b",
        "headers": headers,
        "server": ("10.0.0.1", 8000),
        **more,
    }
    return HTTPConnection(scope)


FORWARDED = {"x_forwarded_proto": "https", "x_forwarded_host": "bot.example.com"}


def test_by_default_the_request_says_where_it_came() -> None:
    """Lost otherwise: the port would be lost, or any caller could name the host."""
    options = TelephoneOptions()
    plain = public_url(request(), options)
    assert plain == "http://10.0.0.1:8000/telephone/incoming"
    assert public_url(request(**FORWARDED), options) == plain
    secure = public_url(request("b.io", "https", "/a b/é"), options)
    assert secure == "https://b.io/a%20b/%C3%A9"


def test_a_trusted_proxy_says_it_better() -> None:
    """Lost otherwise: behind a proxy signatures would never match."""
    options = TelephoneOptions(trust_proxy_headers=True)
    url = "https://bot.example.com/telephone/incoming"
    assert public_url(request(**FORWARDED), options) == url
    chain = {
        "x_forwarded_proto": "https, http",
        "x_forwarded_host": "bot.example.com, inner:80",
    }
    assert public_url(request(**chain), options) == url
    assert public_url(request(), options).startswith("http://10.0.0.1:8000/")


@pytest.mark.parametrize(
    "host", ["", "a b", "x/y", "x@y", 'x"', "x:123456", "<x>", "[zz]", "x?y"]
)
def test_impossible_hosts(host: str) -> None:
    """Lost otherwise: a header could write into our answer what it likes."""
    with pytest.raises(RefusedError, match="no host"):
        public_url(request(host), TelephoneOptions())
    with pytest.raises(RefusedError, match="no host"):
        public_url(
            request(x_forwarded_host=host or " ,", host="?"),
            TelephoneOptions(trust_proxy_headers=True),
        )


def test_a_configured_address() -> None:
    """Lost otherwise: a server that can't know its name would be unreachable."""
    options = TelephoneOptions(public_url="https://b.io:8443/bots/")
    url = "https://b.io:8443/bots/talk/telephone/incoming"
    path = "/talk/telephone/incoming"
    assert public_url(request(path=path, host="?"), options) == url
    # The server is told its prefix, and the app is mounted in another one.
    root = request(path=f"/bots{path}", root_path="/bots")
    assert public_url(root, options) == url
    mounted = request(path=path, root_path="/talk", app_root_path="")
    assert public_url(mounted, options) == url
    assert public_url(request(path=path, root_path="/ta"), options) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bot.example.com",
        "wss://b.io",
        "https://",
        "https://b.io/?a=b",
        "https://b.io/#a",
        "https://me:pw@b.io",
        "https://b.io:port",
        "https://[b",
    ],
)
def test_unusable_addresses_are_refused_at_once(url: str) -> None:
    """Lost otherwise: a typo would show only when somebody calls."""
    with pytest.raises(ConfigurationError, match="public_url"):
        TelephoneOptions(public_url=url)


def test_the_streams_address() -> None:
    """Lost otherwise: providers would connect to where nobody listens."""
    for webhook, needs_tls, stream in (
        ("https://b.io/x/telephone/incoming", False, "wss://b.io/x/telephone/handler"),
        ("http://b.io:8/telephone/incoming", False, "ws://b.io:8/telephone/handler"),
        ("http://b.io:8/telephone/incoming", True, "wss://b.io:8/telephone/handler"),
    ):
        assert stream_url(webhook, needs_tls=needs_tls) == stream

"""fastrtc.transports.telephone: each provider's messages, XML and signatures."""

from __future__ import annotations

import base64
import json
from typing import Any
from xml.etree import ElementTree

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from fastrtc.context import PhoneCall
from fastrtc.errors import ConfigurationError, MissingExtraError, RefusedError
from fastrtc.transports.telephone import PhoneProvider, Plivo, Telnyx, Twilio
from fastrtc.transports.telephone.provider import (
    CallEnded,
    CallStarted,
    Ignored,
    KeyPressed,
    MarkPlayed,
    Webhook,
)
from fastrtc.transports.websocket.protocol import Media
from tests.support.telephone import LINES, PLIVO, TELNYX, TWILIO, Line

every_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)

URL = "https://bot.example.com/telephone/incoming"
FORM = [
    ("CallSid", "CA1"),
    ("From", "+13125550100"),
    ("To", "+13125550199"),
    ("Direction", "inbound"),
]


# -- what they send --------------------------------------------------------------------


@every_line
def test_a_documented_call(line: Line) -> None:
    """Lost otherwise: calls of this provider would not be understood."""
    parse = line.provider.parse
    started = parse(line.start)
    assert isinstance(started, CallStarted)
    assert started.stream_id == line.stream_id
    assert started.call.call_id == line.call_id
    assert started.call.provider == line.name
    assert parse(line.speech(b"\x01\xff")) == Media(b"\x01\xff")
    assert parse(line.dtmf) == KeyPressed("1")
    assert parse(line.played("7")) == MarkPlayed("7")
    if line.connected:
        assert parse(line.connected) == Ignored()
    if line.stop:
        assert parse(line.stop) == CallEnded()


def test_what_start_tells_of_the_caller() -> None:
    """Lost otherwise: an app couldn't know who calls without our webhook."""
    twilio, telnyx = (
        TWILIO.provider.parse(TWILIO.start),
        TELNYX.provider.parse(TELNYX.start),
    )
    assert isinstance(twilio, CallStarted)
    assert isinstance(telnyx, CallStarted)
    assert twilio.call.parameters == {"FirstName": "Jane"}
    assert twilio.ticket == "TICKET"
    assert telnyx.call.from_number == "+13122010094"
    assert telnyx.call.to_number == "+13122123456"
    assert telnyx.call.parameters == {"customer_id": "customer_123"}


def test_the_start_of_fastrtcs_protocol_is_enough() -> None:
    """Lost otherwise: what worked with FastRTC's telephone would be refused."""
    started = Twilio().parse('{"event": "start", "streamSid": "MZ1"}')
    assert isinstance(started, CallStarted)
    assert started.stream_id == "MZ1"


def test_cleared_audio_of_plivo_counts_as_played() -> None:
    """Lost otherwise: after an interruption the bot would wait for a mark in vain."""
    cleared = '{"sequenceNumber": 0, "event": "clearedAudio", "streamId": "x"}'
    assert PLIVO.provider.parse(cleared) == MarkPlayed(None)


@every_line
def test_the_bot_does_not_hear_itself(line: Line) -> None:
    """Lost otherwise: a stream of both tracks would let the bot answer itself."""
    own = line.speech(b"\xff").replace('"track": "inbound"', '"track": "outbound"')
    assert line.provider.parse(own) == Ignored()


@every_line
@pytest.mark.parametrize("digit", ["", "12", "x", None, {}])
def test_there_are_no_other_keys(line: Line, digit: Any) -> None:
    """Lost otherwise: a handler would get keys that no telephone has."""
    fields = json.loads(line.dtmf)
    fields["dtmf"]["digit"] = digit
    assert line.provider.parse(json.dumps(fields)) == Ignored()


@every_line
def test_other_formats_are_refused(line: Line) -> None:
    """Lost otherwise: a caller would hear noise instead of an entry in the log."""
    for encoding in ("PCMA", "audio/x-l16", "G722"):
        text = line.start.replace("audio/x-mulaw", encoding).replace("PCMU", encoding)
        with pytest.raises(RefusedError, match="8000 Hz"):
            line.provider.parse(text)
    with pytest.raises(RefusedError, match="16000"):
        line.provider.parse(line.start.replace("8000", "16000"))


@every_line
@pytest.mark.parametrize("value", ["", "a\nb", "x" * 129])
def test_a_stream_needs_a_name(line: Line, value: str) -> None:
    """Lost otherwise: a session would have a name that nobody can write down."""
    text = line.start.replace(json.dumps(line.stream_id), json.dumps(value))
    with pytest.raises(RefusedError, match="names no stream"):
        line.provider.parse(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
keys = st.sampled_from(
    ["event", "start", "media", "dtmf", "mark", "name", "payload", "streamSid"]
)
events = st.sampled_from(["start", "media", "dtmf", "mark", "stop", "playedStream"])


@given(fields=st.dictionaries(keys, json_values), event=events)
def test_garbage_is_refused_or_passed_over(fields: dict[str, Any], event: str) -> None:
    """Lost otherwise: a strange message would end a call with a traceback."""
    text = json.dumps({**fields, "event": event})
    for line in LINES:
        try:
            line.provider.parse(text)
        except RefusedError:
            continue


# -- what they are sent ----------------------------------------------------------------


def test_messages_are_the_documented_ones() -> None:
    """Lost otherwise: the provider would drop what we send."""
    twilio, telnyx, plivo = Twilio(), Telnyx(), Plivo()
    sent = [
        [json.loads(text) for text in (p.media("S", b"\xff"), p.mark("S", "1"))]
        for p in (twilio, telnyx, plivo)
    ]
    assert sent == [
        [
            {"event": "media", "streamSid": "S", "media": {"payload": "/w=="}},
            {"event": "mark", "streamSid": "S", "mark": {"name": "1"}},
        ],
        [
            {"event": "media", "media": {"payload": "/w=="}},
            {"event": "mark", "mark": {"name": "1"}},
        ],
        [
            {
                "event": "playAudio",
                "media": {
                    "contentType": "audio/x-mulaw",
                    "sampleRate": 8000,
                    "payload": "/w==",
                },
            },
            {"event": "checkpoint", "streamId": "S", "name": "1"},
        ],
    ]
    assert [json.loads(p.clear("S")) for p in (twilio, telnyx, plivo)] == [
        {"event": "clear", "streamSid": "S"},
        {"event": "clear"},
        {"event": "clearAudio", "streamId": "S"},
    ]


def test_instructions() -> None:
    """Lost otherwise: a call would not be connected, or go one way only, or hang."""
    url = "wss://bot.example.com/telephone/handler"
    xml = '<?xml version="1.0" encoding="UTF-8"?><Response>'
    assert Twilio().connect_xml(url, "T", "Hello & welcome.") == (
        f"{xml}<Say>Hello &amp; welcome.</Say><Connect><Stream "
        f'url="{url}"><Parameter name="ticket" value="T" /></Stream></Connect>'
        "</Response>"
    )
    assert Telnyx().connect_xml(url, "T", "Hello & welcome.") == (
        f"{xml}<Say>Hello &amp; welcome.</Say><Connect><Stream "
        f'url="{url}" track="inbound_track" codec="PCMU" bidirectionalMode="rtp" '
        'bidirectionalCodec="PCMU" bidirectionalSamplingRate="8000"><Parameter '
        'name="ticket" value="T" /></Stream></Connect><Hangup /></Response>'
    )
    assert Plivo().connect_xml(url, "T", "Hello & welcome.") == (
        f'{xml}<Speak>Hello &amp; welcome.</Speak><Stream bidirectional="true" '
        'keepCallAlive="true" audioTrack="inbound" '
        f'contentType="audio/x-mulaw;rate=8000">{url}?ticket=T</Stream><Hangup />'
        "</Response>"
    )
    assert "<Say" not in Twilio().connect_xml(url, "T", "")


def test_busy_lines() -> None:
    """Lost otherwise: callers too many would pay for silence."""
    for provider, tag in (
        (Twilio(), "Reject"),
        (Telnyx(), "Reject"),
        (Plivo(), "Hangup"),
    ):
        root = ElementTree.fromstring(provider.busy_xml())
        assert [(verb.tag, verb.attrib) for verb in root] == [(tag, {"reason": "busy"})]


def test_twilio_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: who lacks the library would get a bare ImportError."""
    import sys

    monkeypatch.setitem(sys.modules, "twilio.twiml", None)
    with pytest.raises(MissingExtraError, match=r"fastrtc\[telephone\]"):
        Twilio().connect_xml("wss://x", "T", "")


@pytest.mark.parametrize(
    ("provider", "id_field", "direction", "expected"),
    [
        (Twilio(), "CallSid", "outbound-api", "outbound"),
        (Twilio(), "CallSid", "inbound", "inbound"),
        (Telnyx(), "CallSid", "", "inbound"),
        (Plivo(), "CallUUID", "outbound", "outbound"),
    ],
)
def test_who_calls(
    provider: PhoneProvider, id_field: str, direction: str, expected: Any
) -> None:
    """Lost otherwise: an app couldn't greet a caller by who they are."""
    form = [
        (id_field, "C"),
        ("From", "+1"),
        ("To", "+2"),
        ("Direction", direction),
    ]
    call = PhoneCall(provider.name, "C", "+1", "+2", expected)
    assert provider.call_of(Webhook("POST", URL, {}, form=form)) == call
    assert provider.call_of(Webhook("GET", URL, {}, query=form)) == call


# -- signatures ------------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL, f"{URL}?name=Jane+D", "https://b.io:8443/x"])
def test_twilios_signature(url: str) -> None:
    """Lost otherwise: real webhooks would be refused, or forged ones taken."""
    # Its own library signs.
    signature = RequestValidator("secret").compute_signature(url, dict(FORM))
    headers = {"x-twilio-signature": signature}
    webhook = Webhook("POST", url, headers, form=FORM)
    assert Twilio("secret").is_genuine(webhook, 0)
    assert not Twilio("other").is_genuine(webhook, 0)
    for forged in (
        Webhook("POST", url + "x", headers, form=FORM),
        Webhook("POST", url, headers, form=[*FORM, ("From", "+4")]),
        Webhook("POST", url, {"x-twilio-signature": "é"}, form=FORM),
        Webhook("POST", url, {}, form=FORM),
    ):
        assert not Twilio("secret").is_genuine(forged, 0)


def test_twilio_may_sign_with_and_without_the_port() -> None:
    """Lost otherwise: servers on an unusual port would refuse real calls."""
    for signed, seen in (
        ("https://b.io/x", "https://b.io:443/x"),
        ("https://b.io:443/x", "https://b.io/x"),
        ("https://b.io/x", "https://b.io:8443/x"),
    ):
        signature = RequestValidator("secret").compute_signature(signed, dict(FORM))
        headers = {"x-twilio-signature": signature}
        webhook = Webhook("POST", seen, headers, form=FORM)
        assert Twilio("secret").is_genuine(webhook, 0)


def test_telnyxs_signature() -> None:
    """Lost otherwise: real webhooks would be refused, forged or old ones taken."""
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    body, now_s = b"CallSid=v3&From=%2B1", 1_700_000_000
    signature = base64.b64encode(key.sign(f"{now_s}|".encode() + body)).decode()
    headers = {
        "telnyx-timestamp": str(now_s),
        "telnyx-signature-ed25519": signature,
    }
    telnyx = Telnyx(public)
    assert telnyx.checks_webhooks
    assert telnyx.is_genuine(Webhook("POST", URL, headers, body), now_s + 299)
    assert not telnyx.is_genuine(Webhook("POST", URL, headers, body), now_s + 301)
    assert not telnyx.is_genuine(Webhook("POST", URL, headers, body), now_s - 301)
    assert not telnyx.is_genuine(Webhook("POST", URL, headers, body + b"1"), now_s)
    assert not telnyx.is_genuine(Webhook("POST", URL, {}, body), now_s)
    later = {**headers, "telnyx-timestamp": str(now_s + 1)}
    assert not telnyx.is_genuine(Webhook("POST", URL, later, body), now_s)


@pytest.mark.parametrize("key", ["", "abc", "AAAA", "é"])
def test_a_wrong_public_key_is_refused_at_once(key: str) -> None:
    """Lost otherwise: a typo would show only as calls that don't come through."""
    with pytest.raises(ConfigurationError, match="public_key"):
        Telnyx(key)


PLIVO_FORM = [("CallUUID", "C1"), ("To", "14155550199"), ("From", "14155550100")]
PLIVO_SIGNED = [
    # Made by Plivo's own library, version 4.63.0: method, URL, form, signature.
    ("POST", URL, PLIVO_FORM, "ecueUEJFPzZ7JNQp9ObsV9fyCaXfPYjvvSC9OZMXDQ0="),
    (
        "POST",
        f"{URL}?name=Jane&a=b",
        PLIVO_FORM,
        "XwwXLyGMGPc/mgcfdFH4OFusOMG1F9R7GuMwyfMEEjg=",
    ),
    (
        "GET",
        f"{URL}?To=14155550199&CallUUID=C1",
        [],
        "hVyFxAUMUcFP7yhyukV66XP2pC0jmQyjXJwuLrfDESo=",
    ),
    ("POST", f"{URL}?name=Jane", [], "BajC6jNZwl8U4mtIz7bZcnFAi0VEM8Ot+fYTt4Lo8Z4="),
]


@pytest.mark.parametrize(("method", "url", "form", "signature"), PLIVO_SIGNED)
def test_plivos_signature(
    method: str, url: str, form: list[tuple[str, str]], signature: str
) -> None:
    """Lost otherwise: real webhooks would be refused, or forged ones taken."""
    from urllib.parse import parse_qsl, urlsplit

    query = parse_qsl(urlsplit(url).query)
    headers = {
        "x-plivo-signature-v3": f"another, {signature}",
        "x-plivo-signature-v3-nonce": "12345",
    }
    webhook = Webhook(method, url, headers, query=query, form=form)
    assert Plivo("secret").is_genuine(webhook, 0)
    assert not Plivo("other").is_genuine(webhook, 0)
    nonce = {**headers, "x-plivo-signature-v3-nonce": "12346"}
    for forged in (
        Webhook(method, url, nonce, query=query, form=form),
        Webhook(method, url, headers, query=query, form=[*form, ("From", "1")])
        if method == "POST"
        else Webhook(method, url, headers, query=[*query, ("From", "1")]),
        Webhook(method, url, {}, query=query, form=form),
    ):
        assert not Plivo("secret").is_genuine(forged, 0)


def test_secrets_are_not_shown() -> None:
    """Lost otherwise: a log of the settings would give the account away."""
    for provider in (
        Twilio("s3cret", "AC1"),
        Telnyx(api_key="s3cret"),
        Plivo("s3cret", "MA1"),
    ):
        assert "s3cret" not in repr(provider)

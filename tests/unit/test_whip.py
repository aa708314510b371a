"""fastrtc.transports.whip: fragments of SDP and Link headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc.transports.whip.fragment import ice_ufrag, parse_fragment
from fastrtc.transports.whip.links import ice_links

HOST = "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host ufrag EsAw"
RFC_FRAGMENT = f"""\
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
m=audio 9 RTP/AVP 0
a=mid:0
a={HOST}
a=end-of-candidates
"""


def test_the_fragment_of_the_rfc_is_read() -> None:
    """Lost otherwise: candidates of clients that trickle would go nowhere."""
    for text in (RFC_FRAGMENT, RFC_FRAGMENT.replace("\n", "\r\n")):
        fragment = parse_fragment(text)
        assert fragment is not None
        assert fragment.ufrag == "EsAw"
        assert fragment.candidates == [
            {"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": None},
            {"candidate": "", "sdpMid": "0", "sdpMLineIndex": None},
        ]


def test_the_fragment_of_the_whep_draft_is_read() -> None:
    """Lost otherwise: players would be refused for a line of their bundle."""
    text = (
        "a=group:BUNDLE audio video\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:audio\n"
        f"a=ice-ufrag:EsAw\na=ice-pwd:x\na={HOST}\n"
        f"m=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:video\na={HOST}\n"
    )
    fragment = parse_fragment(text)
    assert fragment is not None
    assert fragment.ufrag == "EsAw"
    assert [c["sdpMid"] for c in fragment.candidates] == ["audio", "video"]


def test_candidates_without_a_section_belong_to_the_first() -> None:
    """Lost otherwise: simple clients' candidates would be refused."""
    fragment = parse_fragment(f"a={HOST}\n")
    assert fragment is not None
    assert fragment.ufrag is None
    assert fragment.candidates == [
        {"candidate": HOST, "sdpMid": None, "sdpMLineIndex": 0}
    ]


def test_a_restart_without_candidates_is_a_fragment() -> None:
    """Lost otherwise: a restart would be called malformed and not refused as such."""
    fragment = parse_fragment("a=ice-ufrag:ysXw\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\n")
    assert fragment is not None
    assert fragment.ufrag == "ysXw"
    assert fragment.candidates == []


@pytest.mark.parametrize("text", ["", "\r\n", "hello", "{}", "a=mid:0\nnonsense"])
def test_what_is_no_fragment_is_none(text: str) -> None:
    """Lost otherwise: a client with a bug would be told that all is well."""
    assert parse_fragment(text) is None


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    """Lost otherwise: a strange client could cause a server's error."""
    parse_fragment(text)
    ice_ufrag(text)


def test_links_name_every_server() -> None:
    """Lost otherwise: a client would try one TURN server of two."""
    configuration = {
        "iceServers": [
            {"urls": ["stun:a.example", "turn:a.example"], "username": "u"},
            {"url": "turn:b.example", "username": 'a"b', "credential": "c\\d"},
            {},
        ]
    }
    assert ice_links(configuration) == [
        '<stun:a.example>; rel="ice-server"',
        '<turn:a.example>; rel="ice-server"',
        '<turn:b.example>; rel="ice-server"; username="a\\"b"; '
        'credential="c\\\\d"; credential-type="password"',
    ]
    assert ice_links({}) == []


def test_links_can_not_smuggle_headers(caplog: pytest.LogCaptureFixture) -> None:
    """Lost otherwise: a credential with a line break would be a header of its own."""
    for bad in ("x\r\nSet-Cookie: a=b", "schl\u00fcssel"):
        server = {"urls": "turn:b.example", "username": "u", "credential": bad}
        assert ice_links({"iceServers": [server]}) == []
    assert len(caplog.records) == 2
    assert "schl" not in caplog.text

"""fastrtc.messages: the wire format, and what clients may send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fastrtc.errors import RefusedError
from fastrtc.messages import (
    Candidate,
    Offer,
    WebRTCData,
    create_message,
    error_message,
    parse_client_message,
    parse_signal,
)
from fastrtc.options import MAX_MESSAGE_CHARS

SDP = "v=0\r\n"
CANDIDATE = {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0}


def test_messages_have_type_and_data() -> None:
    """Lost otherwise: pages written for the contract would understand nothing."""
    assert json.loads(create_message("log", "pause_detected")) == {
        "type": "log",
        "data": "pause_detected",
    }
    assert json.loads(create_message("fetch_output", [])) == {
        "type": "fetch_output",
        "data": [],
    }


def test_errors_are_readable_for_older_pages() -> None:
    """Lost otherwise: pages that read `message` would show an empty error."""
    message = json.loads(error_message("No."))
    assert message == {"type": "error", "data": "No.", "message": "No."}


def test_an_offer() -> None:
    """Lost otherwise: nobody could connect."""
    body = {"type": "offer", "sdp": SDP, "webrtc_id": "x"}
    assert parse_signal(body) == Offer("x", SDP)


def test_a_candidate() -> None:
    """Lost otherwise: clients behind a NAT could not connect."""
    body = {"type": "ice-candidate", "webrtc_id": "x", "candidate": CANDIDATE}
    assert parse_signal(body) == Candidate("x", "candidate:1", "0", 0)


def test_the_end_of_candidates() -> None:
    """Lost otherwise: browsers that end with an empty candidate would be refused."""
    body: dict[str, Any] = {
        "type": "ice-candidate",
        "webrtc_id": "x",
        "candidate": {"candidate": "", "sdpMid": "0", "sdpMLineIndex": None},
    }
    assert parse_signal(body) == Candidate("x", "", "0", None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"webrtc_id": ""}, "invalid_webrtc_id"),
        ({"webrtc_id": None}, "invalid_webrtc_id"),
        ({"webrtc_id": 3}, "invalid_webrtc_id"),
        ({"webrtc_id": "x" * 129}, "invalid_webrtc_id"),
        ({"webrtc_id": "a\nb"}, "invalid_webrtc_id"),
        ({"sdp": None}, "invalid_offer"),
        ({"sdp": "garbage"}, "invalid_offer"),
        ({"sdp": SDP + "x" * 70_000}, "invalid_offer"),
        ({"type": "answer"}, "invalid_offer"),
        ({"type": None}, "invalid_offer"),
    ],
)
def test_bad_offers_are_refused(change: dict[str, Any], code: str) -> None:
    """Lost otherwise: garbage could take a slot or the server's memory."""
    body = {"type": "offer", "sdp": SDP, "webrtc_id": "x", **change}
    with pytest.raises(RefusedError) as caught:
        parse_signal(body)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "candidate",
    [
        None,
        "candidate:1",
        {**CANDIDATE, "candidate": 3},
        {**CANDIDATE, "candidate": "x" * 1025},
        {**CANDIDATE, "sdpMid": 0},
        {**CANDIDATE, "sdpMid": "x" * 65},
        {**CANDIDATE, "sdpMLineIndex": "0"},
        {**CANDIDATE, "sdpMLineIndex": True},
        {"candidate": "candidate:1"},
    ],
)
def test_bad_candidates_are_refused(candidate: Any) -> None:
    """Lost otherwise: a malformed candidate would be an internal server error."""
    body = {"type": "ice-candidate", "webrtc_id": "x", "candidate": candidate}
    with pytest.raises(RefusedError) as caught:
        parse_signal(body)
    assert caught.value.code == "invalid_candidate_format"
    assert caught.value.message


def test_what_was_typed() -> None:
    """Lost otherwise: typed text would never arrive."""
    assert parse_client_message('{"type": "text", "data": "héllo"}') == "héllo"
    assert parse_client_message('{"type": "text", "data": ""}') == ""


@pytest.mark.parametrize(
    "message",
    [
        b'{"type": "text", "data": "x"}',
        None,
        "",
        "handshake",
        "null",
        "[]",
        '{"type": "text"}',
        '{"type": "text", "data": 3}',
        '{"type": "text", "data": null}',
        '{"type": "ping", "data": "x"}',
        '{"data": "x"}',
        "[" * 60_000,
        json.dumps({"type": "text", "data": "x" * MAX_MESSAGE_CHARS}),
    ],
)
def test_other_messages_are_no_text(message: Any) -> None:
    """Lost otherwise: what pages send for themselves would be taken for words."""
    assert parse_client_message(message) is None


def test_what_reply_functions_get_can_be_made_by_tests() -> None:
    """Lost otherwise: a reply function for text could not be tested by calling it."""
    assert WebRTCData("me") == WebRTCData(webrtc_id="me", textbox="", audio=None)

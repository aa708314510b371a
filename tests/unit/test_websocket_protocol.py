"""fastrtc.transports.websocket.protocol: every text, well-formed or not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc.errors import RefusedError
from fastrtc.transports.websocket.bounds import (
    MAX_AUDIO_BYTES,
    MAX_EVENT_CHARS,
    MAX_PLAIN_CHARS,
    MAX_TEXT_CHARS,
)
from fastrtc.transports.websocket.protocol import (
    CLEAR,
    PONG,
    AudioFormat,
    Media,
    Ping,
    Start,
    Stop,
    Typed,
    Unknown,
    check_audio,
    close_code,
    media_event,
    parse_event,
    refusal_message,
    started_event,
)

# As FastRTC 0.0.34 takes and sends them, compared on the wire.
OLD_START = '{"event":"start","websocket_id":"7tqqjsy3q6"}'
OLD_MEDIA = '{"event":"media","media":{"payload":"//79/Pt/fn18"}}'
OLD_BYTES = bytes([255, 254, 253, 252, 251, 127, 126, 125, 124])


def test_fastrtcs_own_messages_byte_for_byte() -> None:
    """Lost otherwise: clients of FastRTC would no longer be understood."""
    assert parse_event(OLD_START) == Start("7tqqjsy3q6")
    assert parse_event(OLD_MEDIA) == Media(OLD_BYTES)
    assert parse_event('{"event":"ping"}') == Ping()
    assert parse_event('{"event":"stop"}') == Stop()
    assert media_event(OLD_BYTES) == OLD_MEDIA
    assert PONG == '{"event":"pong"}'
    assert CLEAR == '{"event":"clear"}'


def test_a_start_without_a_format_negotiates_nothing() -> None:
    """Lost otherwise: older clients would get binary frames and events they don't
    know."""
    assert not Start("a").negotiates
    assert Start("a", output=AudioFormat("opus")).negotiates


@pytest.mark.parametrize(
    ("fields", "input_", "output"),
    [
        (
            {"format": {"encoding": "pcm16", "sample_rate": 24_000}},
            AudioFormat("pcm16", 24_000),
            AudioFormat("pcm16", 24_000),
        ),
        (
            {"format": {"encoding": "opus"}, "output": {"encoding": "mulaw"}},
            AudioFormat("opus", 48_000),
            AudioFormat("mulaw", None),
        ),
        (
            {"output": {"encoding": "opus", "sample_rate": 48_000}},
            None,
            AudioFormat("opus", 48_000),
        ),
    ],
)
def test_formats(
    fields: dict[str, Any], input_: AudioFormat | None, output: AudioFormat
) -> None:
    """Lost otherwise: a client would get audio it can't play."""
    start = parse_event(json.dumps({"event": "start", "websocket_id": "x", **fields}))
    assert start == Start("x", input_, output)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "invalid_websocket_id"),
        ({"websocket_id": ""}, "invalid_websocket_id"),
        ({"websocket_id": 3}, "invalid_websocket_id"),
        ({"websocket_id": "a" * 129}, "invalid_websocket_id"),
        ({"websocket_id": "a\nb"}, "invalid_websocket_id"),
        ({"websocket_id": "\ud800"}, "invalid_websocket_id"),
        ({"websocket_id": "x", "format": "pcm16"}, "invalid_format"),
        ({"websocket_id": "x", "format": {}}, "unsupported_format"),
        ({"websocket_id": "x", "format": {"encoding": []}}, "unsupported_format"),
        ({"websocket_id": "x", "format": {"encoding": "mp3"}}, "unsupported_format"),
        (
            {"websocket_id": "x", "output": {"encoding": "opus", "sample_rate": 8000}},
            "unsupported_format",
        ),
        ({"websocket_id": "x", "idle_timeout_s": 1}, "invalid_message"),
        ({"websocket_id": "x", "idle_timeout_s": float("nan")}, "invalid_message"),
        ({"websocket_id": "x", "idle_timeout_s": True}, "invalid_message"),
        *(
            (
                {
                    "websocket_id": "x",
                    "format": {"encoding": "pcm16", "sample_rate": rate},
                },
                "unsupported_format",
            )
            for rate in (0, -1, 7_950, 48_050, 24_001, True, 24_000.0, "24000", 10**30)
        ),
    ],
)
def test_starts_that_can_not_be_used(fields: dict[str, Any], code: str) -> None:
    """Lost otherwise: a client would not learn what is wrong with its start."""
    with pytest.raises(RefusedError) as caught:
        parse_event(json.dumps({"event": "start", **fields}))
    assert caught.value.code == code


def test_the_idle_limit_a_client_asks_for() -> None:
    """Lost otherwise: a page where people write would be cut off while they think."""
    text = '{"event":"start","websocket_id":"x","idle_timeout_s":600}'
    assert parse_event(text) == Start("x", idle_timeout_s=600.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"start"',
        "3",
        "{}",
        '{"event":null}',
        '{"event":"media"}',
        '{"event":"media","media":[]}',
        '{"event":"media","media":{"payload":1}}',
        '{"event":"media","media":{"payload":"a"}}',
        '{"event":"media","media":{"payload":"é==="}}',
        '{"type":"text"}',
        '{"type":"text","data":{}}',
        "[" * 10_000,
        '{"a":' * 3_000,
        "9" * 5_000,
        '{"event":"media","media":{"payload":"\\ud800"}}',
    ],
)
def test_garbage_is_refused(text: str) -> None:
    """Lost otherwise: garbage would end in a traceback, and the client in the dark."""
    with pytest.raises(RefusedError) as caught:
        parse_event(text)
    assert caught.value.code == "invalid_message"
    assert caught.value.message


@pytest.mark.parametrize(
    "text", ['{"event":"mark"}', '{"event":[]}', '{"type":"quality","data":{}}']
)
def test_what_is_not_known_is_passed_over(text: str) -> None:
    """Lost otherwise: a newer client would be thrown out by an older server."""
    assert parse_event(text) == Unknown()


def test_too_long() -> None:
    """Lost otherwise: one message would fill the memory or stop everybody's audio."""
    most = base64.b64encode(bytes(MAX_AUDIO_BYTES)).decode()
    assert parse_event(media_event(bytes(MAX_AUDIO_BYTES))) == Media(
        bytes(MAX_AUDIO_BYTES)
    )
    lists = "[" + "1," * (MAX_PLAIN_CHARS // 2) + "1]"
    texts = [
        f'{{"event":"media","media":{{"payload":"{most}AAAA"}}}}',
        json.dumps({"event": "x", "data": "a" * MAX_EVENT_CHARS}),
        json.dumps({"type": "text", "data": "a" * (MAX_TEXT_CHARS + 1)}),
        lists,
    ]
    for text in texts:
        with pytest.raises(RefusedError) as caught:
            parse_event(text)
        assert caught.value.code == "message_too_large"
        assert close_code(caught.value) == 1009
    with pytest.raises(RefusedError):
        check_audio(bytes(MAX_AUDIO_BYTES + 1))


def test_typed_text_of_any_alphabet_and_halves_of_characters() -> None:
    """Lost otherwise: a broken emoji would end the conversation at the log file."""
    assert parse_event('{"type":"text","data":"{[,:]} Grüße 你好"}') == Typed(
        "{[,:]} Grüße 你好"
    )
    half = parse_event('{"type":"text","data":"a\\ud83d"}')
    assert half == Typed("a?")


def test_what_was_agreed_is_told() -> None:
    """Lost otherwise: a client could not know what the binary frames hold."""
    text = started_event(AudioFormat("pcm16", 16_000), AudioFormat("opus", 48_000))
    assert json.loads(text) == {
        "event": "started",
        "input": {"encoding": "pcm16", "sample_rate": 16_000},
        "output": {"encoding": "opus", "sample_rate": 48_000},
    }


def test_refusals_speak_to_people_and_to_programs() -> None:
    """Lost otherwise: pages could show no reason, or programs not tell them apart."""
    refusal = RefusedError("concurrency_limit_reached", limit=2)
    message = json.loads(refusal_message(refusal))
    assert message == {
        "type": "error",
        "data": "concurrency_limit_reached",
        "message": "concurrency_limit_reached",
        "status": "failed",
        "meta": {"error": "concurrency_limit_reached", "limit": 2},
    }
    assert close_code(refusal) == 1013
    assert close_code(RefusedError("connection_already_exists")) == 1008


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "event",
                    "media",
                    "payload",
                    "websocket_id",
                    "format",
                    "output",
                    "encoding",
                    "type",
                    "data",
                    "sample_rate",
                    "idle_timeout_s",
                ]
            )
            | st.text(max_size=5),
            inner
            | st.sampled_from(
                ["start", "media", "stop", "text", "pcm16", "opus", "mulaw"]
            ),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_an_event_or_refused(value: Any) -> None:
    """Lost otherwise: some message nobody thought of would end in a traceback."""
    _parse_or_refuse(json.dumps(value))


@given(st.text())
def test_any_text_is_an_event_or_refused(text: str) -> None:
    """Lost otherwise: the same for what is no JSON."""
    _parse_or_refuse(text)


@given(st.sampled_from([OLD_START, OLD_MEDIA]), st.data())
def test_any_damage_is_an_event_or_refused(text: str, data: st.DataObject) -> None:
    """Lost otherwise: the same for what a broken proxy makes of a good message."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    _parse_or_refuse(text[:start] + data.draw(st.text(max_size=4)) + text[end:])


def _parse_or_refuse(text: str) -> None:
    try:
        parse_event(text)
    except RefusedError as refusal:
        json.loads(refusal_message(refusal))

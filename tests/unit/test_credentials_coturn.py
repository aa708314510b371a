"""Credentials for a coturn of one's own; loopback/test_turn.py uses a real one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fastrtc.credentials import (
    get_coturn_credentials,
    get_coturn_credentials_async,
    get_turn_credentials,
)
from fastrtc.errors import ConfigurationError
from fastrtc.transports.webrtc.ice import to_aiortc

URL = "turn:turn.example.org:3478"
GOOD: dict[str, Any] = {"secret": "n0rth", "urls": URL}
NOW_S = 1_700_000_000.7


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COTURN_SECRET", raising=False)
    monkeypatch.delenv("COTURN_URLS", raising=False)
    monkeypatch.setattr(time, "time", lambda: NOW_S)


async def test_they_are_what_coturn_makes_of_the_secret() -> None:
    """Lost otherwise: coturn refuses them.

    The password is what `printf 1700003600:anna | openssl dgst -sha1 -hmac north
    -binary | base64` prints.
    """
    made = get_coturn_credentials("north", URL, user="anna")
    assert made == {
        "iceServers": [
            {
                "urls": [URL],
                "username": "1700003600:anna",
                "credential": "+MLxLOEoYnWwCOD+2dzOXWFtASg=",
            }
        ]
    }
    assert await get_coturn_credentials_async("north", URL, user="anna") == made
    assert get_turn_credentials("coturn", secret="north", urls=URL, user="anna") == made


def test_without_a_user_the_name_is_the_time_alone() -> None:
    """Lost otherwise: an empty name after the colon stands in coturn's log."""
    (server,) = get_coturn_credentials("north", URL, ttl_s=60)["iceServers"]
    assert server["username"] == "1700000060"
    assert server["credential"] == "aqoYHq0SZvNMrBZ16421DRySfm0="


def test_the_environment_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: the secret has to stand in the program."""
    monkeypatch.setenv("COTURN_SECRET", "north\n")
    monkeypatch.setenv("COTURN_URLS", f"{URL}, turns:t.example.org:443?transport=tcp ")
    made = get_coturn_credentials(ttl_s=60)
    assert made["iceServers"][0]["credential"] == "aqoYHq0SZvNMrBZ16421DRySfm0="
    assert made["iceServers"][0]["urls"] == [
        URL,
        "turns:t.example.org:443?transport=tcp",
    ]
    assert to_aiortc(made).iceServers


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"secret": None}, "COTURN_SECRET"),
        ({"secret": ""}, "static-auth-secret"),
        ({"urls": None}, "COTURN_URLS"),
        ({"urls": []}, "COTURN_URLS"),
        ({"urls": "stun:turn.example.org:3478"}, "COTURN_URLS"),
        ({"urls": "turn.example.org"}, "turn:HOST:3478"),
        ({"urls": "http://turn.example.org"}, "turn:HOST:3478"),
        ({"urls": "turn:turn.example.org?transport=sctp"}, "turn:HOST:3478"),
        ({"urls": [URL, "turn:[2001:db8::1]:3478"]}, "IPv6"),
        ({"ttl_s": 0}, "ttl_s"),
        ({"ttl_s": -5}, "ttl_s"),
        ({"user": ""}, "user"),
        ({"user": "a\nb"}, "user"),
        ({"user": "a" * 257}, "user"),
    ],
)
def test_what_is_wrong_is_told(arguments: dict[str, Any], told: str) -> None:
    """Lost otherwise: TURN refuses, long after the mistake and without its name."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        get_coturn_credentials(**(GOOD | arguments))
    assert "n0rth" not in str(caught.value)

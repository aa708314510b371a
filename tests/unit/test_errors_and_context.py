"""fastrtc.errors and fastrtc.context: what user code raises, asks and warns."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fastrtc import Warning, WebRTCError, errors, get_current_context
from fastrtc.context import Context, current_context
from fastrtc.errors import (
    ArgsTimeoutError,
    ConfigurationError,
    FastRTCError,
    MissingExtraError,
    ModelUnavailableError,
    OutputError,
    RefusedError,
    SessionClosedError,
    TurnCredentialsError,
)


def test_one_tree_of_errors() -> None:
    """Lost otherwise: no single except clause would catch this package's errors."""
    made = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert len(made) == 14
    assert all(issubclass(error, FastRTCError) for error in made)
    drawn = errors.__doc__ or ""
    assert all(error.__name__ in drawn for error in made)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (ConfigurationError("x"), ValueError),
        (MissingExtraError("tts", "Kokoro"), ImportError),
        (ModelUnavailableError("x"), RuntimeError),
        (TurnCredentialsError("hf", 401, "Check the token."), RuntimeError),
        (OutputError("x"), TypeError),
        (ArgsTimeoutError("x"), TimeoutError),
        (SessionClosedError("x"), Exception),
    ],
)
def test_errors_are_builtin_ones_too(error: Exception, builtin: type) -> None:
    """Lost otherwise: programs that catch the builtin kind would break."""
    assert isinstance(error, builtin)


def test_a_missing_extra_names_what_to_install() -> None:
    """Lost otherwise: users would have to search for the package they lack."""
    error = MissingExtraError("tts", "Kokoro")
    assert str(error) == 'Kokoro needs the "tts" extra: pip install "fastrtc[tts]"'
    assert error.extra == "tts"


def test_turn_errors_say_who_and_why() -> None:
    """Lost otherwise: a wrong TURN token would look like a broken network."""
    error = TurnCredentialsError("hf", 401, "Check the token.")
    assert str(error) == "hf TURN credentials: HTTP 401. Check the token."
    assert "no answer" in str(TurnCredentialsError("hf", None, "x"))


def test_a_refusal_is_an_answer() -> None:
    """Lost otherwise: clients could not tell a full server from a broken one."""
    assert RefusedError("concurrency_limit_reached", limit=3).as_answer() == {
        "status": "failed",
        "meta": {"error": "concurrency_limit_reached", "limit": 3},
    }
    answer: Any = RefusedError("x", "For people.").as_answer()
    assert answer["meta"]["message"] == "For people."


def test_no_context_outside_of_a_session() -> None:
    """Lost otherwise: user code would get some other session's id."""
    with pytest.raises(RuntimeError, match="get_current_context"):
        get_current_context()


def test_outside_of_a_session_errors_and_warnings_are_silent() -> None:
    """Lost otherwise: reply functions could not be called from a plain test."""
    assert str(WebRTCError("x")) == "x"
    assert not WebRTCError("x").delivered
    Warning("y")


async def test_a_context_follows_the_code_into_tasks_and_threads() -> None:
    """Lost otherwise: an agent's own tasks would not know whom they serve."""
    sent: list[Any] = []
    context = Context("me", send=lambda text: sent.append(json.loads(text)))
    token = current_context.set(context)
    try:

        async def inner() -> str:
            return get_current_context().webrtc_id

        assert await asyncio.ensure_future(inner()) == "me"
        assert (await asyncio.to_thread(get_current_context)).webrtc_id == "me"
        assert WebRTCError("It failed.").delivered
        Warning("Careful.")
        Warning()
    finally:
        current_context.reset(token)
    assert sent == [
        {"type": "error", "data": "It failed.", "message": "It failed."},
        {"type": "warning", "data": "Careful.", "message": "Careful."},
        {"type": "warning", "data": "Warning issued.", "message": "Warning issued."},
    ]


def test_each_context_has_a_state_of_its_own() -> None:
    """Lost otherwise: users would read each other's data."""
    one, other = Context("a"), Context("b")
    one.state["x"] = 1
    assert other.state == {}
    assert one.websocket is None

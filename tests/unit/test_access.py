"""Who may come in: origins, rates, places of one address, and the app's own check."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from fastrtc.access import MAX_ADDRESSES, Access, AccessOptions
from fastrtc.errors import ConfigurationError, RefusedError
from fastrtc.session import SessionTable
from tests.support.handlers import AsyncHandler

pytestmark = pytest.mark.virtual_time


def visitor(address: str = "1.2.3.4", **headers: str) -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "headers": [(b"host", b"bot.example"), *raw],
        "client": (address, 5000),
        "query_string": b"key=abc",
    }
    return HTTPConnection(scope)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def access(authorize: Any = None, **options: Any) -> Access:
    table = SessionTable(AsyncHandler, limit=None)
    return Access(table, authorize, AccessOptions(**options), Clock())


async def refusal(gate: Access, connection: HTTPConnection, **how: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        await gate.admit(connection, **how)
    return refused.value.code


# -- the app's own check ---------------------------------------------------------------


async def test_an_identity_lets_in_and_is_kept() -> None:
    """Lost otherwise: a handler could not know whom it talks to."""

    async def check(connection: HTTPConnection) -> Any:
        return {"user": connection.query_params["key"]}

    connection = visitor()
    await access(check).admit(connection)
    assert connection.state.fastrtc_identity == {"user": "abc"}


@pytest.mark.parametrize("answer", [None, False])
async def test_no_identity_refuses(answer: Any) -> None:
    """Lost otherwise: everybody could call a paid model."""
    assert await refusal(access(lambda _: answer), visitor()) == "not_authorized"


@pytest.mark.parametrize("identity", [True, 0, "", "anna"])
async def test_any_other_value_is_an_identity(identity: Any) -> None:
    """Lost otherwise: the user with the number 0 could never call."""
    connection = visitor()
    await access(lambda _: identity).admit(connection)
    assert connection.state.fastrtc_identity == identity


async def test_a_check_that_fails_refuses_and_tells_nothing() -> None:
    """Lost otherwise: a database that is down would let everybody in."""

    def broken(_: HTTPConnection) -> Any:
        raise RuntimeError("password=hunter2")

    with pytest.raises(RefusedError) as refused:
        await access(broken).admit(visitor())
    assert refused.value.code == "not_authorized"
    assert "hunter2" not in str(refused.value)


async def test_a_check_may_say_why_it_refuses() -> None:
    """Lost otherwise: users would not learn that their plan is used up."""

    def out_of_credit(_: HTTPConnection) -> Any:
        raise RefusedError("no_credit", "Your plan is used up.")

    assert await refusal(access(out_of_credit), visitor()) == "no_credit"


async def test_a_check_that_hangs_refuses() -> None:
    """Lost otherwise: visitors would wait for ever, each with a task."""

    async def hanging(_: HTTPConnection) -> Any:
        await asyncio.Event().wait()

    assert await refusal(access(hanging), visitor()) == "not_authorized"


# -- origins ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "origin", "passes"),
    [
        (["https://app.example"], "https://app.example", True),
        (["https://APP.example/"], "https://app.example", True),
        (["https://app.example"], "https://evil.example", False),
        (["https://app.example"], "http://app.example", False),
        (["https://app.example"], "https://app.example.evil", False),
        (["https://app.example:8443"], "https://app.example", False),
        (["https://app.example"], "null", False),
        (["*"], "https://evil.example", True),
        ([], "https://app.example", False),
    ],
)
async def test_only_listed_origins_pass(
    allowed: list[str], origin: str, passes: bool
) -> None:
    """Lost otherwise: any page could talk to the bot with its visitor's cookies."""
    gate = access(allowed_origins=allowed)
    if passes:
        await gate.admit(visitor(origin=origin))
    else:
        assert await refusal(gate, visitor(origin=origin)) == "origin_not_allowed"


async def test_with_authorization_only_own_pages_pass() -> None:
    """Lost otherwise: a cross-origin page could use the cookies that authorize."""
    gate = access(lambda _: True)
    await gate.admit(visitor(origin="https://bot.example"))
    await gate.admit(visitor())
    assert (
        await refusal(gate, visitor(origin="https://evil.example"))
        == "origin_not_allowed"
    )


async def test_without_settings_every_origin_passes() -> None:
    """Lost otherwise: a front end on another port would stop working."""
    await access().admit(visitor(origin="http://localhost:5173"))


# -- rates and places ------------------------------------------------------------------


async def test_one_address_begins_so_many_calls_a_minute() -> None:
    """Lost otherwise: one visitor could keep the server busy with offers."""
    gate = access(opens_per_minute=3)
    for _ in range(3):
        await gate.admit(visitor())
    assert await refusal(gate, visitor()) == "too_many_requests"
    await gate.admit(visitor("5.6.7.8"))
    await gate.admit(visitor(), opens=False)
    gate._clock.now_s = 60.0  # type: ignore[attr-defined]
    await gate.admit(visitor())


async def test_the_addresses_are_bounded() -> None:
    """Lost otherwise: a flood from many addresses would fill the memory."""
    gate = access()
    for number in range(MAX_ADDRESSES + 10):
        await gate.admit(visitor(f"10.0.{number // 256}.{number % 256}"))
    assert len(gate._opens) == MAX_ADDRESSES


async def test_one_address_has_so_many_calls() -> None:
    """Lost otherwise: one visitor could take all places."""
    table = SessionTable(AsyncHandler, limit=None)
    gate = Access(table, None, AccessOptions(sessions_per_address=2))
    for name in ("one", "two"):
        table.open(name).context.arrived_by(visitor())
    assert await refusal(gate, visitor()) == "too_many_sessions"
    await gate.admit(visitor("5.6.7.8"))
    await table.close_all("done")
    await gate.admit(visitor())


async def test_visitors_without_an_address_are_not_counted() -> None:
    """Lost otherwise: behind a Unix socket the second caller would be refused."""
    gate = access(opens_per_minute=1)
    for _ in range(3):
        await gate.admit(HTTPConnection({"type": "http", "headers": []}))


# -- tokens and settings ---------------------------------------------------------------


def test_a_token_is_of_one_session_and_one_server() -> None:
    """Lost otherwise: whoever knows a name could read another's outputs."""
    gate, other = access(), access()
    token = gate.token("me")
    assert gate.owns("me", token)
    for wrong in ("", "x", token[:-1], other.token("me"), "ä"):
        assert not gate.owns("me", wrong)
    assert not gate.owns("you", token)


@pytest.mark.parametrize(
    "options",
    [
        {"allowed_origins": "https://app.example"},
        {"allowed_origins": ["app.example"]},
        {"allowed_origins": ["https://app.example/path"]},
        {"opens_per_minute": 0},
        {"sessions_per_address": 0},
    ],
)
def test_wrong_settings_are_refused(options: Any) -> None:
    """Lost otherwise: an origin without its scheme would lock everybody out."""
    with pytest.raises(ConfigurationError):
        AccessOptions(**options)


def test_authorize_must_be_a_function() -> None:
    """Lost otherwise: authorize=True would fail at the first call."""
    with pytest.raises(ConfigurationError):
        access(True)

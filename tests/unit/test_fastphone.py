"""fastrtc.fastphone: a number for a stream, by stand-ins for the service and tunnel."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from fastrtc.errors import ConfigurationError, TelephoneError
from fastrtc.fastphone import SERVICE_URL, fastphone
from fastrtc.telephone import Plivo, TelephoneOptions, Twilio
from fastrtc.ui import tunnel as tunnels
from tests.support.services import Asked, StandIn, stand_in

QUIET: dict[str, Any] = {"log_config": None}
GIVEN = {
    "code": "123456",
    "phone": "+18775550100",
    "reset_date": "2030-01-01",
    "time_remaining": 605,
}


class AppStream:
    """What fastphone needs of a stream."""

    def __init__(self, telephone: TelephoneOptions | None = None) -> None:
        self.telephone = telephone or TelephoneOptions()

    def mount(self, app: FastAPI, path: str = "") -> None:
        @app.get("/alive")
        def alive() -> str:
            return "yes"

        _ = alive


class Tunnel:
    """A tunnel to nowhere that notes what becomes of it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.local: tuple[str, int] | None = None
        self.is_open = False
        self.alive = ""

    @contextlib.contextmanager
    def open(self, host: str, port: int) -> Generator[str]:
        self.local = host, port
        if self.error is not None:
            raise self.error
        self.is_open = True
        self.alive = httpx.get(f"http://{host}:{port}/alive").json()
        try:
            yield "https://abc.gradio.live"
        finally:
            self.is_open = False


def give(asked: Asked) -> tuple[int, Any]:
    return 200, GIVEN


def interrupted(monkeypatch: pytest.MonkeyPatch, how: BaseException) -> None:
    """Let the wait for the server's end be broken off."""

    def join(self: threading.Thread, timeout: float | None = None) -> None:
        monkeypatch.undo()
        raise how

    monkeypatch.setattr(threading.Thread, "join", join)


def nothing_left(tunnel: Tunnel) -> None:
    assert not tunnel.is_open
    names = [thread.name for thread in threading.enumerate()]
    assert "fastphone-server" not in names
    if tunnel.local is not None:
        with socket.create_server(tunnel.local):
            """The port is free again."""


@pytest.fixture
def service() -> Generator[StandIn]:
    with stand_in(give) as running:
        yield running


def test_a_number_and_everything_put_away(
    service: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Lost otherwise: no number; or threads, tunnels and numbers that stay taken."""
    tunnel = Tunnel()
    before = signal.getsignal(signal.SIGTERM)
    interrupted(monkeypatch, KeyboardInterrupt())
    fastphone(
        AppStream(), tunnel.open, "hf_s3cret", port=0, service_url=service.url, **QUIET
    )
    nothing_left(tunnel)
    assert signal.getsignal(signal.SIGTERM) is before
    assert tunnel.alive == "yes"
    register, unregister = service.asked
    assert (register.method, register.path) == ("POST", "/register")
    assert register.json == {"url": "abc.gradio.live"}
    assert register.headers["authorization"] == "hf_s3cret"
    assert unregister.path == "/unregister"
    assert unregister.json == {"url": "abc.gradio.live", "code": "123456"}
    assert unregister.headers["authorization"] == "hf_s3cret"
    out = capsys.readouterr().out
    assert "+18775550100" in out
    assert "123456" in out
    assert "10:05" in out
    assert "s3cret" not in out


def test_it_says_where_the_token_goes_before_it_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Lost otherwise: a token would be sent to a host its owner never heard of."""
    said: list[str] = []

    def refuse(asked: Asked) -> tuple[int, Any]:
        said.append(capsys.readouterr().out)
        return 401, {}

    tunnel = Tunnel()
    with stand_in(refuse) as service, pytest.raises(TelephoneError, match="token"):
        fastphone(
            AppStream(), tunnel.open, "hf_x", port=0, service_url=service.url, **QUIET
        )
    host = service.url.removeprefix("http://")
    assert said == [
        f"Your Hugging Face token goes to {host}, which gives the number for "
        "abc.gradio.live.\n"
    ]
    nothing_left(tunnel)


def test_without_a_token(
    service: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Lost otherwise: it would claim to send what isn't there."""
    monkeypatch.setattr("fastrtc.fastphone.get_token", lambda: None)
    interrupt = pytest.MonkeyPatch()
    interrupted(interrupt, KeyboardInterrupt())
    fastphone(AppStream(), Tunnel().open, port=0, service_url=service.url, **QUIET)
    assert "No token goes to" in capsys.readouterr().out
    assert service.asked[0].headers["authorization"] == ""


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, {}, "HTTP 401. Check the Hugging Face token"),
        (500, "broken", "HTTP 500. Try again later"),
        (307, "", "HTTP 307"),
        (200, "no json", "not understood"),
        (200, {"phone": "+1"}, "not understood"),
        (200, [1], "not understood"),
        (200, {**GIVEN, "time_remaining": "soon"}, "not understood"),
    ],
)
def test_a_refusal_is_final(status: int, body: Any, says: str) -> None:
    """Lost otherwise: the token would go to another host, or the server would stay."""
    tunnel = Tunnel()
    with stand_in(give) as other, stand_in(lambda asked: (status, body)) as service:
        service.headers["location"] = f"{other.url}/register"
        with pytest.raises(TelephoneError, match=says):
            fastphone(
                AppStream(), tunnel.open, "t", port=0, service_url=service.url, **QUIET
            )
    assert other.asked == []
    assert [asked.path for asked in service.asked] == ["/register"]
    nothing_left(tunnel)


def test_a_service_that_is_not_there() -> None:
    """Lost otherwise: its absence would leave a server and a tunnel behind."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    tunnel = Tunnel()
    with pytest.raises(TelephoneError, match="could not be reached"):
        fastphone(AppStream(), tunnel.open, "t", port=0, service_url=url, **QUIET)
    nothing_left(tunnel)


def test_the_free_time_is_used_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Lost otherwise: it would wait for calls that can't come."""
    tunnel = Tunnel()
    with stand_in(lambda asked: (202, {})) as service:
        fastphone(
            AppStream(), tunnel.open, "t", port=0, service_url=service.url, **QUIET
        )
    assert "used up" in capsys.readouterr().out
    assert [asked.path for asked in service.asked] == ["/register"]
    nothing_left(tunnel)


@pytest.mark.parametrize("error", [RuntimeError("no share server"), OSError("x")])
def test_no_tunnel(service: StandIn, error: Exception) -> None:
    """Lost otherwise: the server would go on with nobody to reach it."""
    tunnel = Tunnel(error)
    with pytest.raises(TelephoneError, match="No tunnel"):
        fastphone(
            AppStream(), tunnel.open, "t", port=0, service_url=service.url, **QUIET
        )
    assert service.asked == []
    nothing_left(tunnel)


def test_a_taken_port() -> None:
    """Lost otherwise: the tunnel would lead strangers to another program."""
    tunnel = Tunnel()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TelephoneError, match="did not start"):
            fastphone(AppStream(), tunnel.open, "t", "127.0.0.1", port, **QUIET)
    assert tunnel.local is None
    nothing_left(tunnel)


def test_the_tunnel_leads_to_this_machine(
    service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: a server on all addresses could not be reached on any."""
    tunnel = Tunnel()
    interrupted(monkeypatch, KeyboardInterrupt())
    fastphone(
        AppStream(), tunnel.open, "t", "0.0.0.0", 0, service_url=service.url, **QUIET
    )
    assert tunnel.local is not None
    assert tunnel.local[0] == "127.0.0.1"


def test_any_end_gives_the_number_back(
    service: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: an error at the wrong moment would keep the number taken."""
    tunnel = Tunnel()
    interrupted(monkeypatch, RuntimeError("anything"))
    with pytest.raises(RuntimeError, match="anything"):
        fastphone(
            AppStream(), tunnel.open, "t", port=0, service_url=service.url, **QUIET
        )
    assert service.asked[-1].path == "/unregister"
    nothing_left(tunnel)


def test_a_number_that_can_not_be_given_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lost otherwise: Ctrl-C would end in a traceback, and leave the server running."""
    tunnel = Tunnel()
    interrupted(monkeypatch, KeyboardInterrupt())

    def forget(asked: Asked) -> tuple[int, Any]:
        return (200, GIVEN) if asked.path == "/register" else (500, "")

    with stand_in(forget) as service:
        fastphone(
            AppStream(), tunnel.open, "t", port=0, service_url=service.url, **QUIET
        )
    assert "could not be given back" in caplog.text
    nothing_left(tunnel)


PROGRAM = """
import contextlib, sys
from fastapi import FastAPI
from fastrtc.fastphone import fastphone
from fastrtc.telephone import TelephoneOptions

class AppStream:
    telephone = TelephoneOptions()
    def mount(self, app, path=""):
        pass

@contextlib.contextmanager
def tunnel(host, port):
    try:
        yield "https://abc.gradio.live"
    finally:
        print("tunnel closed", flush=True)

fastphone(AppStream(), tunnel, "t", port=0, service_url=sys.argv[1], log_config=None)
print("returned", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such signals")
@pytest.mark.parametrize(
    ("number", "code", "returns"),
    [(signal.SIGINT, 0, True), (signal.SIGTERM, 128 + signal.SIGTERM, False)],
)
def test_signals(service: StandIn, number: int, code: int, returns: bool) -> None:
    """Lost otherwise: a stopped program would keep its number and its tunnel."""
    command = [sys.executable, "-c", PROGRAM, service.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Ctrl-C"):
                break
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait(20) == code
    assert "tunnel closed" in rest
    assert ("returned" in rest) == returns
    assert service.asked[-1].path == "/unregister"


@pytest.mark.parametrize(
    "options",
    [TelephoneOptions(Twilio("secret")), TelephoneOptions(Plivo())],
)
def test_calls_of_another_account(options: TelephoneOptions) -> None:
    """Lost otherwise: every call would be refused, with no hint why."""
    with pytest.raises(ConfigurationError, match="own Twilio account"):
        fastphone(AppStream(options), Tunnel().open, "t", port=0)


def test_the_service() -> None:
    """Lost otherwise: tokens would go where FastRTC's users don't expect them."""
    assert SERVICE_URL == "https://api.fastrtc.org"


# -- Gradio's tunnel -------------------------------------------------------------------


class FakeTunnel:
    """What Gradio keeps of a tunnel."""

    def __init__(self, token: str, *, stubborn: bool = False) -> None:
        self.share_token = token
        ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        code = (ignore if stubborn else "") + "print('up', flush=True);input()"
        self.proc: Any = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.proc.stdout.readline()
        self.process = self.proc

    def kill(self) -> None:
        raise AssertionError("it is put away before the interpreter ends")


@pytest.mark.parametrize("fails", [False, True])
def test_gradios_tunnel_ends_with_its_context(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Lost otherwise: a tunnel to this machine would stay open, with its process."""
    made: list[FakeTunnel] = []

    def setup(**options: Any) -> str:
        assert options["local_host"] == "127.0.0.1"
        assert options["local_port"] == 7
        assert options["share_server_address"] is None
        made.append(FakeTunnel(options["share_token"], stubborn=fails))
        tunnels.tunneling.CURRENT_TUNNELS.append(made[0])  # pyright: ignore
        if fails:
            raise ValueError("no share server")
        return "https://abc.gradio.live"

    monkeypatch.setattr(tunnels.networking, "setup_tunnel", setup)
    monkeypatch.setattr(tunnels, "END_S", 0.2)
    before = list(tunnels.tunneling.CURRENT_TUNNELS)
    if fails:
        with (
            pytest.raises(ValueError, match="no share server"),
            tunnels.open_tunnel("127.0.0.1", 7),
        ):
            pass
    else:
        with tunnels.open_tunnel("127.0.0.1", 7) as address:
            assert address == "https://abc.gradio.live"
            assert made[0].process.poll() is None
    made[0].process.stdin.close()
    assert made[0].process.poll() is not None
    assert before == tunnels.tunneling.CURRENT_TUNNELS
    assert made[0].proc is None

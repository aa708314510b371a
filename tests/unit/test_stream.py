"""fastrtc.stream: the facade's checks, inputs and outputs."""

from __future__ import annotations

import asyncio
import logging
import sys
import types
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fastrtc import AdditionalOutputs, ReplyOnPause, Stream
from fastrtc.errors import ConfigurationError, SessionClosedError
from fastrtc.options import PENDING_CANDIDATES_S
from fastrtc.stream_options import as_limit
from fastrtc.testing import LoudnessModel
from fastrtc.transports.memory import MemoryClient
from tests.support.handlers import AsyncHandler

pytestmark = pytest.mark.virtual_time


def make(handler: Any = None, **options: Any) -> Stream:
    return Stream(
        handler or AsyncHandler(), modality="audio", mode="send-receive", **options
    )


# -- checks ----------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "limit"), [("default", 1), (None, None), (7, 7)])
def test_limits(value: Any, limit: int | None) -> None:
    """Lost otherwise: a stream would take one client, or all, unasked."""
    assert as_limit(value) == limit
    assert make(concurrency_limit=value).sessions.limit == limit


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "many"])
def test_wrong_limits(value: Any) -> None:
    """Lost otherwise: a stream with a limit of 0 would refuse everybody."""
    with pytest.raises(ConfigurationError, match="concurrency_limit"):
        make(concurrency_limit=value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "both"}, "mode must be"),
        ({"modality": "smell"}, "modality must be"),
        ({"handler": lambda audio: audio}, "handler must be"),
        ({"handler": AsyncHandler}, "handler must be"),
    ],
)
def test_what_can_not_work_is_refused_at_once(options: Any, says: str) -> None:
    """Lost otherwise: a typo would show only when somebody calls."""
    arguments: Any = {
        "handler": AsyncHandler(),
        "modality": "audio",
        "mode": "send-receive",
        **options,
    }
    with pytest.raises(ConfigurationError, match=says):
        Stream(**arguments)


def test_outputs_need_their_handler() -> None:
    """Lost otherwise: components would never get their values, with no hint why."""
    with pytest.raises(ValueError, match="additional_outputs_handler"):
        make(additional_outputs=[object()])


def test_unknown_looks_are_refused() -> None:
    """Lost otherwise: a page would come up without the text box it was asked for."""
    handler = ReplyOnPause(lambda audio: None, model=LoudnessModel())
    make(handler, ui_args={"variant": "textbox"})
    options: Any = {"ui_args": {"variant": "textarea"}}
    with pytest.raises(ConfigurationError, match="textbox"):
        make(handler, **options)


@pytest.mark.parametrize("value", [0, -1, True, 1000, 2e6, "2M"])
def test_wrong_bit_rates_are_refused(value: Any) -> None:
    """Lost otherwise: a rate in kbit/s would be a picture of a few blocks."""
    with pytest.raises(ConfigurationError, match="bits per second"):
        make(video_bit_rate=value)


@pytest.mark.parametrize("place", ["Spaces", "Colab"])
def test_hosted_without_a_turn_server_is_refused(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: a Space would stay at "waiting" with no hint why."""
    if place == "Spaces":
        monkeypatch.setenv("SYSTEM", "spaces")
    else:
        colab = types.ModuleType("google.colab")
        monkeypatch.setitem(sys.modules, "google.colab", colab)
    with pytest.raises(ConfigurationError, match=f"{place}.*rtc_configuration"):
        make().check_environment()
    make(rtc_configuration={"iceServers": []}).check_environment()


def test_elsewhere_no_turn_server_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: nobody could try an app on his own machine."""
    monkeypatch.delenv("SYSTEM", raising=False)
    make().check_environment()


# -- inputs and outputs ----------------------------------------------------------------


async def test_inputs_reach_the_handler() -> None:
    """Lost otherwise: set_input from a FastAPI route would do nothing."""
    stream = make()
    client = MemoryClient(stream.sessions, "me")
    stream.set_input("me", 1, 2)
    await asyncio.sleep(0)
    assert client.session.handler.latest_args == ["__webrtc_value__", 1, 2]
    await client.hang_up()


async def test_component_defaults_are_the_first_inputs() -> None:
    """Lost otherwise: replies would wait until somebody touches the page."""

    class Component:
        value = 5

        def preprocess(self, payload: Any) -> Any:
            return payload * 2

    stream = make(additional_inputs=[Component()])
    client = MemoryClient(stream.sessions)
    assert client.session.handler.latest_args == ["__webrtc_value__", 10]
    await client.hang_up()


async def test_output_streams_give_all_outputs_to_all_readers() -> None:
    """Lost otherwise: two pages of one session would share the outputs out."""
    stream = make()

    async def read() -> list[Any]:
        return [item.args async for item in stream.output_stream("me")]

    early = [asyncio.ensure_future(read()) for _ in range(2)]
    await asyncio.sleep(1)
    client = MemoryClient(stream.sessions, "me")
    for n in range(3):
        client.session.outputs.add(AdditionalOutputs(n))
        await asyncio.sleep(0.1)
    late = asyncio.ensure_future(read())
    await client.hang_up()
    assert await asyncio.gather(*early, late) == [[(0,), (1,), (2,)]] * 3


async def test_the_latest_output() -> None:
    """Lost otherwise: a route that fetches the next output would fail."""
    stream = make()
    client = MemoryClient(stream.sessions, "me")
    waiting = asyncio.ensure_future(stream.fetch_latest_output("me"))
    await asyncio.sleep(1)
    for n in range(2):
        client.session.outputs.add(AdditionalOutputs(n))
    assert (await waiting).args == (0,)
    assert (await stream.fetch_latest_output("me")).args == (1,)
    await client.hang_up()
    with pytest.raises(SessionClosedError):
        await stream.fetch_latest_output("me")


async def test_unknown_sessions() -> None:
    """Lost otherwise: asking for a made-up id would hang for ever."""
    stream = make()
    loop = asyncio.get_running_loop()
    assert [item async for item in stream.output_stream("nobody")] == []
    assert loop.time() == pytest.approx(PENDING_CANDIDATES_S)
    with pytest.raises(SessionClosedError, match="nobody"):
        await stream.fetch_latest_output("nobody")


# -- offers and routes -----------------------------------------------------------------


async def test_offers_that_can_not_work_are_answered_and_hold_no_slot() -> None:
    """Lost otherwise: garbage would take the only slot for good."""
    stream = make()
    for sdp in ("garbage", "v=0\r\n", "v=0\r\ngarbage\r\n"):
        answer = await stream.offer({"type": "offer", "sdp": sdp, "webrtc_id": "x"})
        assert answer["status"] == "failed"
        assert answer["meta"]["error"] == "invalid_offer"
        assert len(stream.sessions) == 0


async def test_a_failing_rtc_configuration_holds_no_slot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a TURN service that is down would lock everyone out."""

    def credentials() -> Any:
        raise ConnectionError("secret")

    stream = make(rtc_configuration=credentials)
    offer = {"type": "offer", "sdp": "v=0\r\n", "webrtc_id": "x"}
    answer = await stream.offer(offer)
    assert answer["meta"]["error"] == "rtc_configuration_failed"
    assert "secret" not in str(answer)
    assert "ConnectionError: secret" in caplog.text
    assert len(stream.sessions) == 0


def test_the_routes_of_a_mounted_stream(caplog: pytest.LogCaptureFixture) -> None:
    """Lost otherwise: pages of one's own could not connect."""
    caplog.set_level(logging.INFO, "fastrtc")
    app = FastAPI()
    stream = make()
    stream.mount(app, path="/bot")
    with TestClient(app) as client:
        assert "POST /bot/webrtc/offer" in caplog.text
        route = "/bot/webrtc/offer"
        assert client.post(route, json={"type": "offer"}).status_code == 422
        assert client.post(route, content=b"{").status_code == 422
        assert client.post(route, content=b"[" * 50_000).status_code == 422
        assert client.post(route, content=b" " * 300_000).status_code == 413
        answer = client.post(
            route, json={"type": "offer", "sdp": "x", "webrtc_id": "a"}
        )
        assert answer.status_code == 200
        assert answer.json()["meta"]["error"] == "invalid_offer"
        candidate = {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}
        body = {"type": "ice-candidate", "webrtc_id": "a", "candidate": candidate}
        assert client.post(route, json=body).json() == {"status": "success"}


def test_a_quiet_stream_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Lost otherwise: verbose=False would have no effect."""
    caplog.set_level(logging.INFO, "fastrtc")
    app = FastAPI()
    make(verbose=False).mount(app)
    with TestClient(app):
        assert caplog.text == ""


def test_a_server_may_start_and_stop_again() -> None:
    """Lost otherwise: a restarted app would refuse all clients."""
    app = FastAPI()
    stream = make()
    stream.mount(app)
    for _ in range(2):
        with TestClient(app):
            assert not stream.sessions._draining
        assert stream.sessions._draining

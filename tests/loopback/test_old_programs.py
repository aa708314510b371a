"""Programs written for the predecessor run unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from .client import calling
from .echoes import assert_echoes, assert_undisturbed
from .old_programs import (
    AskingHandler,
    AskingInThreads,
    EchoHandler,
    ServiceHandler,
)
from .support import serving
from .tones import LEFT_HZ, tone

pytestmark = pytest.mark.loopback


def test_the_older_import_name_gives_the_same_things() -> None:
    """Without it, programs that import gradio_webrtc would not start."""
    import fastrtc
    from gradio_webrtc import StreamHandler as OldName
    from gradio_webrtc import WebRTC

    assert OldName is fastrtc.StreamHandler
    assert WebRTC is fastrtc.WebRTC


async def test_the_echo_of_the_documentation() -> None:
    """Without it, the first program of the documentation would not talk."""
    async with serving(EchoHandler()) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            await assert_echoes(server, client, LEFT_HZ)
            assert client.messages == []
        await server.closed(client.id)


async def test_a_blocking_emit_does_not_hold_up_the_server() -> None:
    """Without it, one waiting handler would make everybody's audio stutter."""
    async with (
        serving(EchoHandler()) as server,
        # Neither of these sends anything: both emits block.
        calling(server, None),
        calling(server, None),
        calling(server, tone(LEFT_HZ)) as client,
    ):
        await client.listen(0.2)
        client.forget()
        await assert_undisturbed(server, client)


async def test_a_handler_that_talks_to_a_service() -> None:
    """Without it, handlers for Gemini, OpenAI and the like would stay mute."""
    calls: list[str] = []
    async with serving(ServiceHandler(calls)) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            await client.message("send_input")
            server.stream.set_input(client.id, "key", "Puck")
            await assert_echoes(server, client, LEFT_HZ)
            assert [m["type"] for m in client.messages] == ["send_input"]
        await server.closed(client.id)
        assert calls == ["key Puck", "open", "close"]


@pytest.mark.parametrize("kind", [AskingHandler, AskingInThreads])
async def test_a_handler_waits_for_the_inputs_it_asks_for(kind: Any) -> None:
    """Without it, handlers would run without what the user has set."""
    got: list[Any] = []
    async with serving(kind(got)) as server:
        async with calling(server) as client:
            await client.message("send_input")
            assert got == []
            server.stream.set_input(client.id, "Ada", 3)
            await client.listen(0.3)
        await server.closed(client.id)
        assert got == [["__webrtc_value__", "Ada", 3]]


async def test_a_handler_that_waits_for_inputs_for_ever_ends_with_its_call() -> None:
    """Without it, every page that sends no inputs would cost a thread."""
    async with serving(AskingInThreads([])) as server:
        async with calling(server) as client:
            await client.message("send_input")
        await server.closed(client.id)


async def test_on_the_phone_nobody_is_asked() -> None:
    """Without it, a handler would wait for ever for inputs a phone can't give."""
    got: list[Any] = []
    async with (
        serving(AskingHandler(got, phone=True)) as server,
        calling(server) as client,
    ):
        await client.listen(0.3)
        assert got == [[None]]
        assert client.messages == []

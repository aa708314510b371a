"""Texts to the client over the data channel, and who they are for."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import Any

import pytest

import fastrtc
from fastrtc import (
    AdditionalOutputs,
    AsyncStreamHandler,
    CloseStream,
    StreamHandler,
    WebRTCError,
    get_current_context,
)

from .client import calling
from .handlers import Echo
from .support import serving

pytestmark = pytest.mark.loopback


def log(text: str) -> str:
    return json.dumps({"type": "log", "data": text})


class Talkative(AsyncStreamHandler):
    """Sends a message from each of its coroutines."""

    def copy(self) -> Talkative:
        return Talkative()

    async def start_up(self) -> None:
        await self.send_message(log("start_up " + get_current_context().webrtc_id))

    async def receive(self, frame: Any) -> None:
        await self.send_message(log("receive " + get_current_context().webrtc_id))

    async def emit(self) -> None:
        await self.send_message(log("emit " + get_current_context().webrtc_id))
        await asyncio.get_running_loop().create_future()


class TalkativeInThreads(StreamHandler):
    """The same in threads."""

    def copy(self) -> TalkativeInThreads:
        return TalkativeInThreads()

    def tell(self, where: str) -> None:
        assert threading.current_thread().name == "fastrtc-worker"
        self.send_message_sync(log(f"{where} {get_current_context().webrtc_id}"))

    def start_up(self) -> None:
        self.tell("start_up")

    def receive(self, frame: Any) -> None:
        self.tell("receive")

    def emit(self) -> None:
        self.tell("emit")


@pytest.mark.parametrize("kind", [Talkative, TalkativeInThreads])
async def test_messages_of_a_handler_reach_its_own_client(kind: Any) -> None:
    """Without it, pages would show nothing, or another user's texts."""
    async with (
        serving(kind()) as server,
        calling(server, webrtc_id="one") as one,
        calling(server, webrtc_id="two") as two,
    ):
        for client in (one, two):
            for where in ("start_up", "receive", "emit"):
                await client.message("log", f"{where} {client.id}")
            owners = {str(message["data"]).split()[1] for message in client.messages}
            assert owners == {client.id}


class Failing(AsyncStreamHandler):
    """Says once what it is made to say, in `receive`."""

    def __init__(self, act: Any) -> None:
        super().__init__()
        self.act = act

    def copy(self) -> Failing:
        return Failing(self.act)

    async def receive(self, frame: Any) -> None:
        act, self.act = self.act, None
        if act is not None:
            act()

    async def emit(self) -> None:
        await asyncio.get_running_loop().create_future()


def refuse() -> None:
    raise WebRTCError("Please speak up.")


def blunder() -> None:
    raise ValueError("the password is 1234")


def warn() -> None:
    fastrtc.Warning("The line is bad.")


async def test_a_webrtc_error_is_shown_in_its_own_words() -> None:
    """Without it, users would not be told what the app wants them to know."""
    async with serving(Failing(refuse)) as server, calling(server) as client:
        message = await client.message("error")
        assert message["data"] == "Please speak up."
        assert await server.session_ids() == [client.id]
        shown = [m for m in client.messages if m["type"] == "error"]
        assert len(shown) == 1


async def test_other_errors_are_logged_and_shown_without_their_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without it, errors would be lost, or secrets shown to users."""
    with caplog.at_level(logging.ERROR, "fastrtc"):
        async with serving(Failing(blunder)) as server, calling(server) as client:
            message = await client.message("error")
            assert "1234" not in json.dumps(message)
            assert "receive" in message["data"]
            assert await server.session_ids() == [client.id]
    assert "the password is 1234" in caplog.text
    assert "Traceback" in caplog.text


async def test_a_warning_reaches_the_page() -> None:
    """Without it, apps could not warn their users."""
    async with serving(Failing(warn)) as server, calling(server) as client:
        assert (await client.message("warning"))["data"] == "The line is bad."


class Publishing(AsyncStreamHandler):
    """Publishes three outputs, then closes."""

    def __init__(self) -> None:
        super().__init__()
        self.given = 0

    def copy(self) -> Publishing:
        return Publishing()

    async def receive(self, frame: Any) -> None:
        return None

    async def emit(self) -> Any:
        self.given += 1
        if self.given <= 3:
            return AdditionalOutputs(self.given)
        return CloseStream("That is all.")


async def test_outputs_reach_their_readers_and_close_stream_ends_the_call() -> None:
    """Without it, transcripts would not reach the page, or calls never end."""
    async with serving(Publishing()) as server:

        async def read() -> list[Any]:
            outputs = server.stream.output_stream("reader")
            return [item.args[0] async for item in outputs]

        reading = asyncio.ensure_future(server.run(read()))
        async with calling(server, webrtc_id="reader") as client:
            assert (await client.message("end_stream"))["data"] == "That is all."
            await client.closed()
            kinds = [message["type"] for message in client.messages]
            assert kinds == ["fetch_output"] * 3 + ["end_stream"]
        assert await reading == [1, 2, 3]


async def test_texts_from_the_client_do_no_harm() -> None:
    """Without it, anybody with a browser could end a server's sessions."""
    async with serving(Echo()) as server, calling(server) as client:
        for text in ("", "not json", "{}", "[" * 5_000, "x" * 60_000):
            client.channel.send(text)
        client.channel.send(b"\x00\xff" * 1_000)
        await client.listen(0.5)
        assert await server.session_ids() == [client.id]
        assert client.messages == []

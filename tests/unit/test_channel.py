"""fastrtc.session.channel: texts to the client, in order, from anywhere."""

from __future__ import annotations

import asyncio

from fastrtc.options import MAX_PENDING_MESSAGES
from fastrtc.session.channel import MessageChannel


async def test_texts_wait_in_order_for_the_channel() -> None:
    """Lost otherwise: what happens while connecting would never be told."""
    channel = MessageChannel(asyncio.get_running_loop())
    sent: list[str] = []
    assert channel.readyState == "connecting"
    channel.send("a")
    channel.send("b")
    channel.open(sent.append)
    assert channel.readyState == "open"
    channel.send("c")
    assert sent == ["a", "b", "c"]


async def test_waiting_texts_are_bounded() -> None:
    """Lost otherwise: a client without a data channel would fill the memory."""
    channel = MessageChannel(asyncio.get_running_loop())
    for n in range(MAX_PENDING_MESSAGES + 5):
        channel.send(str(n))
    sent: list[str] = []
    channel.open(sent.append)
    assert sent == [str(n) for n in range(5, MAX_PENDING_MESSAGES + 5)]


async def test_texts_from_threads_are_sent_on_the_loop() -> None:
    """Lost otherwise: send_message_sync would corrupt the connection's state."""
    loop = asyncio.get_running_loop()
    channel = MessageChannel(loop)
    sent: list[tuple[str, object]] = []
    done = asyncio.Event()

    def send(text: str) -> None:
        sent.append((text, asyncio.get_running_loop()))
        if len(sent) == 2:
            done.set()

    channel.open(send)
    await asyncio.to_thread(lambda: (channel.send("a"), channel.send("b")))
    await done.wait()
    assert sent == [("a", loop), ("b", loop)]


async def test_a_closed_channel_is_silent() -> None:
    """Lost otherwise: a late message would raise inside user code."""
    channel = MessageChannel(asyncio.get_running_loop())
    sent: list[str] = []
    channel.open(sent.append)
    channel.close()
    channel.send("a")
    channel.open(sent.append)
    assert channel.readyState == "closed"
    await asyncio.to_thread(channel.send, "b")
    assert sent == []


def test_sending_after_the_loop_has_closed_is_silent() -> None:
    """Lost otherwise: threads of user code would crash at the server's end."""

    async def make() -> MessageChannel:
        return MessageChannel(asyncio.get_running_loop())

    channel = asyncio.run(make())
    channel._thread = -1  # as if this were another thread
    channel.send("a")
    assert channel.readyState == "closed"

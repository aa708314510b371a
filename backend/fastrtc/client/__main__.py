"""Talk to a stream from a terminal: `python -m fastrtc.client http://127.0.0.1:8000`.

Wear headphones: unlike a browser it doesn't take the bot's echo out of the microphone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

from ..errors import FastRTCError
from .call import Call
from .connecting import connect
from .devices import Microphone, Speaker
from .messages import Caption, EndStream, ErrorMessage, Log, Message, WarningMessage

WHO = {"user": "you", "assistant": "bot"}
EVENTS = {"started_talking": "(listening)", "pause_detected": "(thinking)"}


def line_for(message: Message) -> str | None:
    """What a message says to people; None for those that say nothing."""
    if isinstance(message, Caption):
        return f"{WHO[message.role]}: {message.text}" if message.final else None
    if isinstance(message, Log):
        return EVENTS.get(message.event)
    if isinstance(message, ErrorMessage):
        return f"error: {message.text}"
    if isinstance(message, WarningMessage):
        return f"warning: {message.text}"
    if isinstance(message, EndStream):
        return f"(the end: {message.reason})"
    return None


async def talk(call: Call, microphone: Microphone, speaker: Speaker) -> None:
    """Connect a call to the devices until it ends."""

    async def speak() -> None:
        async for clip in microphone:
            await call.say(clip)

    async def listen() -> None:
        async for clip in call.audio():
            await speaker.play(clip)

    async def read() -> None:
        async for message in call.messages():
            if (line := line_for(message)) is not None:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()

    await _until_one_ends(speak(), listen(), read())


async def _until_one_ends(*works: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def run(arguments: argparse.Namespace) -> None:
    """One call, from the terminal's arguments."""
    async with (
        Microphone(arguments.microphone) as microphone,
        Speaker(arguments.speaker) as speaker,
        connect(arguments.url, transport=arguments.transport) as call,
    ):
        sys.stdout.write("Connected. Speak; Ctrl-C hangs up.\n")
        sys.stdout.flush()
        await talk(call, microphone, speaker)


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The terminal's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m fastrtc.client", description="Talk to a stream."
    )
    parser.add_argument("url", help="where the stream is mounted")
    parser.add_argument(
        "--transport", choices=("webrtc", "websocket"), default="webrtc"
    )
    device = "a device of those that `python -m sounddevice` lists"
    parser.add_argument("--microphone", type=_device, help=device)
    parser.add_argument("--speaker", type=_device, help=device)
    return parser.parse_args(words)


def _device(word: str) -> int | str:
    return int(word) if word.isdecimal() else word


def main() -> int:
    """Run the program; the exit code of it."""
    arguments = parse_arguments()
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(run(arguments))
        except FastRTCError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Stream handlers as programs written for FastRTC have them.

Their structure is that of the predecessor's documentation; a service on the
internet is replaced by a small class that stands in for its client.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from queue import Queue
from typing import Any, Literal

import numpy as np

from fastrtc import AsyncStreamHandler
from gradio_webrtc import StreamHandler


class EchoHandler(StreamHandler):
    """Doesn't call `super().__init__()`, and its `emit` blocks."""

    def __init__(self) -> None:
        self.queue: Queue[Any] = Queue()

    def receive(self, frame: tuple[int, Any]) -> None:
        self.queue.put(frame)

    def emit(self) -> Any:
        return self.queue.get()

    def copy(self) -> StreamHandler:
        return EchoHandler()

    def shutdown(self) -> None:
        pass

    def start_up(self) -> None:
        pass


class Service:
    """A service that says what it hears; opened and closed as its client is."""

    calls: list[str]

    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    async def __aenter__(self) -> Service:
        self.calls.append("open")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.calls.append("close")

    async def start_stream(
        self, stream: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        async for audio in stream:
            yield audio


class ServiceHandler(AsyncStreamHandler):
    """Talks to a service: inputs first, then a stream both ways in `start_up`."""

    def __init__(
        self,
        calls: list[str],
        expected_layout: Literal["mono"] = "mono",
        output_sample_rate: int = 24_000,
        output_frame_size: int = 480,
    ) -> None:
        super().__init__(
            expected_layout,
            output_sample_rate,
            output_frame_size,
            input_sample_rate=24_000,
        )
        self.calls = calls
        self.input_queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.output_queue: asyncio.Queue[Any] = asyncio.Queue()
        self.quit: asyncio.Event = asyncio.Event()

    def copy(self) -> ServiceHandler:
        return ServiceHandler(
            self.calls,
            expected_layout="mono",
            output_sample_rate=self.output_sample_rate,
            output_frame_size=self.output_frame_size,
        )

    async def start_up(self) -> None:
        await self.wait_for_args()
        api_key, voice_name = self.latest_args[1:]
        self.calls.append(f"{api_key} {voice_name}")
        async with Service(self.calls) as session:
            async for audio in session.start_stream(self.stream()):
                array = np.frombuffer(audio, dtype=np.int16)
                self.output_queue.put_nowait(array)

    async def stream(self) -> AsyncGenerator[bytes, None]:
        while not self.quit.is_set():
            try:
                audio = await asyncio.wait_for(self.input_queue.get(), 0.1)
                yield audio
            except (asyncio.TimeoutError, TimeoutError):
                pass

    async def receive(self, frame: tuple[int, Any]) -> None:
        _, array = frame
        array = array.squeeze()
        self.input_queue.put_nowait(array.tobytes())

    async def emit(self) -> tuple[int, Any]:
        array = await self.output_queue.get()
        return (self.output_sample_rate, array)

    def shutdown(self) -> None:
        self.quit.set()


class AskingHandler(AsyncStreamHandler):
    """Asks for inputs in `emit`, unless it is on the phone."""

    def __init__(self, got: list[Any], phone: bool = False) -> None:
        super().__init__()
        self.got = got
        self.phone = phone

    def copy(self) -> AskingHandler:
        made = AskingHandler(self.got)
        made.phone_mode = self.phone
        return made

    async def receive(self, frame: tuple[int, Any]) -> None:
        return None

    async def emit(self) -> Any:
        if self.phone_mode:
            self.latest_args = [None]
        else:
            await self.wait_for_args()
        if not self.got:
            self.got.append(list(self.latest_args))
            return (24_000, np.full((1, 9_600), 1_000, np.int16))
        return None


class AskingInThreads(StreamHandler):
    """The same with ordinary methods."""

    def __init__(self, got: list[Any]) -> None:
        super().__init__()
        self.got = got

    def copy(self) -> AskingInThreads:
        return AskingInThreads(self.got)

    def receive(self, frame: tuple[int, Any]) -> None:
        self.wait_for_args_sync()

    def emit(self) -> Any:
        self.wait_for_args_sync()
        if not self.got:
            self.got.append(list(self.latest_args))
            return (24_000, np.full((1, 9_600), 1_000, np.int16))
        return None

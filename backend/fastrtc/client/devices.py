"""This machine's microphone and speaker, by PortAudio (the extra `client`)."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from ..audio import AudioArray, StreamResampler
from ..errors import AudioDeviceError, MissingExtraError
from ..options import FRAME_MS
from .inbox import Inbox
from .voice import parse_clip

MICROPHONE_S = 2.0
"""Of the microphone's audio that waits to be taken; then the oldest goes."""
SPEAKER_S = 0.2
"""Of audio that waits for the speaker when `play` returns."""


class _Device:
    """A PortAudio stream that is open within `async with`."""

    kind = ""

    def __init__(self, device: int | str | None, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._device = device
        self._stream: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._stream = await asyncio.to_thread(self._open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stream, self._stream = self._stream, None
        await asyncio.to_thread(_close, stream)
        self._on_close()

    def _on_close(self) -> None:
        """Wake whoever waits for the device."""
        raise NotImplementedError

    def _open(self) -> Any:
        portaudio = _sounddevice(type(self).__name__)
        stream_of = getattr(portaudio, f"{self.kind}Stream")
        try:
            stream = stream_of(
                samplerate=self.sample_rate,
                blocksize=self.sample_rate * FRAME_MS // 1000,
                device=self._device,
                channels=1,
                dtype="int16",
                callback=self._on_block,
            )
            stream.start()
        except Exception as error:
            raise AudioDeviceError(
                f"The {type(self).__name__.lower()} can't be opened: {error}"
            ) from error
        return stream

    def _on_block(
        self, block: NDArray[np.int16], frames: int, time: object, status: object
    ) -> None:
        """Called by PortAudio, in its own thread, for each 20 ms."""
        raise NotImplementedError


class Microphone(_Device):
    """`async with Microphone() as microphone: async for clip in microphone: …`.

    Gives `(sample_rate, int16 (1, samples))`, 20 ms each. 2 s wait to be taken; then
    the oldest goes.

    Args:
        device: number or name, as `python -m sounddevice` lists them; None is the
            system's own choice.
        sample_rate: Hz.

    Raises:
        MissingExtraError: (when entered) the extra `client` is not installed.
        AudioDeviceError: (when entered) there is no such device, or it is in use.
    """

    kind = "Input"

    def __init__(
        self, device: int | str | None = None, *, sample_rate: int = 48_000
    ) -> None:
        super().__init__(device, sample_rate)
        self._blocks: Inbox[NDArray[np.int16]] = Inbox(
            round(MICROPHONE_S * 1000 / FRAME_MS)
        )

    def _on_block(
        self, block: NDArray[np.int16], frames: int, time: object, status: object
    ) -> None:
        samples = block.reshape(1, -1).copy()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._blocks.put, samples)

    def _on_close(self) -> None:
        self._blocks.end()

    async def __aiter__(self) -> AsyncIterator[tuple[int, NDArray[np.int16]]]:
        async for samples in self._blocks.each():
            yield self.sample_rate, samples


class Speaker(_Device):
    """`async with Speaker() as speaker: await speaker.play((rate, array))`.

    Args:
        device: as for the microphone.
        sample_rate: Hz; what is played is resampled.

    Raises:
        MissingExtraError: (when entered) the extra `client` is not installed.
        AudioDeviceError: (when entered) there is no such device, or it is in use.
    """

    kind = "Output"

    def __init__(
        self, device: int | str | None = None, *, sample_rate: int = 48_000
    ) -> None:
        super().__init__(device, sample_rate)
        self._lock = threading.Lock()
        self._waiting: deque[NDArray[np.int16]] = deque()
        self._samples = 0
        self._played = asyncio.Event()
        self._resampler: StreamResampler | None = None

    async def play(self, clip: tuple[int, AudioArray]) -> None:
        """Play a clip after those before it.

        Returns when all but its last 200 ms has been played.

        Raises:
            OutputError: it is no clip.
        """
        parsed = parse_clip(clip)
        if parsed is None:
            return
        if self._resampler is None or self._resampler.from_hz != parsed.sample_rate_hz:
            self._resampler = StreamResampler(parsed.sample_rate_hz, self.sample_rate)
        samples = self._resampler.push(parsed.samples)[0]
        with self._lock:
            self._waiting.append(samples)
            self._samples += samples.size
        while self._stream is not None and self._samples > SPEAKER_S * self.sample_rate:
            self._played.clear()
            await self._played.wait()

    def _on_close(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Play nothing of what waits."""
        with self._lock:
            self._waiting.clear()
            self._samples = 0
        self._played.set()

    def _on_block(
        self, block: NDArray[np.int16], frames: int, time: object, status: object
    ) -> None:
        filled = 0
        with self._lock:
            while filled < frames and self._waiting:
                piece = self._waiting.popleft()
                part = piece[: frames - filled]
                block[filled : filled + part.size, 0] = part
                filled += part.size
                if part.size < piece.size:
                    self._waiting.appendleft(piece[part.size :])
            self._samples -= filled
        block[filled:] = 0
        if filled:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._played.set)


def _close(stream: Any) -> None:
    stream.stop()
    stream.close()


def _sounddevice(who: str) -> Any:
    try:
        return importlib.import_module("sounddevice")
    except ImportError as error:
        raise MissingExtraError("client", who) from error
    except OSError as error:
        raise AudioDeviceError(
            f"{who} needs the PortAudio library ({error}); on Debian and Ubuntu: "
            "apt install libportaudio2"
        ) from error

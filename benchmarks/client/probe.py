"""One caller that hears as a browser does: it decodes, and notes what comes when."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.audio.frame import AudioFrame

from ..speech import FRAME_S, FRAME_SAMPLES, RATE_HZ, Samples, noise
from .call import call, hang_up

LOUD_RMS = 800.0
"""Above what a codec makes of silence, and far below the tones (8,500)."""

Heard = tuple[float, float]
"""When a frame was heard, seconds of `time.perf_counter`, and its RMS."""


class Microphone(MediaStreamTrack):
    """Says what it is told to, and between that the noise of a quiet room."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._room = list(noise(10.0, seed=99).reshape(-1, FRAME_SAMPLES))
        self._to_say: list[Samples] = []
        self._said: asyncio.Future[float] | None = None
        self._began_s = 0.0
        self._sent = 0

    def say(self, frames: Sequence[Samples]) -> asyncio.Future[float]:
        """Say frames from now on.

        Returns:
            A future that gives, when the first of them is handed over, the time
            of that: `time.perf_counter`, seconds.
        """
        self._to_say = list(reversed(frames))
        self._said = asyncio.get_running_loop().create_future()
        return self._said

    async def recv(self) -> AudioFrame:
        if not self._sent:
            self._began_s = time.perf_counter()
        due_s = self._began_s + self._sent * FRAME_S
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        frame = AudioFrame.from_ndarray(self._next().reshape(1, -1), "s16", "mono")
        frame.sample_rate = RATE_HZ
        frame.pts = self._sent * FRAME_SAMPLES
        frame.time_base = fractions.Fraction(1, RATE_HZ)
        self._sent += 1
        return frame

    def _next(self) -> Samples:
        if self._to_say:
            if self._said is not None and not self._said.done():
                self._said.set_result(time.perf_counter())
            return self._to_say.pop()
        return self._room[self._sent % len(self._room)]


class Probe:
    """A call, and what is heard in it.

    Attributes:
        microphone: what it says.
        heard: one entry a frame.
    """

    def __init__(self) -> None:
        self.microphone = Microphone()
        self.heard: list[Heard] = []
        self._listening: asyncio.Task[None] | None = None
        self._came = asyncio.Event()

    def on_track(self, track: MediaStreamTrack) -> None:
        """Listen to the server's audio."""
        self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                samples = frame.to_ndarray().astype(np.float32)
                rms = float(np.sqrt((samples**2).mean()))
                self.heard.append((time.perf_counter(), rms))
                self._came.set()

    async def until_loud(self, patience_s: float) -> bool:
        """Wait until something is heard from now on; whether it was in time."""
        return await self._until(self._is_loud, patience_s)

    def _is_loud(self) -> bool:
        return bool(self.heard) and self.heard[-1][1] > LOUD_RMS

    async def _until(self, true: Callable[[], bool], patience_s: float) -> bool:
        async def wait() -> None:
            while not true():
                self._came.clear()
                await self._came.wait()

        try:
            await asyncio.wait_for(wait(), patience_s)
        except asyncio.TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """Neither speak nor listen any more."""
        self.microphone.stop()
        if self._listening is not None:
            self._listening.cancel()


@contextlib.asynccontextmanager
async def probing(url: str) -> AsyncGenerator[Probe, None]:
    """A connected probe, hung up at the end."""
    probe = Probe()
    pc = await call(url, probe.microphone, probe.on_track)
    try:
        yield probe
    finally:
        await hang_up([pc])
        probe.stop()


def onsets_s(heard: Sequence[Heard], quiet_s: float) -> list[float]:
    """When it became loud after at least `quiet_s` of quiet."""
    found: list[float] = []
    last_loud_s = -np.inf
    for at_s, rms in heard:
        if rms > LOUD_RMS:
            if at_s - last_loud_s > quiet_s:
                found.append(at_s)
            last_loud_s = at_s
    return found


def silent_after_s(heard: Sequence[Heard], since_s: float, quiet_s: float) -> float:
    """When it was last loud, before the first `quiet_s` of quiet after `since_s`."""
    last_loud_s = since_s
    for at_s, rms in heard:
        if rms > LOUD_RMS and at_s > since_s:
            if at_s - last_loud_s > quiet_s:
                break
            last_loud_s = at_s
    return last_loud_s

"""What is said and heard in a call, whatever carries it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..speech import FRAME_SAMPLES, Samples, noise

LOUD_RMS = 800.0
"""Above what a codec makes of silence, and far below the tones (8,500)."""
ECHO_DELAY_S = 0.06
"""From a loudspeaker's playing to the microphone's frame, in a browser without
echo cancellation."""
LOOK_S = 0.02
RECENT_S = 0.1
"""Frames come each 20 ms, on a busy machine with some delay."""


class Heard(NamedTuple):
    """One frame that was heard.

    Attributes:
        at_s: when, on the line's clock.
        rms: its root mean square, of int16 values.
        crossings: how often its samples change their sign, which tells tones apart.
    """

    at_s: float
    rms: float
    crossings: int


class Line:
    """A user's microphone and loudspeaker.

    The microphone says what it is told to, and between that the noise of a quiet
    room. What the loudspeaker plays may leak into it.

    Args:
        clock: the time, seconds.

    Attributes:
        heard: one entry a frame.
        leak_db: how much of what is heard comes back by the microphone, dB; None
            for nothing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.now_s = clock
        self.heard: list[Heard] = []
        self.leak_db: float | None = None
        self._room = list(noise(10.0, seed=99).reshape(-1, FRAME_SAMPLES))
        self._to_say: list[Samples] = []
        self._said: asyncio.Future[float] | None = None
        self._sent = 0
        self._leaking: deque[tuple[float, Samples]] = deque()
        self._came = asyncio.Event()

    # -- the carrier's side ------------------------------------------------------

    def next_frame(self) -> Samples:
        """What the microphone takes up now, int16 (960,) at 48 kHz."""
        frame = self._say_next()
        self._sent += 1
        if self._leaking and self._leaking[0][0] <= self.now_s() - ECHO_DELAY_S:
            mixed = frame.astype(np.int32) + self._leaking.popleft()[1]
            frame = np.clip(mixed, -32768, 32767).astype(np.int16)
        return frame

    def _say_next(self) -> Samples:
        if self._to_say:
            if self._said is not None and not self._said.done():
                self._said.set_result(self.now_s())
            return self._to_say.pop()
        return self._room[self._sent % len(self._room)]

    def hear(self, samples: Samples) -> None:
        """Take what the loudspeaker plays now, int16 (960,) at 48 kHz."""
        now_s = self.now_s()
        rms = float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))
        crossings = int(np.count_nonzero(np.diff(np.signbit(samples))))
        self.heard.append(Heard(now_s, rms, crossings))
        if self.leak_db is not None:
            leak = samples * 10 ** (self.leak_db / 20)
            self._leaking.append((now_s, leak.astype(np.int16)))
        self._came.set()

    # -- the user's side ---------------------------------------------------------

    @property
    def saying(self) -> bool:
        """Not all of what is to be said was said."""
        return bool(self._to_say)

    @property
    def is_loud(self) -> bool:
        """Something is heard now; a silent server may send no frames at all."""
        if not self.heard:
            return False
        last = self.heard[-1]
        return last.rms > LOUD_RMS and self.now_s() - last.at_s < RECENT_S

    def say(self, frames: Sequence[Samples]) -> asyncio.Future[float]:
        """Say frames from now on, in place of what is left to say.

        Returns:
            A future that gives the time at which the first of them is handed over.
        """
        self._to_say = list(reversed(frames))
        self._said = asyncio.get_running_loop().create_future()
        return self._said

    async def until(self, at_s: float) -> None:
        """Let time pass."""
        await asyncio.sleep(max(0.0, at_s - self.now_s()))

    async def until_loud(self, patience_s: float) -> bool:
        """Wait until something is heard from now on; whether it was in time."""

        async def wait() -> None:
            while not self.is_loud:
                self._came.clear()
                await self._came.wait()

        try:
            await asyncio.wait_for(wait(), patience_s)
        except asyncio.TimeoutError:
            return False
        return True

    async def until_quiet(self, quiet_s: float, patience_s: float) -> None:
        """Wait until nothing was heard, nor said, for so long."""
        began_s = since_s = self.now_s()
        while self.now_s() - since_s < quiet_s:
            if self.now_s() - began_s > patience_s:
                return
            await asyncio.sleep(LOOK_S)
            if self.saying or self.is_loud:
                since_s = self.now_s()


def onsets_s(heard: Sequence[Heard], quiet_s: float) -> list[float]:
    """When it became loud after at least `quiet_s` of quiet."""
    found: list[float] = []
    last_loud_s = -np.inf
    for frame in heard:
        if frame.rms > LOUD_RMS:
            if frame.at_s - last_loud_s > quiet_s:
                found.append(frame.at_s)
            last_loud_s = frame.at_s
    return found


def silent_after_s(heard: Sequence[Heard], since_s: float, quiet_s: float) -> float:
    """When it was last loud, before the first `quiet_s` of quiet after `since_s`."""
    last_loud_s = since_s
    for frame in heard:
        if frame.rms > LOUD_RMS and frame.at_s > since_s:
            if frame.at_s - last_loud_s > quiet_s:
                break
            last_loud_s = frame.at_s
    return last_loud_s

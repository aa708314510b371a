"""What the client is about to say, in frames that leave when they are due."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..audio import AudioArray, StreamResampler
from ..errors import OutputError, SessionClosedError
from ..options import FRAME_MS
from ..outputs import Clip, parse_emission
from ..session import Frame

FRAME_S = FRAME_MS / 1000
LEAD_S = 0.2
"""So much of a clip is still to leave when `say` returns: a program that says one clip
after the other has so long to bring the next, and leaves no gap."""
LATE_LIMIT_S = 0.1
"""A frame later than this starts a new schedule, rather than a burst of late ones."""


def parse_clip(clip: tuple[int, AudioArray]) -> Clip | None:
    """The clip in `(rate, array)`, mono; None when it is empty.

    Raises:
        OutputError: it is no clip.
    """
    value = cast("object", clip)
    if not isinstance(value, tuple):
        raise OutputError(f"expected (rate, array), not a {type(value).__name__}")
    return parse_emission((*clip, "mono")).clip


class Voice:
    """A microphone without a device: clips as they are given, silence between them.

    Silence is sent too, because turn taking measures it.

    Args:
        rate_hz: of the frames.
    """

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._frame_samples = rate_hz * FRAME_MS // 1000
        self._pieces: deque[NDArray[np.int16]] = deque()
        self._queued = 0
        self._resampler: StreamResampler | None = None
        self._left = asyncio.Event()
        self._due_s: float | None = None
        self._position = 0
        self._ended: SessionClosedError | None = None

    # -- the program's side ------------------------------------------------------------

    async def say(self, clip: Clip) -> None:
        """Queue a clip, and wait until all but its last 200 ms has left.

        Raises:
            SessionClosedError: the session has ended.
        """
        self._append(self._at_own_rate(clip))
        while self._ended is None and self._queued > LEAD_S * self.rate_hz:
            self._left.clear()
            await self._left.wait()
        if self._ended is not None:
            raise self._ended

    def hush(self) -> None:
        """Say nothing of what has not left yet."""
        self._pieces.clear()
        self._queued = 0
        self._resampler = None
        self._left.set()

    def end(self, error: SessionClosedError) -> None:
        """Have everybody know that nothing is said any more."""
        self._ended = error
        self.hush()

    def _at_own_rate(self, clip: Clip) -> NDArray[np.int16]:
        resampler = self._resampler
        if resampler is None or resampler.from_hz != clip.sample_rate_hz:
            self._flush()
            resampler = StreamResampler(clip.sample_rate_hz, self.rate_hz)
            self._resampler = resampler
        return resampler.push(clip.samples)

    def _flush(self) -> None:
        """What is left in the filter of the clips before."""
        if self._resampler is not None:
            self._append(self._resampler.flush())
            self._resampler = None

    def _append(self, samples: NDArray[np.int16]) -> None:
        if samples.shape[1] and self._ended is None:
            self._pieces.append(samples)
            self._queued += samples.shape[1]

    # -- the transport's side ----------------------------------------------------------

    async def next_frame(self) -> Frame:
        """The next 20 ms, when they are due: int16 (1, rate / 50).

        Raises:
            SessionClosedError: the session has ended.
        """
        loop = asyncio.get_running_loop()
        due_s = loop.time() if self._due_s is None else self._due_s
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        if self._ended is not None:
            raise self._ended
        if loop.time() - due_s > LATE_LIMIT_S:
            due_s = loop.time()
        self._due_s = due_s + FRAME_S
        frame = Frame(self._cut(), self.rate_hz, self._position, 0)
        self._position += self._frame_samples
        return frame

    def _cut(self) -> NDArray[np.int16]:
        if self._queued < self._frame_samples:
            # The clip ends here, as far as is known.
            self._flush()
        frame = np.zeros((1, self._frame_samples), np.int16)
        filled = 0
        while filled < self._frame_samples and self._pieces:
            piece = self._pieces.popleft()
            part = piece[:, : self._frame_samples - filled]
            frame[:, filled : filled + part.shape[1]] = part
            filled += part.shape[1]
            if part.shape[1] < piece.shape[1]:
                self._pieces.appendleft(piece[:, part.shape[1] :])
        self._queued -= filled
        if filled:
            self._left.set()
        return frame

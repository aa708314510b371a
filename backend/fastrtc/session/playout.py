"""What the client is about to hear: a bounded, clearable, paced queue of audio.

Producers put clips in, the transport takes frames of 20 ms out, each when it is
due. Clearing raises the generation number: whatever belongs to an older
generation, queued or still on its way in, is never heard.

Pacing follows a schedule and not the last frame's departure: a frame that is
late leaves at once, and those behind it keep their times, so that one hiccup of
a producer doesn't delay the rest of the stream for good.

Marks stand between clips: each tells when all that was put before it has left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio import StreamResampler
from ..errors import SessionClosedError
from ..options import FRAME_MS
from ..outputs import Clip

FRAME_S = FRAME_MS / 1000
TICK_S = 1e-6
"""An event loop may fire a timer this much early; waiting again would never end."""
TAIL_FRAMES = 3
"""Frames of silence after speech that is broken off. Without them the receiver takes
the missing packets for lost ones, and goes on with a guess for another 100 ms."""
FADE_MS = 5
"""Of broken off speech into that silence; a hard end clicks."""
LATE_LIMIT_S = 0.1
"""A frame later than this starts a new schedule: a pause, not a hiccup."""
MAX_MARKS = 1000
"""Marks that wait at most: a caption for each word of several minutes."""


@dataclass(frozen=True)
class Frame:
    """20 ms of audio that is due now.

    Attributes:
        samples: int16 (channels, rate / 50).
        position: index of its first sample on a clock that runs through pauses.
        generation: of the reply it belongs to.
    """

    samples: NDArray[np.int16]
    sample_rate_hz: int
    position: int
    generation: int


@dataclass
class _Piece:
    samples: NDArray[np.int16]
    generation: int
    ends: bool


@dataclass(frozen=True)
class _Mark:
    position: int
    """Samples that leave before it, counted from the session's first one."""
    reached: Callable[[], object]


class Playout:
    """One session's queue of audio to be heard.

    Args:
        choose_rate_hz: from the rate of the first clip to the rate of all frames.

    Attributes:
        on_clear: called after each `clear`, on the event loop.
        on_empty: called when all that was queued has left. Set by a transport whose
            other end queues audio itself: what has left counts as heard out only once
            the transport calls `heard`.
        lead_s: how far ahead of their time the first frames leave after a pause, so
            that the other end has something to bridge the network's hiccups with;
            less than 0.1 s.
    """

    def __init__(
        self, choose_rate_hz: Callable[[int], int] = lambda rate: rate
    ) -> None:
        self._choose_rate_hz = choose_rate_hz
        self._rate_hz = 0
        self._channels = 1
        self._pieces: deque[_Piece] = deque()
        self._queued = 0
        self._left = 0
        self._marks: deque[_Mark] = deque()
        self._resampler: StreamResampler | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._space = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._held = False
        self._tail: deque[NDArray[np.int16]] = deque()
        self._schedule_s: float | None = None
        self._origin_s = 0.0
        self._played = 0
        self.generation = 0
        self.on_clear: Callable[[], object] | None = None
        self.on_empty: Callable[[], object] | None = None
        self.lead_s = 0.0
        self._awaiting = False

    # -- the producer's side ---------------------------------------------------

    @property
    def queued_s(self) -> float:
        """Seconds of audio waiting."""
        return self._queued / self._rate_hz if self._rate_hz else 0.0

    @property
    def played_ms(self) -> float:
        """Milliseconds handed to the transport in this generation."""
        return 1000 * self._played / self._rate_hz if self._rate_hz else 0.0

    @property
    def idle(self) -> bool:
        """Nothing is queued and the last frame has been heard out."""
        return self._idle.is_set()

    async def put(self, clip: Clip, generation: int, bound_s: float) -> bool:
        """Queue a clip, after waiting until less than `bound_s` seconds are queued.

        Returns:
            False when the generation was cleared meanwhile: the clip is dropped.

        Raises:
            SessionClosedError: the session has ended.
        """
        while self.queued_s >= bound_s and generation == self.generation:
            if self._closed:
                break
            self._space.clear()
            await self._space.wait()
        if self._closed:
            raise SessionClosedError("The session has ended.")
        if generation != self.generation:
            return False
        self._append(self._at_own_rate(clip), generation, ends=False)
        return True

    def mark(self, reached: Callable[[], object], generation: int) -> bool:
        """Have `reached` called when all that was put so far has left; once.

        At once if nothing waits, and never if it is cleared before. When too many
        wait, the oldest is called early.

        Returns:
            False when the generation was cleared meanwhile, or the session ended.
        """
        if self._closed or generation != self.generation:
            return False
        if len(self._marks) == MAX_MARKS:
            self._marks.popleft().reached()
        self._marks.append(_Mark(self._left + self._queued, reached))
        self._reach_marks()
        return True

    def _reach_marks(self) -> None:
        while self._marks and not self._held and self._marks[0].position <= self._left:
            self._marks.popleft().reached()

    def finish(self, generation: int) -> None:
        """Say that nothing follows soon: a last part of a frame goes out padded."""
        if generation != self.generation:
            return
        resampler, self._resampler = self._resampler, None
        tail = np.zeros((1, 0), np.int16)
        if resampler is not None:
            tail = resampler.flush(1 if resampler.layout == "mono" else 2)
        self._append(tail, generation, ends=True)

    def clear(self) -> float:
        """Drop all that is queued, and all that belongs to this generation.

        Returns:
            Milliseconds that were heard of this generation.
        """
        heard_ms = self.played_ms
        self._break_off()
        self.generation += 1
        self._held = False
        self._played = 0
        self._drop()
        self._resampler = None
        if self._schedule_s is None:
            # Nothing has left yet, so there is nothing to be heard out.
            self._idle.set()
        self._space.set()
        self._notify()
        if self.on_clear is not None:
            self.on_clear()
        return heard_ms

    def _drop(self) -> None:
        self._pieces.clear()
        self._marks.clear()
        self._queued = 0

    def hold(self) -> None:
        """Let nothing more be heard, and lose nothing, until `release` or `clear`."""
        if not self._held:
            self._break_off()
            self._held = True
            self._notify()

    def release(self) -> None:
        """Go on where `hold` stopped."""
        if self._held:
            self._held = False
            self._tail.clear()
            self._reach_marks()
            self._notify()

    def _break_off(self) -> None:
        """Let silence follow at once on what is being heard."""
        if self._held or not self._queued or self.idle:
            return
        first = self._pieces[0].samples if self._pieces else None
        frame = np.zeros((self._channels, self._frame_samples), np.int16)
        if first is not None:
            fade = first[:, : self._rate_hz * FADE_MS // 1000]
            ramp = np.linspace(1, 0, max(1, fade.shape[1]))[: fade.shape[1]]
            frame[:, : fade.shape[1]] = fade * ramp
        silence = np.zeros_like(frame)
        self._tail = deque([frame, *[silence] * (TAIL_FRAMES - 1)])

    async def drained(self) -> bool:
        """Wait until all that is queued has been heard; False if the session ends."""
        await self._idle.wait()
        return not self._closed

    def close(self) -> None:
        """End it: waiting producers and the transport get SessionClosedError."""
        self._closed = True
        self._drop()
        self._space.set()
        self._notify()
        self._idle.set()

    def _at_own_rate(self, clip: Clip) -> NDArray[np.int16]:
        if not self._rate_hz:
            self._rate_hz = self._choose_rate_hz(clip.sample_rate_hz)
        channels = clip.samples.shape[0]
        if clip.sample_rate_hz == self._rate_hz:
            self._resampler = None
            return clip.samples
        resampler = self._resampler
        layout = "mono" if channels == 1 else "stereo"
        if (
            resampler is None
            or resampler.from_hz != clip.sample_rate_hz
            or resampler.layout != layout
        ):
            resampler = StreamResampler(clip.sample_rate_hz, self._rate_hz, channels)
            self._resampler = resampler
        return resampler.push(clip.samples)

    def _append(
        self, samples: NDArray[np.int16], generation: int, *, ends: bool
    ) -> None:
        if not samples.shape[1]:
            if ends and self._pieces:
                self._pieces[-1].ends = True
                self._notify()
            return
        self._channels = max(self._channels, samples.shape[0])
        self._pieces.append(_Piece(samples, generation, ends))
        self._queued += samples.shape[1]
        self._idle.clear()
        self._awaiting = False
        if not self._held:
            self._tail.clear()
        self._notify()

    # -- the transport's side --------------------------------------------------

    async def next_frame(self) -> Frame:
        """The next 20 ms, as soon as they are due.

        Raises:
            SessionClosedError: the session has ended.
        """
        loop = asyncio.get_running_loop()
        while not self._closed:
            now = loop.time()
            due = now if self._schedule_s is None else self._schedule_s
            if not self._ready(now, due):
                await self._wait_until(self._patience(now, due))
            elif now < due - TICK_S:
                await self._wait_until(due)
            else:
                return self._take(now, due)
        raise SessionClosedError("The session has ended.")

    def _ready(self, now: float, due: float) -> bool:
        if self._tail:
            return True
        if not self._queued or self._held:
            return False
        if self._queued >= self._frame_samples or any(p.ends for p in self._pieces):
            return True
        # Part of a frame: the rest may be late, and zeros in its place would crackle.
        return self._schedule_s is not None and now >= due + LATE_LIMIT_S - TICK_S

    def _patience(self, now: float, due: float) -> float | None:
        """Until when to wait for audio; notes when all that was played was heard."""
        if self._idle.is_set() or self._schedule_s is None:
            return None
        if self._queued:
            return None if self._held else due + LATE_LIMIT_S
        if now < due + FRAME_S - TICK_S:
            return due + FRAME_S
        if self.on_empty is None:
            self._idle.set()
        elif not self._awaiting:
            self._awaiting = True
            self.on_empty()
        return None

    def heard(self) -> None:
        """All that has left was heard out, as far as the other end knows.

        Means nothing if more was queued since `on_empty` was called.
        """
        if self._awaiting:
            self._awaiting = False
            self._idle.set()

    async def _wait_until(self, deadline_s: float | None) -> None:
        """Wait for a change, at most until `deadline_s` on the loop's clock.

        A bare future and timer: `wait_for` would make a task for every frame.
        """
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None
        if deadline_s is not None:
            timer = loop.call_at(deadline_s, _wake, waiter)
        try:
            await waiter
        finally:
            if self._waiter is waiter:
                # Else another transport waits already.
                self._waiter = None
            if timer is not None:
                timer.cancel()

    def _notify(self) -> None:
        if self._waiter is not None:
            _wake(self._waiter)

    @property
    def _frame_samples(self) -> int:
        return self._rate_hz * FRAME_MS // 1000

    def _take(self, now: float, due: float) -> Frame:
        if self._schedule_s is None:
            self._origin_s = due = now - self.lead_s
        elif now - due > LATE_LIMIT_S:
            due = now - self.lead_s
        self._schedule_s = due + FRAME_S
        samples, generation = self._next_samples()
        # Whole frames since the first one: pauses move the clock by what they
        # last, so that the receiver's timeline has no seams inside speech.
        frames = round((due - self._origin_s) / FRAME_S)
        return Frame(samples, self._rate_hz, frames * self._frame_samples, generation)

    def _next_samples(self) -> tuple[NDArray[np.int16], int]:
        if self._tail:
            return self._tail.popleft(), self.generation
        generation = self._pieces[0].generation if self._pieces else self.generation
        samples = self._cut(self._frame_samples)
        self._played += samples.shape[1]
        self._reach_marks()
        self._space.set()
        return samples, generation

    def _cut(self, wanted: int) -> NDArray[np.int16]:
        first = self._pieces[0].samples
        if first.shape[1] >= wanted and first.shape[0] == self._channels:
            self._shorten(self._pieces[0], wanted)
            return first[:, :wanted]
        frame = np.zeros((self._channels, wanted), np.int16)
        filled = 0
        while filled < wanted and self._pieces:
            piece = self._pieces[0]
            part = piece.samples[:, : wanted - filled]
            frame[:, filled : filled + part.shape[1]] = part
            filled += part.shape[1]
            ends = piece.ends
            self._shorten(piece, part.shape[1])
            if ends and (not self._pieces or self._pieces[0] is not piece):
                break
        return frame

    def _shorten(self, piece: _Piece, by: int) -> None:
        piece.samples = piece.samples[:, by:]
        self._queued -= by
        self._left += by
        if not piece.samples.shape[1]:
            self._pieces.popleft()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)

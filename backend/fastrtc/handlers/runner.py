"""Runs one handler for one session: start-up, frames in, output out, shutdown.

User code is reached from here and from `replies` only, always by way of `calls`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from ..options import (
    CLOSE_GRACE_S,
    EMIT_ERRORS_IN_A_ROW,
    EMIT_RETRY_MS,
    INPUT_QUEUE_FRAMES,
    INPUT_QUEUE_TEXTS,
    PLAYOUT_EMIT_S,
    PLAYOUT_REPLY_S,
)
from ..outputs import CloseStream, Emission, parse_emission
from .base import AudioFrame, StreamHandlerBase
from .calls import call, iterate
from .link import Link
from .video_runner import video_runner

if TYPE_CHECKING:
    import av

logger = logging.getLogger("fastrtc")

RETRY_S = EMIT_RETRY_MS / 1000


class HandlerRunner:
    """Drives a handler's methods.

    Args:
        handler: a copy made for this session, already attached to it.
        link: the session.
    """

    def __init__(self, handler: StreamHandlerBase, link: Link) -> None:
        self.handler = handler
        self._link = link
        self._frames: deque[AudioFrame] = deque(maxlen=INPUT_QUEUE_FRAMES)
        self._arrived = asyncio.Event()
        self._nudge: asyncio.Future[None] | None = None
        self._inline: Any = handler if handler.receives_on_loop else None
        self._waiting: Any = None
        self._ending = False
        self._typed: deque[tuple[str, str]] = deque(maxlen=INPUT_QUEUE_TEXTS)
        self._reading = False
        self.video = video_runner(handler, link)
        self.dropped_frames = 0

    def start(self) -> None:
        """Start the handler's start-up, and the loops that feed and ask it."""
        self._spawn(self._start_up())
        self._spawn(self._receive_loop())
        if not self.handler.pushes:
            self._spawn(self._emit_loop())
        if self.video is not None:
            self.video.start()

    def feed_video(self, frame: av.VideoFrame, media_s: float) -> None:
        """Take a picture from the transport; never waits."""
        if self.video is not None:
            self.video.feed(frame, media_s)

    def receive_text(self, text: str) -> None:
        """Hand the handler what the user typed, one text after the other.

        Full: the oldest goes.
        """
        self._hand_over("receive_text", text)

    def receive_dtmf(self, digit: str) -> None:
        """The same with a key pressed on a telephone; in order with the texts."""
        self._hand_over("receive_dtmf", digit)

    def _hand_over(self, method: str, typed: str) -> None:
        self._typed.append((method, typed))
        if not self._reading:
            self._reading = True
            self._spawn(self._read_typed())

    async def _read_typed(self) -> None:
        try:
            while self._typed and not self._ending:
                await self._read(*self._typed.popleft())
        finally:
            self._reading = False

    async def _read(self, method: str, typed: str) -> None:
        try:
            await call(getattr(self.handler, method), typed, owner=self.handler)
        except asyncio.CancelledError as error:
            self._check_cancelled(method, error)
        except Exception as error:
            self._link.report(method, error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._link.spawn(work)

    async def _start_up(self) -> None:
        start_up = getattr(self.handler, "start_up", None)
        if start_up is None:
            return
        try:
            if self.handler.starts_on_loop:
                start_up()
            else:
                await call(start_up, owner=self.handler)
        except Exception as error:
            self._link.report("start_up", error)

    # -- frames in -------------------------------------------------------------------

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame from the transport; never waits. Full: the oldest goes."""
        if self._inline is not None and not self._frames:
            try:
                self._waiting = self._inline.receive(frame)
            except Exception as error:
                self._link.report("receive", error)
                return
            if self._waiting is None:
                return
            self._inline = None
            self._arrived.set()
            return
        if len(self._frames) == INPUT_QUEUE_FRAMES:
            self.dropped_frames += 1
        self._frames.append(frame)
        self._arrived.set()

    async def _receive_loop(self) -> None:
        while not self._ending:
            await self._arrived.wait()
            self._arrived.clear()
            await self._finish_waiting()
            while self._frames and not self._ending:
                await self._receive(self._frames.popleft())
                self._wake_emit()

    async def _finish_waiting(self) -> None:
        """Await what an inline `receive` has left to be awaited."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        try:
            await waiting
        except Exception as error:
            self._link.report("receive", error)

    async def _receive(self, frame: AudioFrame) -> None:
        receive = cast("Any", self.handler).receive
        try:
            if self.handler.receives_on_loop:
                result = receive(frame)
                if result is not None:
                    await result
            else:
                await call(receive, frame, owner=self.handler)
        except asyncio.CancelledError as error:
            self._check_cancelled("receive", error)
        except Exception as error:
            self._link.report("receive", error)

    # -- output out ------------------------------------------------------------------

    async def _emit_loop(self) -> None:
        await self._greet()
        loop = asyncio.get_running_loop()
        emit = cast("Any", self.handler).emit
        errors_in_a_row = 0
        while not self._ending:
            asked_s = loop.time()
            try:
                emission = parse_emission(await call(emit, owner=self.handler))
                errors_in_a_row = 0
            except (Exception, asyncio.CancelledError) as error:
                errors_in_a_row += 1
                self._check_cancelled("emit", error)
                if errors_in_a_row >= EMIT_ERRORS_IN_A_ROW:
                    text = "The app's emit function keeps failing."
                    await self._end(CloseStream(text))
                    return
                emission = Emission()
            if emission.empty:
                await self._wait_to_retry(asked_s)
            else:
                await self._link.deliver(
                    emission, self._link.generation, PLAYOUT_EMIT_S
                )
                if emission.close is not None:
                    # Once more, should its audio have been cleared meanwhile.
                    await self._end(emission.close)
                    return
                # An emit that never waits must not keep the loop to itself, least
                # of all when the session ends and nothing is taken any more.
                await asyncio.sleep(0)

    async def _greet(self) -> None:
        """Play the handler's greeting, should it have one, until it is cleared."""
        if type(self.handler).greet is StreamHandlerBase.greet:
            return
        generation = self._link.generation
        values = iterate(self.handler.greet, (), asyncio.Event())
        try:
            async with contextlib.aclosing(values):
                async for value in values:
                    emission = parse_emission(value)
                    if not await self._link.deliver(
                        emission, generation, PLAYOUT_REPLY_S
                    ):
                        break
        except Exception as error:
            self._link.report("greet", error)
        self._link.finish(generation)

    def _check_cancelled(self, where: str, error: BaseException) -> None:
        """Report an error, and a cancellation that isn't the session's.

        User code that awaits a task of its own gets CancelledError when that task
        was cancelled; for us it is an error like any other.
        """
        if self._ending and isinstance(error, asyncio.CancelledError):
            raise error
        self._link.report(where, error)

    async def _end(self, close: CloseStream) -> None:
        farewell = Emission(close=close)
        await self._link.deliver(farewell, self._link.generation, PLAYOUT_EMIT_S)

    async def _wait_to_retry(self, asked_s: float) -> None:
        """Wait for the next frame, at most EMIT_RETRY_MS since `emit` was asked.

        An emit that itself waited longer than that before it gave None is asked
        again at once: `wait_for_item` is written that way.
        """
        loop = asyncio.get_running_loop()
        if loop.time() - asked_s >= RETRY_S:
            await asyncio.sleep(0)
            return
        self._nudge = nudge = loop.create_future()
        timer = loop.call_later(RETRY_S, _resolve, nudge)
        try:
            await nudge
        finally:
            self._nudge = None
            timer.cancel()

    def _wake_emit(self) -> None:
        if self._nudge is not None:
            _resolve(self._nudge)

    # -- the end -----------------------------------------------------------------------

    async def shut_down(self) -> None:
        """Call the user's `shutdown`, for a bounded time."""
        # User code that swallows its cancellation must not be called again.
        self._ending = True
        if self.video is not None:
            self.video.ending = True
        shutting = asyncio.ensure_future(
            call(self.handler.shutdown, owner=self.handler)
        )
        await asyncio.wait({shutting}, timeout=CLOSE_GRACE_S)
        if not shutting.done():
            logger.warning("shutdown() took over %g s and was left", CLOSE_GRACE_S)
            shutting.cancel()
            return
        error = None if shutting.cancelled() else shutting.exception()
        if error is not None:
            self._link.report("shutdown", error)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

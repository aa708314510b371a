"""One client: its handler, its inputs and outputs, and its one end.

A transport makes frames arrive (`feed`) and takes frames and texts away
(`playout`, `channel`); the handler is driven by its runner. Whatever ends a
session, it ends by `close`, exactly once.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from ..context import Context, current_context
from ..errors import RefusedError, SessionClosedError, WebRTCError
from ..handlers.base import AudioFrame, StreamHandlerBase
from ..handlers.runner import HandlerRunner
from ..messages import create_message, error_message
from ..options import CLOSE_GRACE_S, ERROR_MESSAGE_INTERVAL_S, OUTPUTS_GRACE_S
from ..outputs import Emission
from .channel import MessageChannel
from .inputs import Inputs
from .outputs_log import OutputsLog
from .playout import Playout

logger = logging.getLogger("fastrtc")

CANCEL_ROUNDS = 3
"""One for what runs, one for what that begins in its end, one for what ignores it."""

State: TypeAlias = Literal["connecting", "connected", "closed"]


class Transport(Protocol):
    """What a session asks of whatever carries it."""

    def choose_rate_hz(self, rate_hz: int) -> int:
        """The rate frames are wanted at, given the first clip's."""
        ...

    async def disconnect(self) -> None:
        """Cut the connection; called once, from the session's close."""
        ...


class Session:
    """One client's session. Its methods are called on its event loop only.

    Args:
        session_id: the client's name for it.
        handler: a copy of the handler, this session's own.
        defaults: values of the additional inputs until the page sends its own.
        inputs_announced: a page will send them.
    """

    def __init__(
        self,
        session_id: str,
        handler: StreamHandlerBase,
        *,
        defaults: Sequence[Any] | None = None,
        inputs_announced: bool = False,
    ) -> None:
        self.id = session_id
        self.handler = handler
        self.loop = asyncio.get_running_loop()
        self.channel = MessageChannel(self.loop)
        self.context = Context(session_id, send=self.channel.send)
        self.outputs = OutputsLog()
        self.playout = Playout(self._choose_rate_hz)
        self.state: State = "connecting"
        self.user_errors = 0
        self._on_closed: list[Callable[[], object]] = []
        self._transport: Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._last_report_s: dict[str, float] = {}
        self._last_reported = ""
        self._ended = False
        self._closing: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._inputs = Inputs(handler, defaults, inputs_announced)
        self._runner = HandlerRunner(handler, self)
        handler.attach(self)

    # -- life ------------------------------------------------------------------------

    def start(self, transport: Transport) -> None:
        """Begin: the transport is there, even if not connected yet.

        Raises:
            RefusedError: the session was closed before it began.
        """
        if self.state == "closed":
            raise RefusedError("connection_closed")
        self._transport = transport
        # Of its own, so that the end of the loop (a server's shutdown cancels all
        # tasks) closes the session like anything else.
        self._keeper = asyncio.ensure_future(self._keep())

    async def _keep(self) -> None:
        try:
            await self.loop.create_future()
        finally:
            if self.state != "closed":
                await self._close("the event loop ends")

    def connected(self, time_limit_s: float | None) -> None:
        """The client is connected: the handler starts, and the time limit runs."""
        if self.state != "connecting":
            return
        self.state = "connected"
        self._runner.start()
        self.handler.channel_set.set()
        if time_limit_s is not None:
            self.call_later(time_limit_s, self._out_of_time, time_limit_s)

    def _out_of_time(self, time_limit_s: float) -> None:
        text = f"The time limit of {time_limit_s:g} s was reached."
        self.end(text)

    def call_later(
        self, delay_s: float, callback: Callable[..., None], *args: Any
    ) -> asyncio.TimerHandle:
        """A timer that the session's end cancels."""
        timer = self.loop.call_later(delay_s, callback, *args)
        self._timers.append(timer)
        return timer

    def on_closed(self, callback: Callable[[], object]) -> None:
        """Have `callback` called when the session has ended, or now if it has."""
        if self._ended:
            callback()
        else:
            self._on_closed.append(callback)

    def end(self, text: str) -> None:
        """Tell the client why, then close; nothing more once it is closing."""
        if self._closing is not None or self.state == "closed":
            return
        self.channel.send(create_message("end_stream", text))
        self.close_soon(text)

    def close_soon(self, reason: str) -> None:
        """Close without waiting for it."""
        if self._closing is None and self.state != "closed":
            self._closing = asyncio.ensure_future(self._close(reason))

    async def close(self, reason: str = "closed") -> None:
        """End the session and wait until nothing of it is left."""
        self.close_soon(reason)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _close(self, reason: str) -> None:
        if self.state == "closed":
            return
        started = self.state == "connected"
        self.state = "closed"
        logger.debug("session %s closes: %s", self.id, reason)
        for timer in self._timers:
            timer.cancel()
        self._inputs.close()
        self.playout.close()
        self.outputs.close()
        try:
            # Two branches that may each take seconds when something hangs.
            await asyncio.gather(self._disconnect(), self._end_handler(started))
        finally:
            self.handler.detach()
            self.channel.close()
            self._ended = True
            for callback in self._on_closed:
                callback()
            if self._keeper is not None:
                self._keeper.cancel()

    async def _disconnect(self) -> None:
        if self._transport is None:
            return
        try:
            await asyncio.wait_for(self._transport.disconnect(), CLOSE_GRACE_S)
        except asyncio.TimeoutError:
            logger.warning("session %s: its connection did not close in time", self.id)
        except Exception:
            logger.exception("session %s: closing its connection failed", self.id)

    async def _end_handler(self, started: bool) -> None:
        if started:
            await self._as_user_code(self._runner.shut_down())
        left = await self._cancel_tasks()
        if left:
            logger.warning(
                "session %s: %d calls of the app's code ignore their cancellation",
                self.id,
                len(left),
            )

    async def _cancel_tasks(self) -> set[asyncio.Task[None]]:
        """Cancel what runs on the session's behalf, again if once is ignored."""
        left: set[asyncio.Task[None]] = set()
        for _ in range(CANCEL_ROUNDS):
            # Anew each time: code that is ending may have begun something.
            left = {task for task in self._tasks if task is not asyncio.current_task()}
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=CLOSE_GRACE_S / CANCEL_ROUNDS)
        return {task for task in left if not task.done()}

    # -- media -----------------------------------------------------------------------

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame of the user's audio from the transport."""
        if self.state == "connected":
            self._runner.feed(frame)

    def _choose_rate_hz(self, rate_hz: int) -> int:
        assert self._transport is not None
        # Not less than the handler says it will give: a greeting at 8 kHz must not
        # make the whole call sound like a telephone.
        return self._transport.choose_rate_hz(
            max(rate_hz, self.handler.output_sample_rate)
        )

    # -- inputs and outputs ------------------------------------------------------------

    def set_input(self, *values: Any) -> None:
        """Take values of the additional inputs."""
        if self.state != "closed":
            self._inputs.set(values)

    # -- what handlers ask (handlers.link.Link) ----------------------------------------

    @property
    def generation(self) -> int:
        return self.playout.generation

    @property
    def inputs_announced(self) -> bool:
        return self._inputs.announced

    async def deliver(
        self, emission: Emission, generation: int, bound_s: float
    ) -> bool:
        if generation != self.playout.generation:
            return False
        if emission.outputs is not None:
            self.outputs.add(emission.outputs)
            self.channel.send(create_message("fetch_output", []))
        if emission.clip is not None:
            try:
                if not await self.playout.put(emission.clip, generation, bound_s):
                    return False
            except SessionClosedError:
                return False
        if emission.close is not None:
            self.playout.finish(generation)
            await self.playout.drained()
            await self.outputs.all_taken(OUTPUTS_GRACE_S)
            self.end(emission.close.msg)
            return False
        return True

    def finish(self, generation: int) -> None:
        self.playout.finish(generation)

    def clear(self) -> float:
        return self.playout.clear()

    def hold(self) -> None:
        self.playout.hold()

    def release(self) -> None:
        self.playout.release()

    @property
    def played_ms(self) -> float:
        return self.playout.played_ms

    async def played_out(self) -> bool:
        return await self.playout.drained()

    def request_inputs(self) -> None:
        self.channel.send(create_message("send_input", []))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        context = contextvars.copy_context()
        context.run(current_context.set, self.context)
        task = context.run(asyncio.ensure_future, work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _as_user_code(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.spawn(work)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _log_error(self, where: str, error: BaseException) -> None:
        self._last_reported = repr(error)
        logger.error("session %s: %s raised", self.id, where, exc_info=error)

    def report(self, where: str, error: BaseException) -> None:
        self.user_errors += 1
        now = self.loop.time()
        last = self._last_report_s.get(where)
        if last is not None and now - last < ERROR_MESSAGE_INTERVAL_S:
            if repr(error) != self._last_reported:
                self._log_error(where, error)
            return
        self._last_report_s[where] = now
        self._log_error(where, error)
        if isinstance(error, WebRTCError):
            if not error.delivered:
                self.channel.send(error_message(str(error)))
            return
        text = f"Something went wrong in the app's {where}. Its log says what."
        self.channel.send(error_message(text))

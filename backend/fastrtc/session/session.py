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
from collections.abc import Callable, Collection, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..context import Context, current_context
from ..errors import RefusedError, SessionClosedError
from ..handlers.base import AudioFrame, StreamHandlerBase
from ..handlers.camera import Camera
from ..handlers.runner import HandlerRunner
from ..media import VOICE_CALL, Media
from ..messages import create_message
from ..options import (
    CLOSE_GRACE_S,
    OUTPUTS_GRACE_S,
    RECONNECT_GRACE_S,
)
from ..outputs import Emission
from .carrier import Carrier, Transport
from .channel import MessageChannel
from .inputs import Inputs
from .outputs_log import OutputsLog
from .playout import Playout
from .reports import ErrorReports
from .screen import Screen

if TYPE_CHECKING:
    import av

logger = logging.getLogger("fastrtc")

CANCEL_ROUNDS = 3
"""One for what runs, one for what that begins in its end, one for what ignores it."""

State: TypeAlias = Literal["connecting", "connected", "lost", "closed"]


class Session:
    """One client's session. Its methods are called on its event loop only.

    Args:
        session_id: the client's name for it.
        handler: a copy of the handler, this session's own.
        media: what is carried, and which way.
        defaults: values of the additional inputs until the page sends its own.
        inputs_announced: a page will send them.
    """

    def __init__(
        self,
        session_id: str,
        handler: StreamHandlerBase,
        *,
        media: Media = VOICE_CALL,
        defaults: Sequence[Any] | None = None,
        inputs_announced: bool = False,
    ) -> None:
        self.id = session_id
        self.handler = handler
        self.media = media
        self.loop = asyncio.get_running_loop()
        self.channel = MessageChannel(self.loop)
        self.context = Context(session_id, send=self.channel.send)
        self.outputs = OutputsLog()
        self.playout = Playout(self._choose_rate_hz)
        self.screen = Screen()
        self.state: State = "connecting"
        self._reports = ErrorReports(session_id, self.channel.send)
        self._on_closed: list[Callable[[], object]] = []
        self._carrier = Carrier(session_id)
        self._unseen: list[asyncio.Task[None]] = []
        self._grace: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
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
        self._carrier.transport = transport
        # Of its own, so that the end of the loop (a server's shutdown cancels all
        # tasks) closes the session like anything else.
        self._keeper = asyncio.ensure_future(self._keep())

    async def _keep(self) -> None:
        try:
            await self.loop.create_future()
        finally:
            if self.state != "closed":
                await self._close("the event loop ends")

    def connected(
        self, time_limit_s: float | None, sends: Collection[str] = ("audio",)
    ) -> None:
        """The client is connected: the handler starts, and the time limit runs.

        Args:
            time_limit_s: of the session, from its first connection on.
            sends: the kinds of media that the transport takes to the client. The
                others are played to nobody, at the same pace.
        """
        if self.state not in ("connecting", "lost"):
            return
        began = self.state == "connecting"
        self.state = "connected"
        self._play_unseen(sends)
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        if not began:
            self.screen.show_again(self.loop.time())
            return
        self._runner.start()
        self.handler.channel_set.set()
        if self._inputs.wanted:
            self.request_inputs()
        if time_limit_s is not None:
            self.call_later(time_limit_s, self._out_of_time, time_limit_s)

    def _play_unseen(self, sends: Collection[str]) -> None:
        self._stop_unseen()
        kinds = [kind for kind in self.media.kinds if kind not in sends]
        self._unseen = [self.spawn(self._play_to_nobody(kind)) for kind in kinds]

    def _stop_unseen(self) -> None:
        for task in self._unseen:
            task.cancel()
        self._unseen = []

    async def _play_to_nobody(self, kind: str) -> None:
        with contextlib.suppress(SessionClosedError):
            while True:
                if kind == "audio":
                    await self.playout.next_frame()
                else:
                    await self.screen.next_picture()

    def _out_of_time(self, time_limit_s: float) -> None:
        text = f"The time limit of {time_limit_s:g} s was reached."
        self.end(text)

    def call_later(
        self, delay_s: float, callback: Callable[..., None], *args: Any
    ) -> asyncio.TimerHandle:
        """A timer that the session's end cancels."""

        def fire() -> None:
            self._timers.discard(timer)
            callback(*args)

        # No longer than they wait: they hold connections, and calls last for hours.
        self._timers = {timer for timer in self._timers if not timer.cancelled()}
        timer = self.loop.call_later(delay_s, fire)
        self._timers.add(timer)
        return timer

    def on_closed(self, callback: Callable[[], object]) -> None:
        """Have `callback` called when the session has ended, or now if it has."""
        if self._ended:
            callback()
        else:
            self._on_closed.append(callback)

    # -- a client that is lost, and comes back -----------------------------------------

    def allow_resuming(self) -> str:
        """Let the session outlive its connection.

        Returns:
            A token: whoever has it is the client.
        """
        return self._carrier.make_token()

    def admits(self, token: str) -> bool:
        """Whether this token lets another connection go on with the session."""
        return self._carrier.admits(token)

    def is_carried_by(self, transport: Transport) -> bool:
        """Whether this transport is still the one in use."""
        return self._carrier.transport is transport

    def lost(self, transport: Transport, reason: str) -> None:
        """The transport lost its client, which may come back by another one."""
        if not self.is_carried_by(transport) or self.state == "closed":
            return
        if self._carrier.token is None or self.state == "connecting":
            self.close_soon(reason)
        elif self._closing is None:
            logger.debug("session %s lost its client: %s", self.id, reason)
            self._suspend()

    def gone(self, transport: Transport, reason: str) -> None:
        """The transport's client has left for good."""
        if self.is_carried_by(transport):
            self.close_soon(reason)

    def _suspend(self) -> None:
        """Nothing is heard or seen any more, and nothing is lost of what is queued."""
        self._carrier.drop()
        self.channel.suspend()
        self._stop_unseen()
        if self.state == "connected":
            self.state = "lost"
            reason = "the client did not come back"
            self._grace = self.call_later(RECONNECT_GRACE_S, self.close_soon, reason)

    async def resume(self, transport: Transport) -> None:
        """Go on by another transport, which isn't connected yet.

        Raises:
            RefusedError: the session has ended meanwhile.
        """
        if self.state != "closed" and self._closing is None:
            self._suspend()
            self._carrier.transport = transport
            await self._carrier.dropped()
        if self._closing is not None or not self.is_carried_by(transport):
            raise RefusedError("connection_closed")

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
        started = self.state in ("connected", "lost")
        self.state = "closed"
        logger.debug("session %s closes: %s", self.id, reason)
        for timer in self._timers:
            timer.cancel()
        self._inputs.close()
        self.playout.close()
        self.screen.close()
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
        self._carrier.drop()
        await self._carrier.dropped()

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

    def feed_video(self, frame: av.VideoFrame, media_s: float) -> None:
        """Take a decoded picture of the user's from the transport.

        Args:
            media_s: its time on the sender's clock, seconds.
        """
        if self.state == "connected":
            self._runner.feed_video(frame, media_s)

    def receive_text(self, text: str) -> None:
        """Take what the user typed."""
        if self.state == "connected":
            self._runner.receive_text(text)

    def receive_dtmf(self, digit: str) -> None:
        """Take a key the caller pressed on the telephone."""
        if self.state == "connected":
            self._runner.receive_dtmf(digit)

    @property
    def camera(self) -> Camera | None:
        """The user's pictures that wait for the handler, with how late they are."""
        video = self._runner.video
        return None if video is None else video.camera

    def _choose_rate_hz(self, rate_hz: int) -> int:
        # Not less than the handler says it will give: a greeting at 8 kHz must not
        # make the whole call sound like a telephone.
        rate_hz = max(rate_hz, self.handler.output_sample_rate)
        transport = self._carrier.transport
        return rate_hz if transport is None else transport.choose_rate_hz(rate_hz)

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
        if emission.caption is not None:
            show = partial(self.channel.send, emission.caption.message())
            self.playout.mark(show, generation)
        if emission.clip is not None:
            try:
                if not await self.playout.put(emission.clip, generation, bound_s):
                    return False
            except SessionClosedError:
                return False
        if emission.close is not None:
            self.playout.finish(generation)
            await self.playout.drained()
            await self.screen.drained()
            await self.outputs.all_taken(OUTPUTS_GRACE_S)
            self.end(emission.close.msg)
            return False
        return True

    def show_picture(self, picture: av.VideoFrame, time_s: float) -> None:
        self.screen.show(picture, time_s)

    async def picture_room(self) -> None:
        await self.screen.room()

    async def put_picture(self, picture: av.VideoFrame, due_s: float) -> bool:
        return await self.screen.put(picture, due_s)

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

    @property
    def user_errors(self) -> int:
        """How often user code has raised."""
        return self._reports.count

    def report(self, where: str, error: BaseException) -> None:
        self._reports.add(where, error)

"""Runs the video half of a handler for one session.

Of what a picture costs, turning it into an array and back is a good part, so that is
done in the thread that calls the user's function, in one hop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ..options import (
    EMIT_ERRORS_IN_A_ROW,
    PLAYOUT_EMIT_S,
    VIDEO_ERRORS_IN_A_ROW,
    VIDEO_QUEUE_FRAMES,
)
from ..outputs import CloseStream, Emission
from ..pictures import Color, parse_picture_emission, to_array, to_frame
from .base import (
    AsyncAudioVideoStreamHandler,
    AudioVideoStreamHandler,
    StreamHandlerBase,
)
from .calls import call, is_async, iterate
from .camera import Camera, Picture
from .link import Link
from .parameters import Parameters
from .threads import threads
from .video import FrameFunction

if TYPE_CHECKING:
    import av

AudioVideoHandler = AudioVideoStreamHandler | AsyncAudioVideoStreamHandler

EARLY = 0.75
"""Of a frame's time: pictures that follow each other sooner are too many. Not 1, or a
camera that is a little fast would lose every second one to its jitter."""


class FrameRunner:
    """Calls a function for every picture of the user's and shows what it gives.

    Args:
        handler: the function and its options.
        link: the session.
    """

    def __init__(self, handler: FrameFunction, link: Link) -> None:
        self._handler = handler
        self._link = link
        self._function = handler.function
        self._owner = getattr(handler.function, "__self__", handler.function)
        self._color: Color = handler.color
        self._parameters = Parameters(handler.function)
        self._errors_in_a_row = 0
        self._last_s = -1.0
        self._asked = False
        self.ending = False
        self.camera = Camera(1 if handler.video.skip_frames else VIDEO_QUEUE_FRAMES)

    def start(self) -> None:
        """Begin to call the function."""
        self._link.spawn(self._run())

    def feed(self, frame: av.VideoFrame, media_s: float) -> None:
        """Take a picture from the transport; never waits."""
        self.camera.push(frame, media_s, self._link.loop.time())

    async def _run(self) -> None:
        while not self.ending:
            # Where encoding is what takes long, more calls would make it longer.
            await self._link.picture_room()
            picture = await self.camera.next()
            if picture.time_s - self._last_s < EARLY / self._handler.fps:
                continue
            self._last_s = picture.time_s
            if not await self._answer(picture):
                return

    async def _answer(self, picture: Picture) -> bool:
        """Show what the function makes of a picture; False ends the session's video."""
        args = self._args()
        if args is None:
            frame = await threads.run(partial(to_frame, picture.frame, self._color))
            self._link.show_picture(frame, picture.time_s)
            return True
        try:
            # Closed here: what a generator cleans up belongs to the session.
            async with contextlib.aclosing(self._emissions(picture, args)) as emissions:
                async for emission in emissions:
                    if not await self._deliver(emission, picture):
                        return False
            self._errors_in_a_row = 0
        except (Exception, asyncio.CancelledError) as error:
            if self.ending and isinstance(error, asyncio.CancelledError):
                raise
            return await self._fail(error)
        return True

    def _args(self) -> tuple[Any, ...] | None:
        """The additional inputs, None while those without a default are not there."""
        values = tuple(self._handler.latest_args[1:])
        if self._parameters.required > len(values):
            if not self._asked:
                self._asked = True
                self._link.request_inputs()
            return None
        return values[: self._parameters.most]

    async def _emissions(
        self, picture: Picture, args: tuple[Any, ...]
    ) -> AsyncGenerator[Emission, None]:
        """What the function gives for a picture, one emission or more."""
        function, color = self._function, self._color
        if is_async(function):
            array = await threads.run(partial(to_array, picture.frame, color))
            values = iterate(function, (array, *args), asyncio.Event())
        else:
            step = partial(self._step, picture.frame, args)
            made = await threads.run(step, self._owner)
            if isinstance(made, Emission):
                yield made
                return
            values = _values(made)
        async with contextlib.aclosing(values):
            async for value in values:
                yield await threads.run(partial(parse_picture_emission, value, color))

    def _step(self, frame: av.VideoFrame, args: tuple[Any, ...]) -> Any:
        """In a thread: the whole way of a picture through an ordinary function."""
        made = self._function(to_array(frame, self._color), *args)
        if hasattr(made, "__next__") or hasattr(made, "__anext__"):
            return made
        if isinstance(made, Awaitable):
            return made
        return parse_picture_emission(made, self._color)

    async def _deliver(self, emission: Emission, picture: Picture) -> bool:
        if emission.picture is not None:
            self._link.show_picture(emission.picture, picture.time_s)
        return await _deliver_rest(self._link, emission)

    async def _fail(self, error: BaseException) -> bool:
        self._link.report("video function", error)
        self._errors_in_a_row += 1
        if self._errors_in_a_row < VIDEO_ERRORS_IN_A_ROW:
            return True
        close = CloseStream("The app's video function keeps failing.")
        await _deliver_rest(self._link, Emission(close=close))
        return False


class AudioVideoRunner:
    """Feeds `video_receive` and asks `video_emit`.

    Args:
        handler: the session's.
        link: the session.
    """

    def __init__(self, handler: AudioVideoHandler, link: Link) -> None:
        self._handler = handler
        self._link = link
        # Programs that don't know the option may have a `color` of their own.
        rgb = str(handler.color) == "rgb"
        self._color: Color = "rgb" if rgb else "bgr"
        self.ending = False
        self.camera = Camera(VIDEO_QUEUE_FRAMES)

    def start(self) -> None:
        """Begin to feed and to ask."""
        self._link.spawn(self._receive_loop())
        self._link.spawn(self._emit_loop())

    def feed(self, frame: av.VideoFrame, media_s: float) -> None:
        """Take a picture from the transport; never waits."""
        self.camera.push(frame, media_s, self._link.loop.time())

    async def _receive_loop(self) -> None:
        receive = cast("Any", self._handler).video_receive
        while not self.ending:
            picture = await self.camera.next()
            try:
                await self._receive(receive, picture.frame)
            except (Exception, asyncio.CancelledError) as error:
                self._check_cancelled("video_receive", error)

    async def _receive(
        self, receive: Callable[[Any], Any], frame: av.VideoFrame
    ) -> None:
        if is_async(receive):
            await receive(await threads.run(partial(to_array, frame, self._color)))
            return
        color = self._color
        made = await threads.run(lambda: receive(to_array(frame, color)), self._handler)
        if isinstance(made, Awaitable):
            await made

    async def _emit_loop(self) -> None:
        emit = cast("Any", self._handler).video_emit
        errors_in_a_row = 0
        due_s = 0.0
        while not self.ending:
            asked_s = self._link.loop.time()
            try:
                value = await call(emit, owner=self._handler)
                parse = partial(parse_picture_emission, value, self._color)
                emission = Emission() if value is None else await threads.run(parse)
                errors_in_a_row = 0
            except (Exception, asyncio.CancelledError) as error:
                self._check_cancelled("video_emit", error)
                errors_in_a_row += 1
                if errors_in_a_row >= EMIT_ERRORS_IN_A_ROW:
                    text = "The app's video_emit function keeps failing."
                    await _deliver_rest(self._link, Emission(close=CloseStream(text)))
                    return
                emission = Emission()
            if emission.empty:
                await self._wait_to_retry(asked_s)
                continue
            # A little less than a frame's time: a handler that hands on what it gets
            # must never be slower than the camera it gets it from.
            due_s = max(due_s + 0.9 / self._handler.fps, self._link.loop.time())
            if not await self._give(emission, due_s):
                return

    async def _give(self, emission: Emission, due_s: float) -> bool:
        """Show a picture at its time; False at the end."""
        if emission.picture is None:
            # An emit that gives only outputs must not keep the loop to itself.
            await asyncio.sleep(0)
        elif not await self._link.put_picture(emission.picture, due_s):
            return False
        return await _deliver_rest(self._link, emission)

    async def _wait_to_retry(self, asked_s: float) -> None:
        """Ask again a frame's time later; at once after an emit that waited itself."""
        waited_s = self._link.loop.time() - asked_s
        await asyncio.sleep(max(0.0, 1 / self._handler.fps - waited_s))

    def _check_cancelled(self, where: str, error: BaseException) -> None:
        """Report an error, and a cancellation that isn't the session's."""
        if self.ending and isinstance(error, asyncio.CancelledError):
            raise error
        self._link.report(where, error)


def video_runner(
    handler: StreamHandlerBase, link: Link
) -> FrameRunner | AudioVideoRunner | None:
    """What runs the video half of a handler, if it has one."""
    if isinstance(handler, FrameFunction):
        return FrameRunner(handler, link)
    if isinstance(handler, AudioVideoStreamHandler | AsyncAudioVideoStreamHandler):
        return AudioVideoRunner(handler, link)
    return None


async def _deliver_rest(link: Link, emission: Emission) -> bool:
    """Publish what is no picture; False when it ends the session."""
    rest = replace(emission, picture=None)
    if rest.empty:
        return True
    await link.deliver(rest, link.generation, PLAYOUT_EMIT_S)
    return emission.close is None


def _values(made: Any) -> Any:
    """The values of a generator or an awaitable that a function returned."""

    async def give() -> Any:
        return await made

    if isinstance(made, Awaitable):
        return iterate(give, (), asyncio.Event())

    def pass_on() -> Any:
        return made

    return iterate(pass_on, (), asyncio.Event())

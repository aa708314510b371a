"""Receive mode: a generator function plays to the client, at the pace of real time."""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ..options import OUTPUTS_AHEAD_S
from ..outputs import CloseStream, Emission, parse_emission
from ..pictures import parse_picture_emission
from .calls import iterate
from .link import Link
from .parameters import Parameters
from .threads import threads
from .video import FunctionHandler, VideoStreamHandler


class GeneratorHandler(FunctionHandler):
    """Plays what a generator function of the additional inputs yields.

    It starts when the client is connected and its inputs are there; the session ends
    when the generator has ended and all was heard or seen. A hang-up closes it.

    Args:
        function: a generator function, an async one, or a function that returns a
            generator.
    """

    starts_on_loop = True

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._parameters = Parameters(function, skip=0)
        self._ending = False

    def start_up(self) -> None:
        self._attached().spawn(self._run())

    async def _run(self) -> None:
        link = self._attached()
        stopped = asyncio.Event()
        try:
            await self._play(link, iterate(self.function, await self._args(), stopped))
        except (Exception, asyncio.CancelledError) as error:
            if self._ending and isinstance(error, asyncio.CancelledError):
                raise
            # A cancellation too: of a task of the user's that it awaited.
            link.report("generator", error)
        # All of it is to be heard and seen before the session ends.
        end = Emission(close=CloseStream(""))
        await link.deliver(end, link.generation, OUTPUTS_AHEAD_S)

    async def shutdown(self) -> None:
        """What is cancelled from now on is cancelled by the session."""
        self._ending = True

    async def _args(self) -> tuple[Any, ...]:
        if self._parameters.required or self._attached().inputs_announced:
            await self.wait_for_args()
        values = tuple(self.latest_args[1:])
        return self._parameters.fit(values) if self._parameters.additional else ()

    async def _play(self, link: Link, values: Any) -> None:
        async with contextlib.aclosing(values):
            async for value in values:
                if not await self._give(link, value):
                    return
                # A generator that never waits must not keep the loop to itself.
                await asyncio.sleep(0)

    @abstractmethod
    async def _give(self, link: Link, value: Any) -> bool:
        """Play a value; False when no further one is wanted."""


class AudioGenerator(GeneratorHandler):
    """The generator yields what `emit` gives."""

    async def _give(self, link: Link, value: Any) -> bool:
        # Of the newest generation: clear_queue drops what waits, and no more.
        emission = parse_emission(value)
        await link.deliver(emission, link.generation, OUTPUTS_AHEAD_S)
        return emission.close is None and not self._ending

    def copy(self) -> AudioGenerator:
        return AudioGenerator(self.function)


class VideoGenerator(GeneratorHandler):
    """The generator yields pictures, each shown for `1 / fps` seconds.

    Args:
        video: the generator function with its options.
    """

    def __init__(self, video: VideoStreamHandler) -> None:
        super().__init__(video.callable)
        self.video = video
        self.fps = video.fps
        self._due_s = 0.0

    async def _give(self, link: Link, value: Any) -> bool:
        parse = partial(parse_picture_emission, value, self.video.color)
        emission = await threads.run(parse)
        if emission.picture is not None:
            # A generator that is late starts a new schedule: no rush to catch up.
            self._due_s = max(self._due_s + 1 / self.fps, link.loop.time())
            if not await link.put_picture(emission.picture, self._due_s):
                return False
        rest = replace(emission, picture=None)
        if not rest.empty:
            await link.deliver(rest, link.generation, OUTPUTS_AHEAD_S)
        return emission.close is None and not self._ending

    def copy(self) -> VideoGenerator:
        return VideoGenerator(self.video)

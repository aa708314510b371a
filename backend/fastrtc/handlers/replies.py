"""One reply of the bot: a run of a reply function, played as it goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from ..messages import create_message
from ..options import PLAYOUT_REPLY_S
from ..outputs import parse_emission
from .base import AudioFrame
from .calls import iterate
from .link import Link


class Reply:
    """Runs a reply function and plays what it gives until it ends or is stopped.

    Attributes:
        task: the task that runs it; `stop` cancels it.

    Args:
        function: the reply function.
        link: the session.
        on_outputs: told the values of AdditionalOutputs.
        audio: what the user said; None for a function that speaks first.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        link: Link,
        on_outputs: Callable[[tuple[Any, ...]], None],
        audio: AudioFrame | None,
    ) -> None:
        self._function = function
        self._link = link
        self._on_outputs = on_outputs
        self.audio = audio
        self._stopped = asyncio.Event()
        self._announced = False
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Let it end: at once if async, after the value it is making if sync."""
        self._stopped.set()
        if self.task is not None:
            self.task.cancel()

    async def run(
        self, generation: int, arguments: Callable[[], Awaitable[tuple[Any, ...]]]
    ) -> None:
        """Play the reply. Errors of the function are reported and end it."""
        try:
            await self._play(generation, await arguments())
        except Exception as error:
            self._link.report("reply function", error)
        finally:
            self._link.finish(generation)
            if not self._stopped.is_set():
                self._announce()

    async def _play(self, generation: int, args: tuple[Any, ...]) -> None:
        values = iterate(self._function, args, self._stopped)
        async with contextlib.aclosing(values):
            async for value in values:
                emission = parse_emission(value)
                if emission.clip is not None:
                    self._announce()
                if emission.outputs is not None:
                    self._on_outputs(emission.outputs.args)
                if not await self._link.deliver(emission, generation, PLAYOUT_REPLY_S):
                    return
                # A generator that never waits must not keep the loop to itself.
                await asyncio.sleep(0)

    def _announce(self) -> None:
        """Tell the page once, before the audio; at the end if there was none."""
        if not self._announced:
            self._announced = True
            self._link.channel.send(create_message("log", "response_starting"))

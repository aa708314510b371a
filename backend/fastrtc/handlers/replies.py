"""One reply of the bot: a run of a reply function, played as it goes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..messages import create_message
from ..options import PLAYOUT_REPLY_S
from ..outputs import Emission, parse_emission
from .calls import iterate
from .link import Link
from .typed_text import Said


@dataclass(frozen=True)
class ReplyEnded:
    """A reply is over.

    Attributes:
        heard_ms: milliseconds of it that were played to the user.
        interrupted: it was broken off, by the user or by the program.
    """

    heard_ms: float
    interrupted: bool


class Reply:
    """Runs a reply function and plays what it gives until it ends or is stopped.

    An early reply keeps all it gives to itself until it is confirmed.

    Attributes:
        task: the task that runs it; `stop` cancels it.

    Args:
        function: the reply function.
        link: the session.
        on_outputs: told the values of AdditionalOutputs.
        said: what the user said or typed; None for a function that speaks first.
        early: nobody may hear of it before `confirm`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        link: Link,
        on_outputs: Callable[[tuple[Any, ...]], None],
        said: Said | None,
        *,
        early: bool = False,
    ) -> None:
        self._function = function
        self._link = link
        self._on_outputs = on_outputs
        self.said = said
        self._stopped = asyncio.Event()
        self._announced = False
        self._generation = link.generation
        self._held: list[Emission] | None = [] if early else None
        self._held_s = 0.0
        self._confirmed = asyncio.Event()
        self._catching_up: asyncio.Task[None] | None = None
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Let it end: at once if async, after the value it is making if sync."""
        self._stopped.set()
        for task in (self.task, self._catching_up):
            if task is not None:
                task.cancel()

    def confirm(self) -> None:
        """Let an early reply be heard."""
        held, self._held = self._held, None
        self._generation = self._link.generation
        self._confirmed.set()
        if held:
            self._catching_up = self._link.spawn(self._catch_up(held))

    async def run(self, arguments: Callable[[], Awaitable[tuple[Any, ...]]]) -> None:
        """Play the reply. Errors of the function are reported and end it."""
        try:
            try:
                await self._play(await arguments())
            except Exception as error:
                await self._settle()
                self._link.report("reply function", error)
            await self._settle()
        finally:
            if self._held is None:
                self._link.finish(self._generation)
                if not self._stopped.is_set():
                    self._announce()

    async def _settle(self) -> None:
        """Wait until what was held back is out."""
        if self._held is not None:
            await self._confirmed.wait()
        if self._catching_up is not None:
            await self._catching_up

    async def _play(self, args: tuple[Any, ...]) -> None:
        values = iterate(self._function, args, self._stopped)
        async with contextlib.aclosing(values):
            async for value in values:
                if not await self._give(parse_emission(value)):
                    return
                # A generator that never waits must not keep the loop to itself.
                await asyncio.sleep(0)

    async def _give(self, emission: Emission) -> bool:
        if self._stopped.is_set():
            # A function that ignores its cancellation.
            return False
        if self._held is not None:
            self._held.append(emission)
            self._held_s += 0.0 if emission.clip is None else emission.clip.seconds
            if self._held_s >= PLAYOUT_REPLY_S:
                await self._confirmed.wait()
            return True
        if self._catching_up is not None:
            await self._catching_up
        return await self._deliver(emission)

    async def _catch_up(self, held: list[Emission]) -> None:
        for emission in held:
            if not await self._deliver(emission):
                return

    async def _deliver(self, emission: Emission) -> bool:
        if emission.clip is not None or emission.caption is not None:
            self._announce()
        if emission.outputs is not None:
            self._on_outputs(emission.outputs.args)
        return await self._link.deliver(emission, self._generation, PLAYOUT_REPLY_S)

    def _announce(self) -> None:
        """Tell the page once, before what is heard or read first, else at the end."""
        if not self._announced:
            self._announced = True
            self._link.channel.send(create_message("log", "response_starting"))

"""The bot's side of a conversation: the reply that is heard, and one in preparation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from ..messages import create_message
from ..options import HOLD_LIMIT_S
from .link import Link
from .replies import Reply, ReplyEnded
from .typed_text import Said

ReplyFn: TypeAlias = Callable[..., Any]


class Bot(Protocol):
    """Whose replies they are."""

    async def arguments(self, said: Said | None) -> tuple[Any, ...]:
        """What a reply function is called with; `said` is None for a greeting."""
        ...

    def on_outputs(self, values: tuple[Any, ...]) -> None:
        """A reply has yielded AdditionalOutputs."""
        ...

    def on_responding(self, responding: bool) -> None:
        """The bot has the turn now, or no longer."""
        ...

    def on_ended(self, ended: ReplyEnded) -> None:
        """A reply is over."""
        ...


class BotTurn:
    """Begins, interrupts, prepares and holds replies. One is heard at a time.

    Args:
        bot: whose replies they are.
        link: the session.

    Attributes:
        responding: a reply is made or heard; until its last sound was played.
    """

    def __init__(self, bot: Bot, link: Link) -> None:
        self._bot = bot
        self._link = link
        self._reply: Reply | None = None
        self._early: Reply | None = None
        self._heard_before_ms = 0.0
        self._hold_timer: asyncio.TimerHandle | None = None
        self.responding = False

    # -- replies -------------------------------------------------------------------

    def begin(self, fn: ReplyFn, said: Said | None) -> None:
        """Reply; what is heard now is interrupted."""
        self.interrupt()
        reply = self._make(fn, said)
        self._take(reply)
        self._spawn(reply)

    def prepare(self, fn: ReplyFn, said: Said) -> None:
        """Begin a reply of which nobody hears before `confirm`."""
        self.discard()
        self._early = self._make(fn, said, early=True)
        self._spawn(self._early)

    def confirm(self, fn: ReplyFn, said: Said) -> None:
        """Reply with what was prepared, or anew when nothing was."""
        reply, self._early = self._early, None
        if reply is None:
            self.begin(fn, said)
            return
        self.interrupt()
        self._take(reply)
        reply.confirm()

    def discard(self) -> None:
        """Forget what was prepared."""
        reply, self._early = self._early, None
        if reply is not None:
            reply.stop()

    def interrupt(self) -> float:
        """End the reply that is heard, and forget the one that was prepared.

        Returns:
            Milliseconds that were heard of it.
        """
        self.discard()
        if not self.responding:
            return 0.0
        heard_ms = self._heard_ms
        if self._reply is not None:
            self._reply.stop()
            self._end(interrupted=True)
        self._set_responding(False)
        self._cancel_hold()
        self._link.clear()
        return heard_ms

    @property
    def _heard_ms(self) -> float:
        """Of the reply in progress."""
        return self._link.played_ms - self._heard_before_ms

    def _make(self, fn: ReplyFn, said: Said | None, *, early: bool = False) -> Reply:
        return Reply(fn, self._link, self._bot.on_outputs, said, early=early)

    def _take(self, reply: Reply) -> None:
        self._set_responding(True)
        self._reply = reply
        self._heard_before_ms = self._link.played_ms

    def _set_responding(self, responding: bool) -> None:
        self.responding = responding
        self._bot.on_responding(responding)

    def _spawn(self, reply: Reply) -> None:
        reply.task = self._link.spawn(self._run(reply))

    async def _run(self, reply: Reply) -> None:
        heard_out = False
        try:
            await reply.run(lambda: self._bot.arguments(reply.said))
            heard_out = reply is not self._reply or await self._link.played_out()
        finally:
            if reply is self._early:
                # Cancelled from within: there is nothing left to confirm.
                self._early = None
            if reply is self._reply:
                self._finish(heard_out)

    def _finish(self, heard_out: bool) -> None:
        self._end(interrupted=not heard_out)
        self._set_responding(False)
        self.release()
        if not heard_out:
            self._link.clear()
        self._link.channel.send(create_message("log", "response_ended"))

    def _end(self, *, interrupted: bool) -> None:
        self._reply = None
        self._bot.on_ended(ReplyEnded(self._heard_ms, interrupted))

    # -- holding its breath --------------------------------------------------------

    def hold(self) -> None:
        """Pause where it is, until `release`, an interruption, or for too long."""
        if not self.responding:
            # It has finished since the sound was heard.
            return
        self._link.hold()
        self._cancel_hold()
        loop = self._link.loop
        self._hold_timer = loop.call_later(HOLD_LIMIT_S, self.release)

    def release(self) -> None:
        """Go on."""
        self._cancel_hold()
        self._link.release()

    def close(self) -> None:
        """The session has ended."""
        self._cancel_hold()

    def _cancel_hold(self) -> None:
        if self._hold_timer is not None:
            self._hold_timer.cancel()
            self._hold_timer = None

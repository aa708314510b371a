"""What a handler may ask of its session, without knowing what a session is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from ..context import Context
from ..outputs import Emission

if TYPE_CHECKING:
    import av


class Channel(Protocol):
    """The message channel to the client, as handlers see it."""

    def send(self, message: str) -> None:
        """Send a text; from any thread. Kept until the channel opens."""
        ...


class Link(Protocol):
    """A handler's session."""

    @property
    def context(self) -> Context: ...

    @property
    def channel(self) -> Channel: ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    @property
    def generation(self) -> int:
        """Number of the reply that may be heard now; `clear` raises it."""
        ...

    @property
    def inputs_announced(self) -> bool:
        """A page has said that it will send its components' values."""
        ...

    async def deliver(
        self, emission: Emission, generation: int, bound_s: float
    ) -> bool:
        """Play and publish what user code gave; False once it was interrupted."""
        ...

    def show_picture(self, picture: av.VideoFrame, time_s: float) -> None:
        """Show a live picture now; the newest one wins.

        Args:
            picture: yuv420p with even sides.
            time_s: when it was taken, on the loop's clock.
        """
        ...

    async def picture_room(self) -> None:
        """Wait until a picture more would be shown, and push no other out."""
        ...

    async def put_picture(self, picture: av.VideoFrame, due_s: float) -> bool:
        """Show a picture at its time, after waiting while enough are queued.

        Returns:
            False when the session has ended.
        """
        ...

    def finish(self, generation: int) -> None:
        """Say that this reply's audio is complete."""
        ...

    def clear(self) -> float:
        """Silence the bot now; milliseconds that were heard of the reply."""
        ...

    def hold(self) -> None:
        """Let the bot pause where it is, until `release` or `clear`."""
        ...

    def release(self) -> None:
        """Let the bot go on where `hold` stopped it."""
        ...

    @property
    def played_ms(self) -> float:
        """Milliseconds that were heard since the last `clear`."""
        ...

    async def played_out(self) -> bool:
        """Wait until all was heard, or cleared; False if the session ends."""
        ...

    def request_inputs(self) -> None:
        """Ask the page for its components' values."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something on behalf of the session; cancelled when it ends."""
        ...

    def report(self, where: str, error: BaseException) -> None:
        """Log an error of user code with its traceback and tell the page."""
        ...

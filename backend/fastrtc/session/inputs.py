"""The additional inputs of one session, from their defaults to the page's values."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ..handlers.base import WEBRTC_VALUE, StreamHandlerBase
from ..options import PAGE_INPUTS_S


class Inputs:
    """Hands inputs to a handler.

    Args:
        handler: the session's.
        defaults: the components' own values, None where they are not known.
        announced: a page will send its values; they are waited for a short while.

    Attributes:
        wanted: nobody has sent or announced any; a page of one's own, which sends
            them when it is asked to, is to be asked once.
    """

    def __init__(
        self,
        handler: StreamHandlerBase,
        defaults: Sequence[Any] | None,
        announced: bool,
    ) -> None:
        self._handler = handler
        self._timer: asyncio.TimerHandle | None = None
        self.announced = announced and bool(defaults)
        self.wanted = bool(defaults) and not announced
        if not defaults:
            return
        handler.latest_args = [WEBRTC_VALUE, *defaults]
        if any(value is None for value in defaults):
            # A component without a value: only the page knows what it should be.
            return
        if announced:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(PAGE_INPUTS_S, handler.args_set.set)
        else:
            handler.args_set.set()

    def set(self, values: Sequence[Any]) -> None:
        """Take values from the page, or from `set_input`."""
        self.close()
        self.wanted = False
        if values:
            self._handler.set_args(list(values))
        else:
            self._handler.args_set.set()

    def close(self) -> None:
        """Stop waiting for the page."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

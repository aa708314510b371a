"""What is told of the errors of user code, and to whom."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..errors import WebRTCError
from ..messages import error_message
from ..options import ERROR_MESSAGE_INTERVAL_S

logger = logging.getLogger("fastrtc")


class ErrorReports:
    """One session's errors: to the log with their traceback, to the page in a sentence.

    Args:
        session_id: for the log.
        send: to the page.

    Attributes:
        count: of the errors so far.
    """

    def __init__(self, session_id: str, send: Callable[[str], None]) -> None:
        self._session_id = session_id
        self._send = send
        self._last_s: dict[str, float] = {}
        self._last_error = ""
        self.count = 0

    def add(self, where: str, error: BaseException) -> None:
        """Tell of an error; of a flood of the same one, only once a second."""
        self.count += 1
        now = asyncio.get_running_loop().time()
        last = self._last_s.get(where)
        if last is not None and now - last < ERROR_MESSAGE_INTERVAL_S:
            if repr(error) != self._last_error:
                self._log(where, error)
            return
        self._last_s[where] = now
        self._log(where, error)
        if isinstance(error, WebRTCError):
            if not error.delivered:
                self._send(error_message(str(error)))
            return
        text = f"Something went wrong in the app's {where}. Its log says what."
        self._send(error_message(text))

    def _log(self, where: str, error: BaseException) -> None:
        self._last_error = repr(error)
        logger.error("session %s: %s raised", self._session_id, where, exc_info=error)

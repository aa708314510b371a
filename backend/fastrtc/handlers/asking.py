"""Asking the end-of-turn model, off the loop and no more often than can be borne."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from weakref import WeakKeyDictionary

from ..end_of_turn import EndOfTurnModel
from ..errors import ModelTimeoutError
from ..options import END_OF_TURN_THRESHOLD, END_OF_TURN_TIMEOUT_S
from .base import AudioFrame
from .calls import call
from .link import Link

_at_once: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
    WeakKeyDictionary()
)


class Asker:
    """One session's questions, one at a time.

    Args:
        model: is asked.
        link: the session, told when the model fails.
    """

    def __init__(self, model: EndOfTurnModel, link: Link) -> None:
        self._model = model
        self._link = link
        self._asking = False

    async def finished(
        self, audio: AudioFrame, wanted: Callable[[], bool]
    ) -> bool | None:
        """Whether the speaker has said all there was to say.

        Args:
            audio: the turn so far, `(sample_rate, int16 (1, samples))`.
            wanted: False when the answer has become useless, which spares a call
                that waits for its turn.

        Returns:
            None when the model can't be asked, fails or doesn't know.
        """
        if self._asking:
            return None
        self._asking = True
        try:
            async with _turnstile():
                return await self._ask(audio) if wanted() else None
        except Exception as error:
            self._link.report("end-of-turn model", error)
            return None
        finally:
            self._asking = False

    async def _ask(self, audio: AudioFrame) -> bool | None:
        asked = call(self._model.end_of_turn, audio)
        try:
            probability = float(await asyncio.wait_for(asked, END_OF_TURN_TIMEOUT_S))
        except asyncio.TimeoutError:
            raise ModelTimeoutError(
                f"{type(self._model).__name__}.end_of_turn() took over "
                f"{END_OF_TURN_TIMEOUT_S:g} s; silence decided instead"
            ) from None
        if math.isnan(probability):
            return None
        return probability >= END_OF_TURN_THRESHOLD


def _turnstile() -> asyncio.Semaphore:
    """Lets as many calls of models through at a time as there are cores.

    More would only make each of them later, and the loop with them.
    """
    loop = asyncio.get_running_loop()
    semaphore = _at_once.get(loop)
    if semaphore is None:
        semaphore = _at_once[loop] = asyncio.Semaphore(_cores())
    return semaphore


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

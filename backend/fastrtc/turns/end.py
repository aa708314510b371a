"""When a turn ends: by silence, whose length depends on what was said."""

from __future__ import annotations

import math

from ..options import (
    FINISHED_SILENCE_MS,
    MAX_TURN_S,
    RESUMED_MS,
    SINGLE_WORD_MS,
    UNDECIDED_SILENCE_MS,
    AlgoOptions,
)
from .activity import Activity
from .patience import Patience


class TurnEnd:
    """How much silence ends a turn.

    While nothing is known of what was said, a certain silence, or the sliding window
    of `AlgoOptions`. When the speaker is known to have finished, less of it; when
    known not to have, more, as long as that proves right.

    Args:
        options: see `AlgoOptions`.
        asked: an end-of-turn model gives its opinion at each pause.
        pauses: pauses are numbered though nobody is asked about them.
    """

    def __init__(self, options: AlgoOptions, asked: bool, pauses: bool) -> None:
        self._window_ms = options.audio_chunk_duration * 1000
        self._speech_ms = options.speech_threshold * 1000
        silences_ms = _silences_ms(options, asked)
        self._finished_ms, self._undecided_ms, unfinished_ms = silences_ms
        self._patience = Patience(self._undecided_ms, unfinished_ms)
        # A silence of the user's choice is not undercut by the window.
        self._patient = options.min_silence_ms is not None
        self._ask_ms = options.ask_after_ms if asked or pauses else None
        self._early_ms = options.preemptive_after_ms
        memory_ms = max(self._window_ms, unfinished_ms + self._speech_ms)
        # Of longer silences, infinite ones included, nothing but the turn is known.
        self.memory_ms = min(memory_ms, 1000 * MAX_TURN_S)
        self.pause_number = 0
        self._waited = False
        self.reset()

    def reset(self) -> None:
        """Speech goes on, or a turn has ended: what was thought of it is past."""
        self._finished: bool | None = None
        self._asked = False
        self._early = False

    @property
    def paused(self) -> bool:
        """A question was asked, or a reply prepared, in the silence that lasts."""
        return self._asked or self._early

    def answer(self, pause_number: int, finished: bool, said_ms: float) -> None:
        """Take an opinion; one of an earlier pause is out of date.

        Args:
            said_ms: length of the turn up to the pause. Of a single word a model
                knows little: that it is no whole sentence is not believed.
        """
        if pause_number != self.pause_number or not self._asked:
            return
        if finished or said_ms > SINGLE_WORD_MS:
            self._finished = finished

    def resumed(self) -> None:
        """The speaker goes on after the pause."""
        if self._finished is False:
            self._patience.worthwhile()
        self.reset()

    def over(self) -> None:
        """The turn has ended by silence."""
        self._waited = self._finished is False
        if self._waited:
            self._patience.in_vain()
        self.reset()

    def cut_off(self) -> None:
        """The turn that was over wasn't."""
        if self._waited:
            self._patience.too_short()

    def ask(self, heard: Activity) -> int | None:
        """The number of the question, if it is due now; there is one a pause."""
        if self._ask_ms is None or self._asked or heard.silence_ms < self._ask_ms:
            return None
        self._asked = True
        self.pause_number += 1
        return self.pause_number

    def reply_early(self, heard: Activity) -> bool:
        """Whether now is the time to prepare a reply."""
        if self._early_ms is None or self._early or heard.speaking:
            return False
        self._early = heard.silence_ms >= self._early_ms
        return self._early

    def ended(self, heard: Activity, turn_ms: float) -> bool:
        """Whether there was enough silence in a turn that has lasted `turn_ms`."""
        if heard.speaking:
            return False
        if heard.silence_ms >= self._needed_ms:
            return True
        # Single noises, each a little speech, don't hold up the end.
        span_ms = self._span_ms
        return turn_ms >= span_ms and heard.speech_within(span_ms) < self._speech_ms

    @property
    def _needed_ms(self) -> float:
        if self._finished is None:
            return self._undecided_ms
        return self._finished_ms if self._finished else self._patience.ms

    @property
    def _span_ms(self) -> float:
        if self._patient or self._finished is False:
            return max(self._window_ms, self._needed_ms + self._speech_ms)
        return self._window_ms

    def quiet_ms(self, heard: Activity, turn_ms: float) -> float:
        """The least that has to be heard before anything can be decided."""
        needed_ms = [self._needed_ms]
        if self._ask_ms is not None and not self._asked:
            needed_ms.append(self._ask_ms)
        if self._early_ms is not None and not self._early:
            needed_ms.append(self._early_ms)
        in_span_ms = heard.speech_within(self._span_ms) - self._speech_ms
        to_span_ms = max(in_span_ms, self._span_ms - turn_ms)
        to_resume_ms = RESUMED_MS - heard.run_ms if self.paused else math.inf
        to_silence_ms = min(needed_ms) - heard.silence_ms
        return max(0.0, min(to_silence_ms, to_span_ms, to_resume_ms))


def _silences_ms(options: AlgoOptions, asked: bool) -> tuple[float, float, float]:
    """Silence that ends a finished turn, an undecided one, an unfinished one."""
    scale = options.audio_chunk_duration / AlgoOptions.audio_chunk_duration
    undecided_ms = UNDECIDED_SILENCE_MS * scale
    chosen_ms = options.min_silence_ms
    if not asked:
        only_ms = undecided_ms if chosen_ms is None else chosen_ms
        return only_ms, only_ms, only_ms
    finished_ms = FINISHED_SILENCE_MS * scale if chosen_ms is None else chosen_ms
    undecided_ms = max(undecided_ms, finished_ms)
    return finished_ms, undecided_ms, max(options.max_silence_ms, undecided_ms)

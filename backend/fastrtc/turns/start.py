"""When a turn starts while the bot is silent."""

from __future__ import annotations

from ..options import AlgoOptions
from .activity import Activity
from .events import SpeechStarted


class TurnStart:
    """So much speech in one piece starts a turn, or so much within a window.

    Somewhere in it there must be a moment beyond doubt; without one, twice as much
    must be within the window.
    """

    def __init__(self, options: AlgoOptions) -> None:
        self._window_ms = options.audio_chunk_duration * 1000
        self._in_window_ms = options.started_talking_threshold * 1000
        self._in_one_piece_ms = options.min_speech_ms

    def decide(self, heard: Activity) -> SpeechStarted | None:
        """Whether a turn starts with the window that was just heard."""
        if not heard.speaking or not self._enough(heard):
            return None
        return SpeechStarted(heard.since_first_speech(self._window_ms))

    def _enough(self, heard: Activity) -> bool:
        speech_ms = heard.speech_ms
        if not heard.sure_within(self._window_ms):
            return speech_ms >= min(2 * self._in_window_ms, 0.9 * self._window_ms)
        return speech_ms >= self._in_window_ms or heard.run_ms >= self._in_one_piece_ms

    def quiet_ms(self, heard: Activity) -> float:
        """The least that has to be heard before `decide` can say yes."""
        in_window_ms = self._in_window_ms - heard.speech_ms
        return max(0.0, min(self._in_one_piece_ms - heard.run_ms, in_window_ms))

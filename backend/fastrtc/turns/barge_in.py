"""When a turn starts while the bot is speaking, which interrupts it."""

from __future__ import annotations

from ..options import AlgoOptions
from .activity import Activity
from .events import BotHeld, BotReleased, SpeechStarted
from .loudness import Loudness


class BargeIn:
    """Holds the bot at the first sound that is speech, and decides what it was.

    Enough speech is an interruption. Silence before that was a cough, a door or a
    word of consent, after which the bot goes on. Speech much quieter than the user's
    is the bot's own echo, or somebody else.
    """

    def __init__(self, options: AlgoOptions, loudness: Loudness) -> None:
        self._loudness = loudness
        self._least_db = options.interrupt_level_db
        self._interrupt_ms = options.interrupt_after_ms
        self._hold_ms = min(options.hold_after_ms, options.interrupt_after_ms)
        self._release_ms = options.resume_after_false_interruption_ms
        self.reset()

    def reset(self) -> None:
        """The bot has been interrupted, released or has finished."""
        self.holding = False
        self._speech_ms = 0.0
        self._since_onset_ms = 0.0

    def decide(
        self, heard: Activity, ms: float, power: float
    ) -> BotHeld | BotReleased | SpeechStarted | None:
        """What the window of `ms` milliseconds that was just heard means."""
        self._count(heard, ms, power)
        if not self.holding and not self._is_user(heard, ms):
            return None
        if self._speech_ms >= self._interrupt_ms and heard.speaking:
            started = SpeechStarted(self._since_onset_ms)
            self.reset()
            return started
        if not self.holding and heard.run_ms >= self._hold_ms:
            self.holding = True
            return BotHeld()
        if self.holding and heard.silence_ms >= self._release_ms:
            self.reset()
            return BotReleased()
        return None

    def _is_user(self, heard: Activity, ms: float) -> bool:
        sure = heard.sure_within(heard.run_ms + ms)
        return sure and self._loudness.is_own(self._least_db)

    def _count(self, heard: Activity, ms: float, power: float) -> None:
        """Single clicks don't add up; what follows once the bot is held does."""
        if heard.run_ms <= ms and not self.holding:
            self._loudness.begin()
        if heard.speaking:
            self._loudness.add(ms, power)
        if not self.holding:
            self._speech_ms = self._since_onset_ms = heard.run_ms
            return
        self._speech_ms += ms if heard.speaking else 0.0
        self._since_onset_ms += ms

    def quiet_ms(self, heard: Activity) -> float:
        """The least that has to be heard before `decide` can say anything."""
        if not self.holding:
            return max(0.0, self._hold_ms - heard.run_ms)
        to_interrupt_ms = self._interrupt_ms - self._speech_ms
        return max(0.0, min(to_interrupt_ms, self._release_ms - heard.silence_ms))

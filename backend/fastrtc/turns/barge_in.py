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
        self._quiet_ms = 0.0

    def decide(
        self, heard: Activity, ms: float, power: float
    ) -> BotHeld | BotReleased | SpeechStarted | None:
        """What the window of `ms` milliseconds that was just heard means."""
        self._count(ms, heard.speaking and self.is_user(heard, ms, power))
        if self.holding and self._quiet_ms >= self._release_ms:
            self.reset()
            return BotReleased()
        if not heard.speaking or not heard.sure_within(self._since_onset_ms):
            return None
        if self._speech_ms >= self._interrupt_ms:
            started = SpeechStarted(self._since_onset_ms)
            self.reset()
            return started
        if not self.holding and self._speech_ms >= self._hold_ms:
            self.holding = True
            return BotHeld()
        return None

    def is_user(self, heard: Activity, ms: float, power: float) -> bool:
        """Whether the speech in this window is loud enough to be the user's."""
        if heard.run_ms <= ms:
            self._loudness.begin()
        self._loudness.add(ms, power)
        return self._loudness.is_own(self._least_db)

    def _count(self, ms: float, is_user: bool) -> None:
        """Single clicks don't add up; what follows once the bot is held does."""
        if not self.holding and not is_user:
            self._speech_ms = self._since_onset_ms = 0.0
            return
        self._speech_ms += ms if is_user else 0.0
        self._since_onset_ms += ms
        self._quiet_ms = 0.0 if is_user else self._quiet_ms + ms

    def quiet_ms(self) -> float:
        """The least that has to be heard before `decide` can say anything."""
        if not self.holding:
            return max(0.0, self._hold_ms - self._speech_ms)
        to_interrupt_ms = self._interrupt_ms - self._speech_ms
        return max(0.0, min(to_interrupt_ms, self._release_ms - self._quiet_ms))

"""Who speaks when, from speech probabilities alone.

Fed with `(milliseconds, probability)`, it answers with events. Time is the sum
of the milliseconds fed, so a conversation of minutes is tested in microseconds.
Each decision is a policy of its own: `start`, `barge_in`, `end`.
"""

from __future__ import annotations

import math

from ..options import MAX_TURN_S, RESUMED_MS, AlgoOptions
from .activity import Activity
from .barge_in import BargeIn
from .end import TurnEnd
from .events import (
    EndOfTurn,
    Pause,
    ReplyEarly,
    SpeechResumed,
    SpeechStarted,
    TurnEvent,
)
from .loudness import Loudness
from .patience import WENT_ON_MS
from .start import TurnStart


class TurnDetector:
    """Follows one speaker.

    Args:
        options: see `AlgoOptions`.
        threshold: probability from which a window counts as speech.
        asked: `Pause` events are wanted, and answered by `answer`.
        pauses: they are wanted, but not answered.

    Attributes:
        talking: a turn is in progress.
    """

    def __init__(
        self,
        options: AlgoOptions,
        threshold: float = 0.5,
        *,
        asked: bool = False,
        pauses: bool = False,
    ) -> None:
        self._max_turn_ms = 1000 * min(options.max_continuous_speech_s, MAX_TURN_S)
        self._least_said_ms = min(
            options.min_speech_ms, options.started_talking_threshold * 1000
        )
        self._start = TurnStart(options)
        self._loudness = Loudness()
        self._barge_in = BargeIn(options, self._loudness)
        self._end = TurnEnd(options, asked, pauses)
        window_ms = options.audio_chunk_duration * 1000
        self._heard = Activity(threshold, window_ms, self._end.memory_ms)
        self.reset()

    def reset(self) -> None:
        """Forget the turn in progress, and what was heard before."""
        self._heard.reset()
        self._barge_in.reset()
        self._overheard = False
        self._since_end_ms = math.inf
        self._end_turn()

    def _end_turn(self) -> None:
        self.talking = False
        self._end.reset()
        self._turn_ms = 0.0
        self._said_ms: float | None = None

    @property
    def silence_ms(self) -> float:
        """Silence since the last speech."""
        return self._heard.silence_ms

    def feed(
        self,
        ms: float,
        probability: float,
        *,
        power: float = 0.0,
        bot_speaks: bool = False,
    ) -> list[TurnEvent]:
        """Take the next `ms` milliseconds.

        Args:
            probability: of speech.
            power: mean square of the samples, on any scale.
            bot_speaks: the bot has its turn, so that a turn of the user interrupts.

        Returns:
            What was decided, in order; mostly nothing.
        """
        self._heard.feed(ms, probability)
        self._since_end_ms += ms
        if self.talking:
            if self._heard.speaking:
                self._loudness.learn(ms, power)
            return self._go_on(ms)
        if bot_speaks:
            self._overheard = True
            return self._begun(self._barge_in.decide(self._heard, ms, power))
        # The bot finished while it was held: there is nothing left to release.
        self._barge_in.reset()
        if self._overheard and self._is_echo(ms, power):
            return []
        return self._begun(self._start.decide(self._heard))

    def _is_echo(self, ms: float, power: float) -> bool:
        """Whether speech that began under the bot's may be the last of its echo."""
        if self._heard.speaking and not self._barge_in.is_user(self._heard, ms, power):
            return True
        self._overheard = False
        if not self._heard.speaking:
            self._heard.reset()
        return False

    def answer(self, pause_number: int, finished: bool) -> list[TurnEvent]:
        """Take the answer to a `Pause`; one that comes late changes nothing.

        Args:
            pause_number: of the `Pause`.
            finished: the speaker has said all there was to say.
        """
        if not self.talking:
            return []
        said_ms = self._turn_ms - self._heard.silence_ms
        self._end.answer(pause_number, finished, said_ms)
        return self._maybe_end()

    def quiet_ms(self, *, bot_speaks: bool = False) -> float:
        """How much more has to be fed before anything can be decided, at least.

        Whoever computes probabilities may let audio gather for so long and lose
        no time: a model that is called for several windows in a row finds its
        caches warm, and costs a third of what it costs window by window.
        """
        if self.talking:
            left_ms = self._max_turn_ms - self._turn_ms
            to_end_ms = self._end.quiet_ms(self._heard, self._turn_ms)
            return max(0.0, min(left_ms, to_end_ms))
        if bot_speaks:
            return self._barge_in.quiet_ms()
        return self._start.quiet_ms(self._heard)

    def _begun(self, event: TurnEvent | None) -> list[TurnEvent]:
        if isinstance(event, SpeechStarted):
            self.talking = True
            self._turn_ms = event.ago_ms
            self._barge_in.reset()
            if self._since_end_ms - event.ago_ms < WENT_ON_MS:
                self._end.cut_off()
        return [] if event is None else [event]

    def _go_on(self, ms: float) -> list[TurnEvent]:
        self._turn_ms += ms
        events: list[TurnEvent] = []
        if self._heard.speaking:
            if self._said_ms is not None:
                self._said_ms += ms
            events += self._maybe_resume()
        if self._turn_ms >= self._max_turn_ms:
            return [*events, self._cut()]
        if self._said_enough and self._end.reply_early(self._heard):
            events.append(ReplyEarly())
        number = self._end.ask(self._heard)
        if number is not None:
            events.append(Pause(number, self._heard.silence_ms))
        return [*events, *self._maybe_end()]

    def _maybe_resume(self) -> list[TurnEvent]:
        """Speech after a pause, if it is more than a click, opens the turn anew."""
        if self._end.paused and self._heard.run_ms < RESUMED_MS:
            return []
        events: list[TurnEvent] = [SpeechResumed()] if self._end.paused else []
        self._end.resumed()
        return events

    def _cut(self) -> EndOfTurn:
        """Give what was said so far; the speaker goes on, which is no new start."""
        self._turn_ms = 0.0
        self._said_ms = 0.0
        self._end.reset()
        return EndOfTurn(self._heard.silence_ms, cut=True)

    @property
    def _said_enough(self) -> bool:
        """What is left of a turn that was cut may be silence."""
        return self._said_ms is None or self._said_ms >= self._least_said_ms

    def _maybe_end(self) -> list[TurnEvent]:
        if not self._end.ended(self._heard, self._turn_ms):
            return []
        silence_ms, said_enough = self._heard.silence_ms, self._said_enough
        self._end.over()
        self._since_end_ms = 0.0
        self._end_turn()
        # The speech of this turn starts no other one.
        self._heard.reset()
        return [EndOfTurn(silence_ms)] if said_enough else []

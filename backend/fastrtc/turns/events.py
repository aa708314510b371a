"""What the turn detector decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class SpeechStarted:
    """A turn has begun; if the bot was speaking, it is interrupted.

    Attributes:
        ago_ms: how long before now its first speech was heard.
    """

    ago_ms: float


@dataclass(frozen=True)
class Pause:
    """The speaker has stopped for a moment: has the turn ended?

    Attributes:
        number: of the pause, to be named in the answer.
        silence_ms: its length so far.
    """

    number: int
    silence_ms: float


@dataclass(frozen=True)
class ReplyEarly:
    """The turn may be over: a reply may be prepared, but not yet be heard."""


@dataclass(frozen=True)
class SpeechResumed:
    """The speaker goes on after a `Pause` or a `ReplyEarly`."""


@dataclass(frozen=True)
class EndOfTurn:
    """The turn is over, by silence or because it reached its greatest length.

    Attributes:
        silence_ms: the silence at its end.
        cut: True when the greatest length ended it.
    """

    silence_ms: float
    cut: bool = False


@dataclass(frozen=True)
class BotHeld:
    """Something that may be an interruption: the bot should hold its breath."""


@dataclass(frozen=True)
class BotReleased:
    """It was none: the bot should go on where it stopped."""


TurnEvent: TypeAlias = (
    SpeechStarted
    | Pause
    | ReplyEarly
    | SpeechResumed
    | EndOfTurn
    | BotHeld
    | BotReleased
)

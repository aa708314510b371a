"""Feeding a turn detector with made-up probabilities."""

from __future__ import annotations

from collections.abc import Iterable

from fastrtc.turns import TurnDetector, TurnEvent

WINDOW_MS = 20.0


def run(
    detector: TurnDetector,
    probabilities: Iterable[float],
    ms: float = WINDOW_MS,
    *,
    bot_speaks: bool = False,
    power: float = 0.0,
) -> list[tuple[float, TurnEvent]]:
    """Events, with the milliseconds fed by then. A turn silences the bot."""
    events: list[tuple[float, TurnEvent]] = []
    for count, probability in enumerate(probabilities, 1):
        decided = detector.feed(ms, probability, power=power, bot_speaks=bot_speaks)
        events += [(count * ms, event) for event in decided]
        bot_speaks = bot_speaks and not detector.talking
    return events


def windows(*pieces: tuple[float, float]) -> list[float]:
    """Probabilities of pieces given as (milliseconds, probability)."""
    return [p for ms, p in pieces for _ in range(round(ms / WINDOW_MS))]

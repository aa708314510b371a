"""ReplyOnPause: how long the bot goes on talking when the user talks over it."""

from __future__ import annotations

import asyncio

from ..client.call import run
from ..client.line import silent_after_s
from ..client.probe import probing
from ..plan import Plan
from ..results import Values
from ..servers import Candidate, running
from ..speech import interruption, utterances

WARM_UP_S = 1.0
REPLY_WITHIN_S = 5.0
BOT_TALKS_S = 1.2
LISTEN_S = 8.0
"""After the interruption's onset; the bot would go on for 10.8 s."""
STAGGER_S = 1.3
SILENCE_S = 0.4
"""The bot's next answer comes after 0.8 s of thought: no pause within an answer is
as long, and no pause between answers as short."""


def measure(candidate: Candidate, plan: Plan) -> Values:
    """From the onset of an interruption to the last that is heard of the bot."""
    with running(candidate, "long") as server:
        silences = run(_measure(server.url, plan))
    heard = [1000 * silence for silence in silences if silence is not None]
    return {
        "interruption_ms": heard,
        "interruption_failed": [float(len(silences) - len(heard))],
    }


async def _measure(url: str, plan: Plan) -> list[float | None]:
    talks = (_talk(url, number, plan) for number in range(plan.probes))
    done = await asyncio.gather(*talks)
    return [silence for talk in done for silence in talk]


async def _talk(url: str, number: int, plan: Plan) -> list[float | None]:
    await asyncio.sleep(STAGGER_S * number)
    # A call each, so that nothing is left of the one before.
    return [await _interrupt(url) for _ in range(plan.interruptions)]


async def _interrupt(url: str) -> float | None:
    """Seconds until the bot was silent; None when it didn't talk at all."""
    question, over_it = utterances()[0], interruption()
    async with probing(url) as probe:
        await asyncio.sleep(WARM_UP_S)
        await probe.say(question.frames)
        await asyncio.sleep(question.end_s)
        if not await probe.until_loud(REPLY_WITHIN_S):
            return None
        await asyncio.sleep(BOT_TALKS_S)
        onset_s = await probe.say(over_it.frames) + over_it.onset_s
        await asyncio.sleep(LISTEN_S)
        return silent_after_s(probe.heard, onset_s, SILENCE_S) - onset_s

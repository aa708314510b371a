"""ReplyOnPause: from the end of speech to the reply."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

from ..client.call import run
from ..client.line import onsets_s
from ..client.probe import probing
from ..plan import Plan
from ..results import Values
from ..servers import Candidate, running
from ..speech import Utterance, utterances

WARM_UP_S = 1.5
REPLY_WITHIN_S = 2.4
"""After the end of speech; the reply itself lasts 0.5 s."""
STAGGER_S = 0.77
"""Between the probes' starts, so that they don't speak in step."""
TOO_SOON_S = 0.2
"""The client alone buffers 80 ms: a reply heard this soon after the end of speech
was decided on before it."""


@dataclass(frozen=True)
class Turns:
    """What became of the utterances of one probe.

    Attributes:
        latencies_ms: from the end of speech to the reply, of those in order.
        early: how many were answered before they ended.
        missed: how many weren't answered at all.
    """

    latencies_ms: list[float]
    early: int
    missed: int


def measure(candidate: Candidate, plan: Plan) -> Values:
    """Conversations with nothing else going on."""
    with running(candidate, "reply") as server:
        turns = run(converse(server.url, plan.probes, plan.turns, utterances()))
    return {
        "reply_ms": turns.latencies_ms,
        "reply_early": [float(turns.early)],
        "reply_missed": [float(turns.missed)],
        "reply_turns": [float(plan.probes * plan.turns)],
    }


async def converse(
    url: str, probes: int, turns: int, material: tuple[Utterance, ...]
) -> Turns:
    """Several conversations at once, each on its own; their turns together."""
    talks = (
        _converse(url, STAGGER_S * number, number, turns, material)
        for number in range(probes)
    )
    done = await asyncio.gather(*talks)
    return Turns(
        [latency for talk in done for latency in talk.latencies_ms],
        sum(talk.early for talk in done),
        sum(talk.missed for talk in done),
    )


async def _converse(
    url: str, delay_s: float, number: int, turns: int, material: tuple[Utterance, ...]
) -> Turns:
    await asyncio.sleep(delay_s)
    # Every probe begins elsewhere, so that few turns still use all utterances.
    first = number * turns % len(material)
    chosen = itertools.islice(itertools.cycle(material), first, first + turns)
    said: list[tuple[float, float]] = []
    async with probing(url) as probe:
        await asyncio.sleep(WARM_UP_S)
        for turn, utterance in enumerate(chosen):
            # Utterances shall fall anywhere in the server's blocks of audio.
            await asyncio.sleep(0.097 * turn)
            began_s = await probe.say(utterance.frames)
            said.append((began_s + utterance.onset_s, began_s + utterance.end_s))
            await asyncio.sleep(utterance.end_s + REPLY_WITHIN_S)
        heard_s = onsets_s(probe.heard, quiet_s=0.25)
    return judge(said, heard_s)


def judge(said: list[tuple[float, float]], heard_s: list[float]) -> Turns:
    """Compare when utterances began and ended with when replies were heard."""
    latencies_ms: list[float] = []
    early = missed = 0
    for began_s, ended_s in said:
        replies = [x for x in heard_s if began_s < x < ended_s + REPLY_WITHIN_S]
        if not replies:
            missed += 1
        elif replies[0] < ended_s + TOO_SOON_S:
            early += 1
        else:
            latencies_ms.append(1000 * (replies[0] - ended_s))
    return Turns(latencies_ms, early, missed)

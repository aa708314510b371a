"""ReplyOnPause: when it answers, when it waits and when it falls silent.

One server for all of it; what is timed has few conversations at a time, what is
counted has more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import httpx
import numpy as np

from .. import corpus, recordings, trials
from ..client.call import run
from ..client.line import Line
from ..client.probe import probing
from ..environments import CACHE
from ..errors import BenchmarkError
from ..plan import Plan
from ..results import Results, Values
from ..servers import Candidate, running
from ..speech import Utterance
from ..trials import Course, Turn

WARM_UP_S = 1.2
STAGGER_S = 0.77
"""Between the probes' starts, so that they don't speak in step."""
SHIFT_S = 0.007
"""Turns shall begin anywhere in the server's blocks of audio."""
TOO_SOON_S = 0.2
"""The client alone buffers 80 ms: a reply heard this soon after the end of speech
was decided on before it."""
LEAKS_DB = (-30.0, -20.0)
NOT_FOUND = 404
QUESTION = 5
"""A short sentence, to make the bot talk."""

T = TypeVar("T")
Do: TypeAlias = Callable[[Line], Awaitable[T]]
Trial: TypeAlias = "tuple[str, Do[T]]"
"""The name of what it belongs to, and what is to be done."""


def measure(candidate: Candidate, plan: Plan, results: Results) -> None:
    """All trials, once."""
    words = _bot_words()
    with running(candidate, "turns", words) as server:
        results.add(candidate.name, run(_measure(server.url, plan)))
    if not recordings.recorded():
        note = f"No recorded speech: it comes with Debian's {recordings.PACKAGES}."
        if note not in results.notes:
            results.notes.append(note)


def _bot_words() -> Path:
    """What the server says under `/talk`, where it finds it."""
    path = CACHE / "speech" / "bot-talk.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, corpus.bot_talk().samples)
    return path


async def _measure(url: str, plan: Plan) -> Values:
    values: Values = {}
    replies = url + "/reply"
    timed = _turns(
        {"turn": corpus.sentences(), "recorded": recordings.recorded()}, plan
    )
    done = await _in_calls(replies, timed, plan.timed_probes)
    _add_turns(values, done, {"turn", "recorded"})
    counted: list[Trial[Turn | bool]] = [
        *_turns(
            {
                "pause": corpus.paused(),
                "recorded_pause": recordings.recorded_pauses(),
                "word": corpus.words(),
                "noisy": corpus.noisy(),
                "voices": corpus.two_voices(),
            },
            plan,
        ),
        *_strays({"cough": corpus.coughs(), "noise": corpus.noises()}, plan),
    ]
    found = await _in_calls(replies, counted, plan.counted_probes)
    turns = [(group, r) for group, r in found if isinstance(r, Turn)]
    groups = {"pause", "recorded_pause", "word", "noisy", "voices"}
    _add_turns(values, turns, groups)
    _add_strays(values, [(g, r) for g, r in found if isinstance(r, bool)])
    _add_courses(values, await _talk_over(url, plan))
    for name in ("slow", "preempt"):
        if await _serves(url, name):
            trial = _turns({name: corpus.sentences()}, plan)
            done = await _in_calls(f"{url}/{name}", trial, plan.timed_probes)
            _add_turns(values, done, {name})
    return values


async def _serves(url: str, name: str) -> bool:
    """Whether the candidate can do this; preemption is ours alone."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{url}/{name}/webrtc/offer", json={})
    return answer.status_code != NOT_FOUND


# -- what is to be done ------------------------------------------------------------


def _turns(material: dict[str, tuple[Utterance, ...]], plan: Plan) -> list[Trial[Turn]]:
    return [
        (group, partial(trials.turn, utterance=utterance, too_soon_s=TOO_SOON_S))
        for group, utterances in material.items()
        for utterance in utterances[:: plan.corpus_step]
    ]


def _strays(
    material: dict[str, tuple[Utterance, ...]], plan: Plan
) -> list[Trial[bool]]:
    return [
        (group, partial(trials.stray, sound=sound))
        for group, sounds in material.items()
        for sound in sounds[:: plan.corpus_step]
    ]


async def _talk_over(url: str, plan: Plan) -> list[tuple[str, Course | None]]:
    """Each in a call of its own, so that nothing is left of the one before."""
    question = corpus.sentences()[QUESTION]
    barge_ins = (*corpus.barge_ins(), *recordings.recorded_barge_ins())
    over: list[tuple[str, str, Do[Course | None]]] = [
        (group, "/long", partial(trials.talk_over, question=question, sound=sound))
        for group, sounds in {
            "barge_in": barge_ins,
            "cough_over": corpus.coughs(),
            "bystander": corpus.bystanders(),
        }.items()
        for sound in sounds[:: plan.corpus_step]
    ]
    echo = partial(trials.echo, question=question, talk=corpus.bot_talk())
    for leak_db in LEAKS_DB:
        over.append(("bot_echo", "/talk", partial(echo, leak_db=leak_db)))
    free = asyncio.Semaphore(plan.counted_probes)

    async def one(number: int, path: str, do: Do[Course | None]) -> Course | None:
        async with free:
            return await _in_a_call(url + path, number, do)

    calls = (one(number, path, do) for number, (_, path, do) in enumerate(over))
    courses = await asyncio.gather(*calls)
    return list(zip([group for group, _, _ in over], courses, strict=True))


async def _in_a_call(url: str, number: int, do: Do[T]) -> T:
    async with probing(url) as line:
        await asyncio.sleep(WARM_UP_S + SHIFT_S * number)
        return await do(line)


async def _in_calls(
    url: str, todo: Sequence[Trial[T]], probes: int
) -> list[tuple[str, T]]:
    """Several calls at once, each with its part of the trials one by one."""

    async def some(probe: int) -> list[tuple[str, T]]:
        await asyncio.sleep(STAGGER_S * probe)
        async with probing(url) as line:
            await asyncio.sleep(WARM_UP_S)
            done: list[tuple[str, T]] = []
            for number, (group, do) in enumerate(todo[probe::probes]):
                await asyncio.sleep(SHIFT_S * number)
                done.append((group, await do(line)))
            return done

    parts = await asyncio.gather(*(some(probe) for probe in range(probes)))
    return [one for part in parts for one in part]


# -- what came of it ---------------------------------------------------------------


def _add_turns(
    values: Values, done: Sequence[tuple[str, Turn]], groups: set[str]
) -> None:
    for group in groups:
        turns = [turn for name, turn in done if name == group]
        if not turns:
            continue
        latencies_s = [t.latency_s for t in turns if t.latency_s is not None]
        values[f"{group}_ms"] = [1000 * latency_s for latency_s in latencies_s]
        values[f"{group}_early"] = [float(sum(t.early for t in turns))]
        values[f"{group}_missed"] = [float(sum(t.missed for t in turns))]
        values[f"{group}_turns"] = [float(len(turns))]


def _add_strays(values: Values, done: Sequence[tuple[str, bool]]) -> None:
    for group in ("cough", "noise"):
        replies = [replied for name, replied in done if name == group]
        values[f"{group}_replies"] = [float(sum(replies))]
        values[f"{group}_trials"] = [float(len(replies))]


def _add_courses(values: Values, done: Sequence[tuple[str, Course | None]]) -> None:
    courses = [(group, course) for group, course in done if course is not None]
    if not courses:
        raise BenchmarkError("the bot never talked, so nobody could talk over it")
    values["bot_missing"] = [float(len(done) - len(courses))]
    barge_ins = [course for group, course in courses if group == "barge_in"]
    # A bot that isn't silent in all the time counts with all the time.
    values["barge_in_ms"] = [
        1000 * (trials.LISTEN_S if course.silent_s is None else course.silent_s)
        for course in barge_ins
    ]
    for group in ("cough_over", "bystander", "bot_echo"):
        mine = [course for name, course in courses if name == group]
        values[f"{group}_interrupted"] = [float(sum(not c.went_on for c in mine))]
        values[f"{group}_trials"] = [float(len(mine))]
    values["interrupted_wrongly"] = [
        float(sum(not c.went_on for name, c in courses if name != "barge_in"))
    ]
    values["interrupted_wrongly_trials"] = [float(len(courses) - len(barge_ins))]
    values["held_back_ms"] = [
        1000 * c.paused_s for name, c in courses if name != "barge_in" and c.went_on
    ]

"""`python -m benchmarks.tune`: turn taking in virtual time, to try options by.

It says the turn-taking corpus to a ReplyOnPause in this process, with the real
models, and prints what comes of it in some seconds:

    python -m benchmarks.tune
    python -m benchmarks.tune --set min_silence_ms=300 --set preemptive_after_ms=150
    python -m benchmarks.tune --vad threshold=0.6 pauses words
    python -m benchmarks.tune --silence-only --verbose recorded

A model's calls take no virtual time. There is no network, codec or jitter buffer
either: a client over WebRTC hears everything about 100 ms later.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import dataclasses
import multiprocessing
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeAlias

import numpy as np

from fastrtc import AlgoOptions, ReplyOnPause, SileroVadOptions
from fastrtc.end_of_turn.silence import SilenceOnly
from fastrtc.testing import run_in_virtual_time

from . import corpus, recordings, trials
from .client.line import Line
from .client.memory_line import talking_to
from .environments import prepare_cache
from .speech import RATE_HZ, Utterance
from .trials import Course, Turn

TOO_SOON_S = 0.1
"""A reply heard this soon after the end of speech was decided on before it."""
WARM_UP_S = 0.6
THOUGHT_S = 0.8
SLOW_S = 0.4
LONG_REPLY_CHUNKS = 24
LEAKS_DB = (-30.0, -20.0)
TRIAL_TIMEOUT_S = 60.0

Outcome: TypeAlias = "Turn | Course | bool | None"

TURNS: dict[str, Callable[[], tuple[Utterance, ...]]] = {
    "sentences": corpus.sentences,
    "recorded": recordings.recorded,
    "pauses": corpus.paused,
    "words": corpus.words,
    "noisy": corpus.noisy,
    "two-voices": corpus.two_voices,
    "slow": corpus.sentences,
    "recorded-pauses": recordings.recorded_pauses,
}
STRAYS = {"coughs": corpus.coughs, "noises": corpus.noises}
OVER = {
    "barge-ins": lambda: (*corpus.barge_ins(), *recordings.recorded_barge_ins()),
    "coughs-over": corpus.coughs,
    "bystanders": corpus.bystanders,
}
ECHO = "echo"
GROUPS = (*TURNS, *STRAYS, *OVER, ECHO)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is tried.

    Attributes:
        algo: fields of AlgoOptions.
        vad: fields of SileroVadOptions.
        handler: arguments of ReplyOnPause.
        silence_only: no model is asked whether the user has finished.
    """

    algo: Mapping[str, Any]
    vad: Mapping[str, Any]
    handler: Mapping[str, Any]
    silence_only: bool = False


# -- the bot -----------------------------------------------------------------------


def _tone(hz: float) -> tuple[int, np.ndarray]:
    t = np.arange(RATE_HZ // 2) / RATE_HZ
    return RATE_HZ, (12_000 * np.sin(2 * np.pi * hz * t)).astype(np.int16)[None]


def reply(audio: Any) -> Iterator[Any]:
    """Answer at once."""
    yield _tone(880)


async def slow(audio: Any) -> AsyncIterator[Any]:
    """Answer after some work."""
    await asyncio.sleep(SLOW_S)
    yield _tone(880)


async def long(audio: Any) -> AsyncIterator[Any]:
    """A long answer that begins with a low tone."""
    await asyncio.sleep(THOUGHT_S)
    yield _tone(300)
    for _ in range(LONG_REPLY_CHUNKS - 1):
        yield _tone(880)


async def talk(audio: Any) -> AsyncIterator[Any]:
    """An answer in words."""
    await asyncio.sleep(THOUGHT_S)
    yield RATE_HZ, corpus.bot_talk().samples.reshape(1, -1)


def _handler(fn: Any, settings: Settings) -> ReplyOnPause:
    options: dict[str, Any] = {
        "algo_options": AlgoOptions(**settings.algo),
        "output_sample_rate": RATE_HZ,
        **settings.handler,
    }
    if settings.silence_only:
        options["end_of_turn_model"] = SilenceOnly()
    if settings.vad:
        options["model_options"] = SileroVadOptions(**settings.vad)
    return ReplyOnPause(fn, **options)


# -- one trial ---------------------------------------------------------------------


def run_trial(group: str, number: int, settings: Settings) -> tuple[str, Outcome]:
    """A trial by itself, in a call of its own: its name and what came of it."""
    name, fn, act = _trial(group, number)

    async def converse() -> Outcome:
        async with talking_to(lambda: _handler(fn, settings)) as line:
            # Speech shall fall anywhere in the voice detector's windows.
            await asyncio.sleep(WARM_UP_S + 0.007 * number)
            return await asyncio.wait_for(act(line), TRIAL_TIMEOUT_S)

    return name, run_in_virtual_time(converse)


def _trial(group: str, number: int) -> tuple[str, Any, Callable[[Line], Any]]:
    question = corpus.sentences()[5]
    if group == ECHO:
        leak_db, words = LEAKS_DB[number], corpus.bot_talk()
        act = lambda line: trials.echo(line, question, words, leak_db)  # noqa: E731
        return f"echo{leak_db:g}dB", talk, act
    if group in OVER:
        sound = OVER[group]()[number]
        return sound.name, long, lambda line: trials.talk_over(line, question, sound)
    if group in STRAYS:
        sound = STRAYS[group]()[number]
        return sound.name, reply, lambda line: trials.stray(line, sound)
    spoken = TURNS[group]()[number]
    fn = slow if group == "slow" else reply
    return spoken.name, fn, lambda line: trials.turn(line, spoken, TOO_SOON_S)


def size_of(group: str) -> int:
    """How many trials a group has; what is said in them is made."""
    corpus.sentences()
    if group == ECHO:
        corpus.bot_talk()
        return len(LEAKS_DB)
    return len((TURNS | STRAYS | OVER)[group]())


# -- summing up --------------------------------------------------------------------


def summary(group: str, outcomes: Sequence[tuple[str, Outcome]]) -> str:
    """One line on a group."""
    results = [outcome for _, outcome in outcomes]
    if group in TURNS:
        return _turns([r for r in results if isinstance(r, Turn)])
    if group in STRAYS:
        return f"replies {sum(r is True for r in results)} of {len(results)}"
    courses = [r for r in results if isinstance(r, Course)]
    none = f", no bot to talk over {len(results) - len(courses)}"
    none = none if len(courses) < len(results) else ""
    if group == "barge-ins":
        silent_s = [c.silent_s for c in courses if c.silent_s is not None]
        still = f", not silent {len(courses) - len(silent_s)} of {len(courses)}"
        return f"bot silent after {_spread(silent_s)}{still}{none}"
    on = [c for c in courses if c.went_on]
    paused = f", paused up to {1000 * max((c.paused_s for c in on), default=0):.0f} ms"
    return f"interrupted {len(courses) - len(on)} of {len(courses)}{paused}{none}"


def _turns(turns: Sequence[Turn]) -> str:
    latencies_s = [t.latency_s for t in turns if t.latency_s is not None]
    early, missed = sum(t.early for t in turns), sum(t.missed for t in turns)
    count = len(turns)
    return f"{_spread(latencies_s)}, early {early} of {count}, missed {missed}"


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    p50, p95, most = (1000 * np.percentile(seconds, q) for q in (50, 95, 100))
    return f"p50 {p50:4.0f}  p95 {p95:4.0f}  max {most:4.0f} ms"


def detail(name: str, outcome: Outcome) -> str:
    """One line on a trial."""
    if isinstance(outcome, Turn):
        if outcome.latency_s is None:
            return f"    {name}: {'EARLY' if outcome.early else 'MISSED'}"
        return f"    {name}: {1000 * outcome.latency_s:.0f} ms"
    if isinstance(outcome, Course):
        silent = outcome.silent_s
        end = "talks on" if silent is None else f"silent at {1000 * silent:.0f} ms"
        went_on = "went on" if outcome.went_on else "did not go on"
        paused = f"longest silence {1000 * outcome.paused_s:.0f} ms"
        return f"    {name}: {end}, {went_on}, {paused}"
    return f"    {name}: {'REPLY' if outcome else outcome}"


# -- the command -------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; 2 for options that there are not."""
    arguments = _arguments(argv)
    settings = Settings(
        dict(arguments.set),
        dict(arguments.vad),
        dict(arguments.handler),
        arguments.silence_only,
    )
    try:
        _handler(reply, settings)
    except TypeError as error:
        print(f"benchmarks.tune: {error}", file=sys.stderr)
        return 2
    groups = [g for g in GROUPS if g in arguments.groups or not arguments.groups]
    began_s = time.monotonic()
    prepare_cache()
    # All processes find the same speech made.
    sizes = {group: size_of(group) for group in groups}
    # Forked processes would share onnxruntime's threads, which don't survive it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(arguments.jobs, context) as pool:
        running = {
            group: [
                pool.submit(run_trial, group, number, settings)
                for number in range(size)
            ]
            for group, size in sizes.items()
        }
        for group, futures in running.items():
            outcomes = [future.result() for future in futures]
            print(f"{group:12s} {summary(group, outcomes)}", flush=True)
            if arguments.verbose:
                print("\n".join(detail(*outcome) for outcome in outcomes), flush=True)
    print(f"{time.monotonic() - began_s:.0f} s")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("groups", nargs="*", metavar="group", help=", ".join(GROUPS))
    for name, what in (
        ("set", "a field of AlgoOptions"),
        ("vad", "a field of SileroVadOptions"),
        ("handler", "an argument of ReplyOnPause"),
    ):
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            type=_assignment,
            metavar="NAME=VALUE",
            help=what,
        )
    parser.add_argument(
        "--silence-only", action="store_true", help="no end-of-turn model"
    )
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--verbose", "-v", action="store_true", help="each trial")
    arguments = parser.parse_args(argv)
    unknown = set(arguments.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no group {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    return arguments


def _assignment(text: str) -> tuple[str, Any]:
    name, found, value = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    try:
        return name, float("inf") if value == "inf" else ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


if __name__ == "__main__":
    sys.exit(main())

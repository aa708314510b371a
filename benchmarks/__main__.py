"""`python -m benchmarks [--quick] [part …]`: measures, prints and writes RESULTS.md."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import psutil

from . import environments, report
from .client.wire import use_loopback_only
from .disturbance import Disturbance
from .environments import existing_environment
from .errors import BenchmarkError
from .parts import (
    echo,
    footprint,
    interruption,
    listening,
    ramp,
    reply,
    turns,
    video,
    video_ramp,
    websocket,
)
from .plan import FULL, QUICK, Plan
from .results import Results, Values
from .servers import CLIENT_CORE, Candidate, can_pin, pin

Measure = Callable[[Candidate, Plan], Values]

# In each round every candidate has its turn.
ROUNDS: dict[str, Measure] = {
    "echo": echo.measure,
    "listening": listening.measure,
    "reply": reply.measure,
    "interruption": interruption.measure,
    "video": video.measure,
    "websocket": websocket.measure,
}
# These have rounds of their own, or need none.
ONCE: dict[str, Callable[[Candidate, Plan, Results], None]] = {
    "turns": turns.measure,
    "ramp": ramp.measure,
    "video-ramp": video_ramp.measure,
}
PARTS = ("footprint", *ROUNDS, *ONCE)
WITH_BARE = ("footprint", "echo", "video", "video-ramp")


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def arguments_of(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="about 10 minutes, not 35")
    parser.add_argument("--rounds", type=int, help="instead of the plan's")
    parser.add_argument(
        "--output",
        type=Path,
        help="instead of benchmarks/RESULTS.md, written by whole runs; - for none",
    )
    for name in ("ours", "peer", "bare"):
        parser.add_argument(
            f"--{name}",
            type=Path,
            metavar="PYTHON",
            help="an interpreter that has it, instead of a fresh environment",
        )
    arguments = parser.parse_args(argv)
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return arguments


def candidates_of(arguments: argparse.Namespace) -> list[Candidate]:
    """What is to be measured, installed."""
    environments.prepare_cache()

    def environment(python: Path | None, make: Callable[..., environments.Environment]):
        return existing_environment(python) if python else make(say)

    ours = environment(arguments.ours, environments.make_ours)
    peer = environment(arguments.peer, environments.make_peer)
    bare = environment(arguments.bare, environments.make_bare)
    weights = environments.peer_weights(say)
    return [
        Candidate(report.OURS, ours),
        Candidate(report.PEER, peer, weights=weights),
        Candidate(report.BARE, bare, is_bare=True),
    ]


def measure_all(
    candidates: Sequence[Candidate], parts: Sequence[str], plan: Plan
) -> Results:
    """Every part, the candidates in turn in each round of it."""
    results = Results()
    for part in parts:
        taking = [c for c in candidates if part in WITH_BARE or not c.is_bare]
        rounds = plan.rounds if part in ROUNDS else 1
        for number in range(rounds):
            for candidate in taking:
                say(f"{part}, round {number + 1} of {rounds}: {candidate.name}")
                _measure(part, candidate, plan, results)
    return results


def _measure(part: str, candidate: Candidate, plan: Plan, results: Results) -> None:
    disturbance = Disturbance()
    try:
        if part in ONCE:
            ONCE[part](candidate, plan, results)
        elif part == "footprint":
            results.add(candidate.name, footprint.measure(candidate, plan))
        else:
            results.add(candidate.name, ROUNDS[part](candidate, plan))
    except BenchmarkError as error:
        # The other candidates and parts are worth having all the same.
        say(f"{part} of {candidate.name} failed: {error}")
        results.notes.append(f"{part} of {candidate.name} failed once")
    results.add(candidate.name, {"others_cores": [disturbance.cores()]})


@contextlib.contextmanager
def _on_core(core: int) -> Generator[None, None, None]:
    """This process, and nothing it starts later, on one core."""
    if not can_pin():
        yield
        return
    process = psutil.Process()
    before = process.cpu_affinity()
    pin(process, core)
    try:
        yield
    finally:
        process.cpu_affinity(before)


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; 1 when something can't be measured."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = arguments_of(argv)
    use_loopback_only()
    plan = QUICK if arguments.quick else FULL
    if arguments.rounds:
        plan = plan.with_rounds(arguments.rounds)
    parts = [part for part in PARTS if part in arguments.parts or not arguments.parts]
    try:
        candidates = candidates_of(arguments)
        began_s = time.monotonic()
        with _on_core(CLIENT_CORE):
            results = measure_all(candidates, parts, plan)
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("benchmarks: stopped", file=sys.stderr)
        return 130
    command = shlex.join(["python", "-m", "benchmarks", *argv])
    minutes = (time.monotonic() - began_s) / 60
    text = report.report(results, candidates, command, minutes)
    print(text)
    # Some parts by themselves are no table to keep.
    output = arguments.output or (None if arguments.parts else report.results_file())
    if output is not None and str(output) != "-":
        output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

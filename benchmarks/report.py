"""The table, as Markdown."""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Sequence
from pathlib import Path

import psutil

from .environments import ROOT
from .results import Results
from .row import Row
from .rows import ROWS
from .servers import CLIENT_CORE, SERVER_CORE, Candidate, can_pin

OURS = "fastrtc"
PEER = "FastRTC 0.0.34"
BARE = "aiortc"
NOTHING = "–"  # noqa: RUF001 (a dash is what an empty cell shows)

NOT_COMPARED = ("others_cores",)

HOW_TO_READ = """\
All candidates run the same server program and are called by the same client on the
same machine, one after the other in each round. Times shift from machine to machine;
the ratio of ours to FastRTC holds better. A value of several rounds is their median,
percentiles are over the trials of all rounds together; the rows that begin with "turns"
are of one round. Speech is synthetic (eSpeak NG) where it isn't said to be recorded,
with room noise 64 dB below full scale, and outside of "turns" with pauses of 200 to
400 ms inside utterances. The client hears each packet 80 ms after it came, which stands
for a browser's jitter buffer. aiortc alone has neither pause detection nor a page."""


def report(
    results: Results, candidates: Sequence[Candidate], command: str, minutes: float
) -> str:
    """Everything that was measured, with what is needed to read it."""
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Made by `{command}` on {datetime.date.today().isoformat()} in "
            f"{minutes:.0f} minutes.",
            "",
            *_table(results, [candidate.name for candidate in candidates]),
            "",
            "## How to read it",
            "",
            HOW_TO_READ,
            "",
            *_meanings(results),
            *_notes(results),
            "",
            "## Machine and versions",
            "",
            f"- {_machine()}",
            *(f"- {_versions(candidate)}" for candidate in candidates),
            "",
        ]
    )


def _table(results: Results, names: list[str]) -> list[str]:
    compared = OURS in names and PEER in names
    head = ["", *names] + (["ours / FastRTC"] if compared else [])
    lines = [_line(head), _line(["---"] + ["---:"] * (len(head) - 1))]
    for row in ROWS:
        if not any(results.of(name, row.metric) for name in names):
            continue
        cells = [row.label, *(_cell(results, name, row) for name in names)]
        lines.append(_line(cells + ([_ratio(results, row)] if compared else [])))
    return lines


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(results: Results, name: str, row: Row) -> str:
    values = results.of(name, row.metric)
    if not values:
        return NOTHING
    text = f"{row.summary(values):.{row.digits}f}"
    if row.out_of is not None:
        text += f" of {sum(results.of(name, row.out_of)):.0f}"
    return text


def _quotient(results: Results, row: Row) -> float | None:
    ours, peers = (results.of(name, row.metric) for name in (OURS, PEER))
    comparable = row.metric not in NOT_COMPARED and ours and peers
    if not comparable or not row.summary(peers):
        return None
    return row.summary(ours) / row.summary(peers)


def _ratio(results: Results, row: Row) -> str:
    quotient = _quotient(results, row)
    return NOTHING if quotient is None else f"{quotient:.2f}"


def _meanings(results: Results) -> list[str]:
    measured = {metric for values in results.values.values() for metric in values}
    return [
        f"- *{row.label}*: {row.meaning}."
        for row in ROWS
        if row.meaning and row.metric in measured
    ]


def _notes(results: Results) -> list[str]:
    """What was noted on the way, and where ours isn't better."""
    notes = [f"- {note}" for note in results.notes]
    for row in ROWS:
        ours, peers = (results.of(name, row.metric) for name in (OURS, PEER))
        if not ours or not peers or row.metric in NOT_COMPARED:
            continue
        ahead = row.summary(peers) - row.summary(ours)
        if row.better == "more":
            ahead = -ahead
        if round(ahead, row.digits) < 0:
            mine, theirs = (_cell(results, name, row) for name in (OURS, PEER))
            notes.append(f"- Not better: {row.label}, {mine} against {theirs}.")
    return ["", "## Notes", "", *notes] if notes else []


def _machine() -> str:
    pinned = (
        f"server on core {SERVER_CORE}, client on core {CLIENT_CORE}"
        if can_pin()
        else "server and client not pinned to cores"
    )
    memory_gb = psutil.virtual_memory().total / 1e9
    cores = psutil.cpu_count()
    return (
        f"{_processor()}, {cores} cores, {memory_gb:.0f} GB, {platform.system()} "
        f"{platform.release().split('-')[0]}; {pinned}"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found[1] if found else platform.processor() or platform.machine()


def _versions(candidate: Candidate) -> str:
    versions = candidate.environment.versions.items()
    return f"{candidate.name}: " + ", ".join(f"{n} {v}" for n, v in versions)


def results_file() -> Path:
    """Where the last run's report is kept."""
    return ROOT / "benchmarks" / "RESULTS.md"

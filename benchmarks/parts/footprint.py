"""What having it installed and importing it costs."""

from __future__ import annotations

import subprocess
import sys

import psutil

from ..environments import clean_environ
from ..errors import BenchmarkError
from ..plan import Plan
from ..results import Values
from ..servers import SERVER_CORE, Candidate, pin

IMPORT_TIMEOUT_S = 120
# The process says how long its import took: its own start isn't counted.
_TIMED = (
    "import sys, time; sys.stdin.readline(); t = time.perf_counter(); {};"
    " print(time.perf_counter() - t)"
)


def measure(candidate: Candidate, plan: Plan) -> Values:
    """Size, and import times."""
    values: Values = {}
    if candidate.environment.size_mb is not None:
        values["size_mb"] = [candidate.environment.size_mb]
    if candidate.is_bare:
        values["import_s"] = _times_s(candidate, "import aiortc", plan)
    else:
        values["import_s"] = _times_s(candidate, "import fastrtc", plan)
        page = "from fastrtc import WebRTC"
        values["import_page_s"] = _times_s(candidate, page, plan)
    return values


def _times_s(candidate: Candidate, statement: str, plan: Plan) -> list[float]:
    _time_s(candidate, statement)  # reads the files into the system's cache
    return [_time_s(candidate, statement) for _ in range(plan.import_runs)]


def _time_s(candidate: Candidate, statement: str) -> float:
    process = subprocess.Popen(
        [str(candidate.environment.python), "-c", _TIMED.format(statement)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        env=clean_environ(),
        text=True,
    )
    try:
        pin(psutil.Process(process.pid), SERVER_CORE)
        said, _ = process.communicate("go\n", timeout=IMPORT_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{statement!r} takes too long") from error
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise BenchmarkError(f"{statement!r} fails with {candidate.name}")
    return float(said)

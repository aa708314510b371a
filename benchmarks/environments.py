"""The environments under test, made once and kept under `.bench/`."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import BenchmarkError

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".bench"
STAMP = "benchmark.json"
"""In an environment that is whole; it holds its size."""
INSTALL_TIMEOUT_S = 1800
PEER = "fastrtc[vad]==0.0.34"
WEIGHTS_PACKAGE = "faster-whisper==1.0.1"
WEIGHTS_FILE = "faster_whisper/assets/silero_vad.onnx"
VERSIONS_OF = ("fastrtc", "aiortc", "av", "numpy", "onnxruntime", "gradio")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """One interpreter with what is to be measured.

    Attributes:
        python: its interpreter.
        size_mb: installed size in 10^6 bytes, pip left out; None when the
            environment was not made here.
        versions: of the packages that matter.
    """

    python: Path
    size_mb: float | None
    versions: Mapping[str, str] = field(default_factory=dict[str, str])


def existing_environment(python: Path) -> Environment:
    """An environment made by somebody else.

    Raises:
        BenchmarkError: that is no interpreter.
    """
    return Environment(python, None, _versions(python))


def make_peer(say: Say) -> Environment:
    """FastRTC 0.0.34 with its pause detection."""
    return _make("fastrtc-0.0.34", PEER, [PEER], [], say)


def make_bare(say: Say) -> Environment:
    """aiortc alone; what the server needs besides isn't counted."""
    return _make(
        "aiortc", "aiortc, numpy", ["aiortc"], ["numpy", "fastapi", "uvicorn"], say
    )


def make_ours(say: Say) -> Environment:
    """This working tree, as the wheel that users get."""
    folder, key = CACHE / "ours", _sources_digest()
    stamp = _read_stamp(folder)
    if stamp.get("key") == key:
        return _made(folder)
    say("building the wheel")
    wheel = str(_build_wheel())
    dependencies = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.get("dependencies") != dependencies:
        _make("ours", key, [wheel], [], say, dependencies)
        return _made(folder)
    # The same dependencies: the wheel alone is exchanged, which takes seconds.
    _install(folder, ["--force-reinstall", "--no-deps", wheel])
    size_mb = _size_mb(folder) - stamp["empty_mb"]
    _write_stamp(folder, {**stamp, "key": key, "size_mb": size_mb})
    return _made(folder)


def peer_weights(say: Say) -> Path:
    """FastRTC's voice detector, Silero v4, which it would fetch from a model hub.

    The same file lies in a package on PyPI, so that the benchmark needs no hub.

    Raises:
        BenchmarkError: the package can't be had.
    """
    target = CACHE / "silero_vad_v4.onnx"
    if not target.exists():
        say(f"fetching {WEIGHTS_PACKAGE} for Silero v4")
        folder = CACHE / "downloads"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        _run([*pip, "--dest", str(folder), WEIGHTS_PACKAGE])
        wheel = next(folder.glob("faster_whisper-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            target.write_bytes(archive.read(WEIGHTS_FILE))
    return target


def clean_environ() -> dict[str, str]:
    """This process's variables without those that change what Python imports."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def prepare_cache() -> None:
    """Make `.bench/`, which git ignores by a file of its own."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")


# -- making ------------------------------------------------------------------------


def _make(
    name: str,
    key: str,
    counted: list[str],
    besides: list[str],
    say: Say,
    dependencies: str = "",
) -> Environment:
    """An environment with `counted`, whose size is taken, and `besides`."""
    folder = CACHE / name
    if _read_stamp(folder).get("key") != key:
        say(f"installing {name}")
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        empty_mb = _size_mb(folder)
        _install(folder, counted)
        stamp = {
            "key": key,
            "dependencies": dependencies,
            "empty_mb": empty_mb,
            "size_mb": _size_mb(folder) - empty_mb,
        }
        if besides:
            _install(folder, besides)
        _write_stamp(folder, stamp)
    return _made(folder)


def _made(folder: Path) -> Environment:
    python = folder / "bin" / "python"
    return Environment(python, _read_stamp(folder)["size_mb"], _versions(python))


def _read_stamp(folder: Path) -> dict[str, Any]:
    """What is known of an environment; nothing when it isn't whole."""
    file = folder / STAMP
    return json.loads(file.read_text()) if file.exists() else {}


def _write_stamp(folder: Path, stamp: Mapping[str, Any]) -> None:
    (folder / STAMP).write_text(json.dumps(stamp))


def _install(folder: Path, requirements: list[str]) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    _run([*pip, "--disable-pip-version-check", *requirements])


def _size_mb(folder: Path) -> float:
    """Bytes of all packages of an environment, in 10^6."""
    packages = (folder / "lib").glob("python*/site-packages")
    files = (f for package in packages for f in package.rglob("*"))
    return sum(f.stat().st_size for f in files if f.is_file()) / 1e6


def _build_wheel() -> Path:
    folder = CACHE / "wheel"
    for old in folder.glob("*.whl"):
        old.unlink()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    _run([*build, "--outdir", str(folder), str(ROOT)])
    return next(folder.glob("*.whl"))


def _sources_digest() -> str:
    """Changes when the wheel would."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    for file in sorted((ROOT / "backend").rglob("*")):
        skipped = "__pycache__" in file.parts or file.suffix in (".pyc", ".pyi")
        if file.is_file() and not skipped:
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _versions(python: Path) -> dict[str, str]:
    program = (
        "import importlib.metadata as m, json, platform;"
        f"found = {{n: v for n in {VERSIONS_OF!r}"
        " for v in [next((d.version for d in m.distributions(name=n)), None)] if v};"
        "found['Python'] = platform.python_version();"
        "print(json.dumps(found))"
    )
    return json.loads(_run([str(python), "-c", program]))


def _run(command: list[str]) -> str:
    """What a command prints.

    Raises:
        BenchmarkError: it failed, with the end of what it said.
    """
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            env=clean_environ(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchmarkError(f"{' '.join(command)}: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:]
        raise BenchmarkError(f"{' '.join(command)} failed:\n{said}")
    return done.stdout

"""Build the front end with npm, when its sources changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from build_tools.errors import ShippedFileError

COMPONENT = "backend/fastrtc/ui/templates/component"
OUTPUTS = (
    f"{COMPONENT}/index.js",
    f"{COMPONENT}/style.css",
    f"{COMPONENT}/svelte_runtime_entry.js",
    "backend/fastrtc/static/fastrtc.js",
)
# What Vite 7 asks for.
NODE_AT_LEAST = (20, 19)

_NOT_SOURCES = {"node_modules", "coverage", "dist", ".svelte-kit", ".vite"}
_TAIL_LINES = 20


def make_frontend(root: Path, say: Callable[[str], None]) -> None:
    """Run `npm ci` and `npm run build` unless the outputs are up to date.

    Raises:
        ShippedFileError: Node.js is missing or too old, or npm failed.
    """
    if is_fresh(root):
        return
    frontend = root / "frontend"
    if not (frontend / "package.json").is_file():
        raise ShippedFileError(
            "the built front end is missing and so are its sources: "
            "take a complete checkout or a released sdist"
        )
    npm = _find_npm()
    if _needs_install(frontend):
        say("installing the front end's packages: npm ci")
        _run([npm, "ci"], frontend)
    say("building the front end: npm run build")
    _run([npm, "run", "build"], frontend)
    missing = [name for name in OUTPUTS if not (root / name).is_file()]
    if missing:
        raise ShippedFileError(f"npm run build did not make {', '.join(missing)}")


def is_fresh(root: Path) -> bool:
    """Whether every output is there and no source is newer than one of them."""
    outputs = [root / name for name in OUTPUTS]
    if not all(path.is_file() for path in outputs):
        return False
    # An unpacked sdist brings its outputs; its times say nothing.
    if (root / "PKG-INFO").is_file():
        return True
    oldest = min(path.stat().st_mtime for path in outputs)
    return all(path.stat().st_mtime <= oldest for path in _sources(root / "frontend"))


def _sources(frontend: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(frontend):
        folders[:] = [name for name in folders if name not in _NOT_SOURCES]
        for name in files:
            if ".test." not in name:
                yield Path(folder) / name


def _needs_install(frontend: Path) -> bool:
    installed = frontend / "node_modules" / ".package-lock.json"
    if not installed.is_file():
        return True
    wanted = frontend / "package-lock.json"
    return wanted.stat().st_mtime > installed.stat().st_mtime


def _find_npm() -> str:
    advice = (
        f"install Node.js {'.'.join(map(str, NODE_AT_LEAST))} or newer with npm and "
        "run this again, or set FASTRTC_SKIP_FRONTEND=1 to work on the Python side only"
    )
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise ShippedFileError(f"building the front end needs Node.js: {advice}")
    told = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    ).stdout.strip()
    found = re.match(r"v(\d+)\.(\d+)", told)
    if found is None or (int(found[1]), int(found[2])) < NODE_AT_LEAST:
        raise ShippedFileError(f"Node.js {told or '?'} is too old: {advice}")
    return npm


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-_TAIL_LINES:])
        raise ShippedFileError(
            f"npm {' '.join(command[1:])} failed in {folder.name}/ (is the npm "
            f"registry in reach?); its last lines:\n{tail}"
        )

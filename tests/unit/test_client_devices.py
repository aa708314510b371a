"""fastrtc.client's microphone, speaker and terminal, with devices of paper."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fastrtc.client import (
    AudioDeviceError,
    Caption,
    EndStream,
    ErrorMessage,
    Log,
    Microphone,
    Speaker,
    WarningMessage,
)
from fastrtc.client import (
    __main__ as terminal,
)
from fastrtc.errors import MissingExtraError, OutputError


class PaperStream:
    """A PortAudio stream; the test calls its callback, from a thread as PortAudio."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.state: list[str] = []

    def start(self) -> None:
        self.state.append("started")

    def stop(self) -> None:
        self.state.append("stopped")

    def close(self) -> None:
        self.state.append("closed")

    def block(self, samples: Any = None) -> Any:
        """20 ms come or go."""
        frames = self.options["blocksize"]
        block = np.full((frames, 1), 77, np.int16)
        if samples is not None:
            block[:, 0] = samples
        run = threading.Thread(
            target=self.options["callback"], args=(block, frames, None, None)
        )
        run.start()
        run.join()
        return block[:, 0]


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> dict[str, PaperStream]:
    """The streams that were opened."""
    opened: dict[str, PaperStream] = {}

    def opener(name: str) -> Any:
        def open_(**options: Any) -> PaperStream:
            if options["device"] == "broken":
                raise ValueError("Invalid device")
            opened[name] = PaperStream(**options)
            return opened[name]

        return open_

    module = SimpleNamespace(InputStream=opener("in"), OutputStream=opener("out"))
    monkeypatch.setitem(sys.modules, "sounddevice", module)  # pyright: ignore
    return opened


async def test_a_microphone_gives_its_blocks(streams: dict[str, PaperStream]) -> None:
    """Lost otherwise: what is said into the microphone would not arrive."""
    async with Microphone(3, sample_rate=16_000) as microphone:
        stream = streams["in"]
        assert stream.options["device"] == 3
        assert stream.options["samplerate"] == 16_000
        clips = aiter_of(microphone)
        for number in range(3):
            stream.block(number)
        for number in range(3):
            rate_hz, samples = await clips.__anext__()
            assert rate_hz == 16_000
            assert samples.shape == (1, 320)
            assert (samples == number).all()
        # 2 s wait, no more.
        for number in range(150):
            stream.block(number)
        await asyncio.sleep(0)
        _, oldest = await clips.__anext__()
        assert oldest[0, 0] == 50
    assert stream.state == ["started", "stopped", "closed"]
    left = [clip async for clip in microphone]
    assert len(left) == 99


def aiter_of(microphone: Microphone) -> Any:
    return microphone.__aiter__()


async def test_a_speaker_plays_what_it_is_given(
    streams: dict[str, PaperStream],
) -> None:
    """Lost otherwise: the bot would be silent, or stutter."""
    async with Speaker(sample_rate=24_000) as speaker:
        stream = streams["out"]
        assert (stream.block() == 0).all()
        playing = asyncio.ensure_future(
            speaker.play((24_000, np.arange(24_000, dtype=np.int16)))
        )
        await asyncio.sleep(0)
        played = [stream.block() for _ in range(30)]
        await asyncio.sleep(0)
        assert not playing.done()
        played += [stream.block() for _ in range(10)]
        await playing
        assert (np.concatenate(played) == np.arange(40 * 480)).all()
        speaker.clear()
        assert (stream.block() == 0).all()
        await speaker.play((24_000, np.full(100, 5, np.int16)))
        block = stream.block()
        assert (block[:100] == 5).all()
        assert not block[100:].any()
        with pytest.raises(OutputError):
            await speaker.play(np.zeros(3))  # pyright: ignore
        stuck = asyncio.ensure_future(
            speaker.play((24_000, np.zeros(24_000, np.int16)))
        )
        await asyncio.sleep(0)
    await asyncio.wait_for(stuck, 5)
    assert stream.state == ["started", "stopped", "closed"]


async def test_a_speaker_resamples(streams: dict[str, PaperStream]) -> None:
    """Lost otherwise: a bot of another rate would sound like a dwarf."""
    async with Speaker(sample_rate=48_000) as speaker:
        times = np.arange(4_000) / 24_000
        wave = (9_000 * np.sin(2 * np.pi * 500 * times)).astype(np.int16)
        await speaker.play((24_000, wave))
        heard = np.concatenate([streams["out"].block() for _ in range(8)])
        spectrum = np.abs(np.fft.rfft(heard[960:6_720]))
        assert spectrum.argmax() * 48_000 / 5_760 == pytest.approx(500, abs=9)


async def test_devices_that_are_not_there_say_so(
    streams: dict[str, PaperStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost otherwise: people would not know what to install or to change."""
    with pytest.raises(AudioDeviceError, match="microphone can't be opened: Invalid"):
        await Microphone("broken").__aenter__()
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"fastrtc\[client\]"):
        await Speaker().__aenter__()

    def without_library(name: str) -> Any:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr(importlib, "import_module", without_library)
    with pytest.raises(AudioDeviceError, match="libportaudio2"):
        await Microphone().__aenter__()
    assert not streams


# -- the terminal ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (Caption("user", "hello", "1", True), "you: hello"),
        (Caption("assistant", "hi", "1", True), "bot: hi"),
        (Caption("assistant", "h", "1", False), None),
        (Log("pause_detected"), "(thinking)"),
        (Log("response_ended"), None),
        (ErrorMessage("no"), "error: no"),
        (WarningMessage("hot"), "warning: hot"),
        (EndStream("bye"), "(the end: bye)"),
    ],
)
def test_messages_become_lines(message: Any, line: str | None) -> None:
    """Lost otherwise: a terminal would show nothing of the talk."""
    assert terminal.line_for(message) == line


def test_arguments() -> None:
    """Lost otherwise: a device's number would be taken for its name."""
    words = ["http://h", "--transport", "websocket", "--microphone", "3"]
    arguments = terminal.parse_arguments([*words, "--speaker", "USB"])
    assert arguments.url == "http://h"
    assert arguments.transport == "websocket"
    assert (arguments.microphone, arguments.speaker) == (3, "USB")


def test_a_terminal_without_devices_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lost otherwise: a missing library would be a page of traceback."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.setattr(sys, "argv", ["client", "http://127.0.0.1:9"])
    assert terminal.main() == 1
    assert "fastrtc[client]" in capsys.readouterr().err


class PaperCall:
    """A call that says one clip and then ends."""

    def __init__(self, error: Exception | None = None) -> None:
        self.said: list[Any] = []
        self.error = error
        self.spoken = asyncio.Event()

    async def say(self, clip: Any) -> None:
        self.said.append(clip)
        self.spoken.set()

    async def audio(self) -> Any:
        yield 24_000, np.full((1, 480), 9, np.int16)
        await self.spoken.wait()
        if self.error is not None:
            raise self.error

    async def messages(self) -> Any:
        yield Caption("assistant", "hello", "1", True)
        await asyncio.Event().wait()


@pytest.mark.parametrize("error", [None, RuntimeError("lost")])
async def test_a_terminal_carries_a_talk(
    streams: dict[str, PaperStream],
    capsys: pytest.CaptureFixture[str],
    error: Exception | None,
) -> None:
    """Lost otherwise: `python -m fastrtc.client` would be deaf or dumb."""
    call: Any = PaperCall(error)
    async with Microphone(sample_rate=24_000) as mic, Speaker() as speaker:
        streams["in"].block(4)
        if error is None:
            await terminal.talk(call, mic, speaker)
        else:
            with pytest.raises(RuntimeError, match="lost"):
                await terminal.talk(call, mic, speaker)
    assert call.said[0][1].shape == (1, 480)
    assert "bot: hello" in capsys.readouterr().out

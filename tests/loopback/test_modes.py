"""All nine kinds of stream, and the one without media, with a real aiortc client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AdditionalOutputs,
    AsyncAudioVideoStreamHandler,
    AsyncStreamHandler,
    CloseStream,
    get_current_context,
    wait_for_item,
)
from tests.support.handlers import tone as sine
from tests.support.pictures import BLUE, GREEN, RED, color_of, halves, plain, sides_of

from .client import FRAME_SAMPLES
from .handlers import Echo
from .tones import LEFT_HZ, tone
from .video_client import serving_stream, watching

pytestmark = pytest.mark.loopback

SIZE = (240, 320)
MODES = ("send-receive", "send", "receive")


def film(_: int) -> Any:
    return halves(BLUE, RED, *SIZE)


def flip(frame: Any) -> Any:
    return np.flip(frame, axis=1)


def pitch_hz(samples: Any) -> float:
    """The loudest frequency of the left channel, at 48 kHz."""
    spectrum = np.abs(np.fft.rfft(samples[0] * np.hanning(samples.shape[1])))
    return float(spectrum.argmax()) * 48_000 / samples.shape[1]


# -- video -----------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_the_flipped_picture_comes_back(codec: str) -> None:
    """Without it, a video filter would show nothing, or the wrong colours."""
    async with (
        serving_stream(flip, "video", "send-receive") as server,
        watching(server, ("video",), "send-receive", film, codec=codec) as client,
    ):
        pictures = await client.watch(15)
        assert {sides_of(picture) for picture in pictures} == {("red", "blue")}
        assert pictures[0].shape == (*SIZE, 3)
        assert client.times == sorted(client.times)


async def test_what_is_seen_is_told_in_send_mode() -> None:
    """Without it, an app that only looks would tell its page nothing."""

    def look(frame: Any) -> Any:
        return AdditionalOutputs(sides_of(frame))

    async with (
        serving_stream(look, "video", "send") as server,
        watching(server, ("video",), "send", film) as client,
    ):
        await client.message("fetch_output")
        output = await server.run(server.stream.fetch_latest_output(client.id))
        assert output.args == (("blue", "red"),)
        assert not client.seen


async def test_a_film_is_seen_to_its_end_in_receive_mode() -> None:
    """Without it, a server could show nothing of its own."""

    def play() -> Iterator[Any]:
        for color in (RED, GREEN, BLUE):
            for _ in range(15):
                yield plain(color, *SIZE)
        yield CloseStream("the end")

    async with (
        serving_stream(play, "video", "receive") as server,
        watching(server, ("video",), "receive", film) as client,
    ):
        await client.message("end_stream", "the end")
        colors = [color_of(picture) for _, picture in client.seen]
        assert list(dict.fromkeys(colors)) == ["red", "green", "blue"]
        assert len(colors) >= 38
        await server.closed(client.id)


# -- audio -----------------------------------------------------------------------------


async def test_sound_is_heard_by_the_handler_in_send_mode() -> None:
    """Without it, a transcriber would have to send sound back."""

    class Ear(AsyncStreamHandler):
        async def receive(self, frame: Any) -> None:
            loud = bool(np.abs(frame[1]).max() > 1000)
            get_current_context().state["loud"] = loud

        async def emit(self) -> Any:
            loud = get_current_context().state.get("loud")
            return ((24_000, sine(0.1)), AdditionalOutputs("loud")) if loud else None

        def copy(self) -> Ear:
            return Ear()

    async with (
        serving_stream(Ear(), "audio", "send") as server,
        watching(server, ("audio",), "send", film, source=tone(LEFT_HZ)) as client,
    ):
        await client.message("fetch_output")
        assert not client.heard.size
        # Paced though nobody hears it: 0.1 s of sound for each output.
        session: Any = server.stream.sessions.get(client.id)
        assert session.playout.queued_s < 1


async def test_a_generator_is_heard_in_receive_mode() -> None:
    """Without it, a radio would be silent."""

    def play() -> Iterator[Any]:
        for _ in range(4):
            yield 24_000, sine(0.5, hz=440)

    async with (
        serving_stream(play, "audio", "receive") as server,
        watching(server, ("audio",), "receive", film) as client,
    ):
        heard = await client.listen(0.6)
        assert pitch_hz(heard[:, : 20 * FRAME_SAMPLES]) == pytest.approx(440, abs=6)
        await client.message("end_stream")
        await server.closed(client.id)


async def test_sending_and_receiving_by_a_client_of_other_directions() -> None:
    """Without it, a client that offers both ways could not use a one-way stream."""

    def play() -> Iterator[Any]:
        yield 24_000, sine(1.0, hz=440)

    async with (
        serving_stream(play, "audio", "receive") as server,
        watching(server, ("audio",), "send-receive", film) as client,
    ):
        await client.listen(0.5)


# -- both ------------------------------------------------------------------------------


class Mirror(AsyncAudioVideoStreamHandler):
    """Gives back what it hears and sees; where nobody sends, a tone and red."""

    def __init__(self) -> None:
        super().__init__(output_sample_rate=48_000)
        import asyncio

        self.sounds: asyncio.Queue[Any] = asyncio.Queue()
        self.pictures: asyncio.Queue[Any] = asyncio.Queue()
        self.got: set[str] = set()

    async def receive(self, frame: Any) -> None:
        self.got.add("sound")
        self.sounds.put_nowait(frame)

    async def video_receive(self, frame: Any) -> None:
        self.got.add("picture")
        self.pictures.put_nowait(np.flip(frame, axis=1))

    async def emit(self) -> Any:
        sound = await wait_for_item(self.sounds)
        if sound is None and not self.got:
            return 48_000, sine(0.1, 48_000, hz=440)
        return sound

    async def video_emit(self) -> Any:
        picture = await wait_for_item(self.pictures)
        if picture is None and not self.got:
            return plain(RED, *SIZE), AdditionalOutputs("alone")
        return None if picture is None else (picture, AdditionalOutputs("got"))

    def copy(self) -> Mirror:
        return Mirror()


@pytest.mark.parametrize("mode", MODES)
async def test_sound_and_picture_flow_in_every_mode(mode: str) -> None:
    """Without it, audio-video would work both ways only, or one of its halves."""
    both = ("audio", "video")
    async with (
        serving_stream(Mirror(), "audio-video", mode) as server,
        watching(server, both, mode, film, source=tone(LEFT_HZ)) as client,
    ):
        await client.message("fetch_output")
        if mode != "send":
            pictures = await client.watch(10)
            heard = await client.listen(0.5)
            wanted = 440 if mode == "receive" else LEFT_HZ
            assert pitch_hz(heard) == pytest.approx(wanted, abs=6)
            expected = ("red", "red") if mode == "receive" else ("red", "blue")
            assert sides_of(pictures[-1]) == expected
        if mode != "receive":
            handler: Any = server.stream.sessions.get(client.id)
            assert handler.handler.got == {"sound", "picture"}


@pytest.mark.parametrize("kinds", [("audio",), ("video",), ()])
async def test_a_part_of_the_media_is_enough(kinds: tuple[str, ...]) -> None:
    """Without it, users without a camera or microphone could not call at all."""
    async with (
        serving_stream(Mirror(), "audio-video", "send-receive") as server,
        watching(server, kinds, "send-receive", film, source=tone(LEFT_HZ)) as client,
    ):
        if "audio" in kinds:
            assert pitch_hz(await client.listen(0.5)) == pytest.approx(LEFT_HZ, abs=6)
        if "video" in kinds:
            assert await client.watch(5)
        session: Any = server.stream.sessions.get(client.id)
        assert session.state == "connected"


async def test_a_session_without_media_carries_text_and_outputs() -> None:
    """Without it, whoever can't speak could not use the bot at all."""

    class Clerk(Echo):
        async def receive_text(self, text: str) -> None:
            await self.send_message('{"type": "log", "data": "' + text + '"}')

        def copy(self) -> Clerk:
            return Clerk()

    async with (
        serving_stream(Clerk(), "audio", "send-receive") as server,
        watching(server, (), "send-receive", film) as client,
    ):
        client.channel.send('{"type": "text", "data": "hello"}')
        await client.message("log", "hello")


async def test_extra_tracks_are_refused_or_ignored() -> None:
    """Without it, a wrong offer would take a slot, or a right one be refused."""
    async with serving_stream(flip, "video", "send-receive") as server:
        with pytest.raises(AssertionError, match="Unsupported track kind 'audio'"):
            async with watching(server, ("audio", "video"), "send-receive", film):
                pass
    async with (
        serving_stream(
            flip, "video", "send-receive", allow_extra_tracks=True
        ) as server,
        watching(server, ("audio", "video"), "send-receive", film) as client,
    ):
        assert sides_of((await client.watch(5))[-1]) == ("red", "blue")
        assert not client.heard.size

"""Test your own agent: a virtual clock, and a scripted user who talks to it.

    async def test_the_bot_answers() -> None:
        async with Conversation(ReplyOnPause(reply, model=LoudnessModel())) as talk:
            asked = talk.say(speech(1.5), at_s=0.5)
            answered_s = await talk.bot_starts(within_s=5)
            assert answered_s - asked.end_s < 0.6
            interrupted = talk.say(speech(1.0), at_s=answered_s + 2)
            await talk.until(interrupted.start_s)
            await talk.bot_stops(within_s=0.3)

    def test_it() -> None:
        run_in_virtual_time(test_the_bot_answers)

Minutes of conversation pass in milliseconds, and always in the same way. With
pytest-asyncio a `conftest.py` gives such a loop to every asynchronous test:

    def pytest_asyncio_loop_factories(config, item):
        return {"virtual": VirtualTimeLoop}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from ._virtual_time import VirtualTimeLoop, run_in_virtual_time
from .audio import AudioArray, audio_to_int16, resample
from .handlers.base import StreamHandlerBase
from .options import FRAME_MS
from .pause_detection.protocol import AudioChunk, ModelOptions
from .session import SessionTable
from .transports.memory import MemoryClient

if TYPE_CHECKING:
    from .stream import Stream

T = TypeVar("T")

FRAME_S = FRAME_MS / 1000
SILENCE_S = 0.1
"""Of the bot's, after which it has stopped: gaps of up to 60 ms are part of speech."""


# -- scripted audio --------------------------------------------------------------------


def speech(
    seconds: float, sample_rate_hz: int = 48_000
) -> tuple[int, NDArray[np.int16]]:
    """A sound that `LoudnessModel` takes for speech: `(rate, int16 (1, samples))`.

    A 220 Hz tone. Real voice detectors don't take it for speech: for those use a
    recording, or `get_tts_model("espeak").tts(text)`.
    """
    t = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    wave = (8000 * np.sin(2 * np.pi * 220 * t)).astype(np.int16)
    return sample_rate_hz, wave.reshape(1, -1)


class LoudnessModel:
    """A voice detector for tests: what is loud is speech, exactly and at once.

    Args:
        threshold: root mean square, of int16 values, from which on it is speech.
    """

    def __init__(self, threshold: float = 500.0) -> None:
        self._threshold = threshold

    def open_meter(self) -> LoudnessMeter:
        """Follow a live stream."""
        return LoudnessMeter(self._threshold)

    def warmup(self) -> None:
        """Nothing to warm."""

    def vad(
        self, audio: tuple[int, AudioArray], options: ModelOptions = None
    ) -> tuple[float, list[AudioChunk]]:
        """All of the clip, if it is loud."""
        rate_hz, array = audio
        samples = audio_to_int16(array).ravel()
        if samples.size == 0 or _loudness(samples) < self._threshold:
            return 0.0, []
        return samples.size / rate_hz, [{"start": 0, "end": samples.size}]


class LoudnessMeter:
    """Judges windows of 20 ms at 16 kHz."""

    sample_rate_hz = 16_000

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._pending = np.zeros(0, np.int16)

    def push(self, samples: NDArray[np.int16]) -> list[tuple[float, float]]:
        """`(milliseconds, probability)` of each completed window; int16 (n,)."""
        size = self.sample_rate_hz * FRAME_MS // 1000
        self._pending = np.concatenate((self._pending, samples))
        whole = self._pending.size // size * size
        windows = self._pending[:whole].reshape(-1, size)
        self._pending = self._pending[whole:]
        return [
            (float(FRAME_MS), float(_loudness(window) >= self._threshold))
            for window in windows
        ]


def _loudness(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64)))))


# -- scripted conversations ------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """A piece of the bot's speech, in seconds since the conversation began."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Message:
    """A message from the server, and when it came."""

    at_s: float
    type: str
    data: Any


class _TimedClient(MemoryClient):
    def __init__(self, table: SessionTable, on_message: Callable[[str], None]) -> None:
        self._on_message = on_message
        super().__init__(table)

    def _take_message(self, text: str) -> None:
        super()._take_message(text)
        self._on_message(text)


class Conversation:
    """A user with a script, who talks to a bot and listens to it.

    The user's microphone is open all the time, a frame of 20 ms after the other:
    what was said, else silence. To be used as `async with`; leaving it hangs up.

    Args:
        bot: a handler, a `Stream`, or a stream's `sessions`.
        loudness: root mean square from which on a frame of the bot's is speech.

    Attributes:
        client: the memory transport's client.
        messages: of the server, in order.
    """

    def __init__(
        self, bot: StreamHandlerBase | Stream | SessionTable, loudness: float = 100.0
    ) -> None:
        if isinstance(bot, StreamHandlerBase):
            handler = bot
            self._table = SessionTable(lambda: handler)
        else:
            self._table = bot if isinstance(bot, SessionTable) else bot.sessions
        self._loudness = loudness
        self._said: list[tuple[int, NDArray[np.int16]]] = []
        self._heard: list[tuple[float, NDArray[np.int16], int]] = []
        self._changed = asyncio.Event()
        self._work: list[asyncio.Task[None]] = []
        self.messages: list[Message] = []

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self.client = _TimedClient(self._table, self._take_message)
        self._rate_hz = self.client.session.handler.input_sample_rate
        self.client.session.on_closed(self._wake)
        self._work = [
            asyncio.ensure_future(self._speak()),
            asyncio.ensure_future(self._listen()),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.hang_up()

    @property
    def now_s(self) -> float:
        """Seconds since the conversation began."""
        return self._loop.time() - self._began_s

    @property
    def ended(self) -> bool:
        """The session is over."""
        return self.client.session.state == "closed"

    # -- the user ------------------------------------------------------------------

    def say(self, clip: tuple[int, AudioArray], at_s: float | None = None) -> Span:
        """Speak a clip at that time, or now; when it starts and ends.

        Args:
            clip: `(sample_rate, array)`, mono, int16 or float32.
        """
        rate_hz, array = clip
        pcm = resample(audio_to_int16(array).reshape(1, -1), rate_hz, self._rate_hz)
        start_s = max(self.now_s, self.now_s if at_s is None else at_s)
        self._said.append((round(start_s * self._rate_hz), pcm[0]))
        return Span(start_s, start_s + pcm.shape[1] / self._rate_hz)

    async def hang_up(self) -> None:
        """End the session and wait until nothing of it is left."""
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self.client.hang_up()

    async def _speak(self) -> None:
        tick = 0
        while not self.ended:
            tick += 1
            await asyncio.sleep(self._began_s + tick * FRAME_S - self._loop.time())
            self.client.say((self._rate_hz, self._microphone(tick - 1)))

    def _microphone(self, tick: int) -> NDArray[np.int16]:
        size = self._rate_hz * FRAME_MS // 1000
        begin = tick * size
        mixed = np.zeros(size, np.int32)
        for start, samples in self._said:
            first, last = max(begin, start), min(begin + size, start + samples.size)
            if first < last:
                part = samples[first - start : last - start]
                mixed[first - begin : last - begin] += part
        return np.clip(mixed, -32768, 32767).astype(np.int16).reshape(1, -1)

    # -- the bot -------------------------------------------------------------------

    async def _listen(self) -> None:
        async for frame in self.client.hear():
            self._heard.append((self.now_s, frame.samples, frame.sample_rate_hz))
            self._wake()

    def _take_message(self, text: str) -> None:
        message = json.loads(text)
        at_s = self.now_s
        self.messages.append(Message(at_s, message["type"], message["data"]))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def bot_speech(self) -> list[Span]:
        """When the bot spoke so far; gaps up to 60 ms count as speech."""
        spans: list[Span] = []
        for at_s, samples, _ in self._heard:
            if _loudness(samples) < self._loudness:
                continue
            if spans and at_s - spans[-1].end_s <= 3.5 * FRAME_S:
                spans[-1] = Span(spans[-1].start_s, at_s + FRAME_S)
            else:
                spans.append(Span(at_s, at_s + FRAME_S))
        return spans

    def bot_audio(
        self, after_s: float = 0.0, before_s: float = float("inf")
    ) -> NDArray[np.int16]:
        """All that came from the bot between two times, int16 (channels, samples)."""
        frames = [s for at_s, s, _ in self._heard if after_s <= at_s < before_s]
        return np.concatenate(frames, axis=1) if frames else np.zeros((1, 0), np.int16)

    def bot_spoke_s(
        self, after_s: float = 0.0, before_s: float = float("inf")
    ) -> float:
        """Seconds of the bot's speech between two times."""
        return sum(
            max(0.0, min(span.end_s, before_s) - max(span.start_s, after_s))
            for span in self.bot_speech()
        )

    # -- the script ----------------------------------------------------------------

    async def until(self, at_s: float) -> None:
        """Let the conversation go on up to that time."""
        await asyncio.sleep(max(0.0, at_s - self.now_s))

    async def wait_for(
        self, condition: Callable[[], T | None], what: str, within_s: float
    ) -> T:
        """Wait until the condition gives something else than None, False or so.

        It is asked after each frame and message, and at the session's end.

        Raises:
            AssertionError: it did not in that time.
        """
        deadline_s = self._loop.time() + within_s
        while True:
            found = condition()
            if found:
                return found
            left_s = deadline_s - self._loop.time()
            if left_s <= 0:
                raise AssertionError(f"{what} within {within_s:g} s.\n{self}")
            await _either(self._changed.wait(), left_s)

    async def bot_starts(self, within_s: float) -> float:
        """Wait until the bot begins to speak, and say when that was.

        What it says already is not waited for, but what it says next.

        Raises:
            AssertionError: it did not begin in that time, counted from now.
        """
        known = {span.start_s for span in self.bot_speech()}
        starts = await self.wait_for(
            lambda: [s.start_s for s in self.bot_speech() if s.start_s not in known],
            "The bot should have begun to speak",
            within_s,
        )
        return starts[0]

    async def bot_stops(self, within_s: float) -> float:
        """Wait until the bot has fallen silent, and say when that was.

        Silent is what `bot_speech` takes for no speech, for a tenth of a second.

        Raises:
            AssertionError: it spoke on for longer than that, counted from now.
        """
        deadline_s = self.now_s + within_s
        while True:
            spans = self.bot_speech()
            end_s = spans[-1].end_s if spans else 0.0
            if end_s > deadline_s + FRAME_S:
                raise AssertionError(
                    f"The bot should have stopped within {within_s:g} s.\n{self}"
                )
            if self.now_s >= end_s + SILENCE_S - 1e-6:
                return end_s
            await self.until(self.now_s + FRAME_S)

    async def bot_is_silent(self, for_s: float) -> None:
        """Let so much time pass, in which the bot must not speak.

        Raises:
            AssertionError: it spoke.
        """
        now_s = self.now_s
        await self.until(now_s + for_s)
        if self.bot_spoke_s(now_s, self.now_s) > 0:
            raise AssertionError(f"The bot should have been silent.\n{self}")

    async def message(
        self, type: str, data: Any = None, *, within_s: float, after_s: float = 0.0
    ) -> Message:
        """The first message of a type, and with this data if given.

        Raises:
            AssertionError: none came in that time.
        """
        found = await self.wait_for(
            lambda: [
                message
                for message in self.messages
                if message.type == type
                and message.at_s >= after_s
                and (data is None or message.data == data)
            ],
            f"There should have been a message {type!r}",
            within_s,
        )
        return found[0]

    def __str__(self) -> str:
        lines = [f"{self.now_s:8.3f} s: now"]
        lines += [
            f"{s.start_s:8.3f} to {s.end_s:.3f} s: bot" for s in self.bot_speech()
        ]
        lines += [
            f"{start / self._rate_hz:8.3f} to "
            f"{(start + clip.size) / self._rate_hz:.3f} s: user"
            for start, clip in self._said
        ]
        lines += [f"{m.at_s:8.3f} s: {m.type} {m.data}" for m in self.messages]
        return "\n".join(sorted(lines, key=lambda line: float(line[:8])))


async def _either(waiting: Awaitable[Any], timeout_s: float) -> None:
    try:
        await asyncio.wait_for(waiting, timeout_s)
    except asyncio.TimeoutError:
        return


__all__ = [
    "Conversation",
    "LoudnessModel",
    "Message",
    "Span",
    "VirtualTimeLoop",
    "run_in_virtual_time",
    "speech",
]

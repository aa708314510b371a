"""From a stream of audio frames to turns: who speaks, what was said, and when."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..audio import StreamResampler
from ..options import TURN_AUDIO_S, AlgoOptions, SileroVadOptions
from ..pause_detection.adapter import ClipMeter
from ..pause_detection.protocol import (
    ModelOptions,
    PauseDetectionModel,
    SpeechMeter,
    StreamingModel,
)
from ..turns import (
    BotHeld,
    BotReleased,
    EndOfTurn,
    Pause,
    ReplyEarly,
    SpeechResumed,
    SpeechStarted,
    TurnDetector,
    TurnEvent,
)

MAX_GATHER_MS = 128.0
"""Audio judged in one go at most: four windows of Silero, together under 1 ms."""

MAX_ONSET_MS = 10_000.0
"""An interruption that takes longer to become one loses its beginning. Options may be
infinite, what is kept may not."""

DETECTOR_LAG_MS = 110.0
"""Audio at the start of a silence that may still be speech: Silero notices the end of
speech 76 ms late in the median, 104 ms in one case of ten."""


@dataclass(frozen=True)
class Started:
    """The user has begun to speak."""


@dataclass(frozen=True)
class Paused:
    """The user has stopped for a moment.

    Attributes:
        number: to be named in the answer to the question whether the turn is over.
        sample_rate_hz: of the audio.
        audio: int16 (1, samples), mono: the end of the turn so far.
    """

    number: int
    sample_rate_hz: int
    audio: NDArray[np.int16]


@dataclass(frozen=True)
class Utterance:
    """What the user has said.

    Attributes:
        audio: int16 (1, samples), from the pre-roll to the end of the pause.
        early: the user may go on: an answer must not be heard yet.
    """

    sample_rate_hz: int
    audio: NDArray[np.int16]
    early: bool = False


Heard: TypeAlias = Started | Paused | Utterance | SpeechResumed | BotHeld | BotReleased


class Listener:
    """Listens to one user, in one call at a time: the `receive` of a handler's
    subclass runs in a thread, while answers and resets come on the event loop.

    Args:
        model: a voice activity model, ours or a user's.
        model_options: that model's options.
        options: when a turn starts and ends.
        sample_rate_hz: of the frames.
        channels: of the frames, interleaved.
        asked: `Paused` events are wanted, and answered by `answer`.
        pauses: they are wanted, but not answered.

    Attributes:
        fast: the meter takes well under a millisecond, so it may run on the loop.
        meter: judges the audio that `gather` gives.
    """

    def __init__(
        self,
        model: PauseDetectionModel,
        model_options: ModelOptions,
        options: AlgoOptions,
        sample_rate_hz: int,
        channels: int = 1,
        *,
        asked: bool = False,
        pauses: bool = False,
    ) -> None:
        self._lock = threading.RLock()
        self._rate_hz = sample_rate_hz
        self._channels = channels
        threshold = SileroVadOptions.threshold
        if isinstance(model_options, SileroVadOptions):
            threshold = model_options.threshold
            options = model_options.applied_to(options)
        self.fast = isinstance(model, StreamingModel)
        self._open_meter: Callable[[], SpeechMeter]
        if isinstance(model, StreamingModel):
            self._open_meter = model.open_meter
        else:
            self._open_meter = partial(
                ClipMeter,
                model,
                model_options,
                sample_rate_hz,
                options.audio_chunk_duration,
            )
            threshold = 0.5
        self.meter = self._open_meter()
        self._turns = TurnDetector(options, threshold, asked=asked, pauses=pauses)
        self._resampler = StreamResampler(sample_rate_hz, self.meter.sample_rate_hz)
        self._kept = _Recording()
        self._judged = _Recording()
        self._unjudged: list[NDArray[np.int16]] = []
        self._unjudged_samples = 0
        self._power = 0.0
        self._quiet: tuple[bool, float] | None = None
        self._pre_roll_ms = options.pre_roll_ms
        # As long before now as a turn may turn out to have begun.
        onset_ms = max(
            1000 * options.audio_chunk_duration,
            options.interrupt_after_ms + 4 * options.resume_after_false_interruption_ms,
        )
        self._history_ms = options.pre_roll_ms + min(onset_ms, MAX_ONSET_MS)

    @property
    def talking(self) -> bool:
        """A turn is in progress."""
        return self._turns.talking

    def reset(self) -> None:
        """Forget the turn in progress, and all that was heard."""
        with self._lock:
            if not self._kept:
                return
            self.meter = self._open_meter()
            self._quiet = None
            self._turns.reset()
            self._kept.clear()
            self._judged.clear()
            self._unjudged.clear()
            self._unjudged_samples = 0

    def gather(
        self, frame: NDArray[np.int16], *, bot_speaks: bool = False
    ) -> NDArray[np.int16] | None:
        """Take a frame, int16 (1, samples).

        Returns:
            Audio for the meter, int16 (n,), mono and at its rate, once there is
            enough to decide something.
        """
        with self._lock:
            self._kept.append(frame)
            self._unjudged.append(frame)
            self._unjudged_samples += frame.size
            if self._unjudged_samples < self._samples(self._quiet_ms(bot_speaks)):
                return None
            samples = self._take_unjudged()
            self._judged.append(samples)
            self._power = _power(samples)
            return samples

    def patience_ms(self, *, bot_speaks: bool = False) -> float:
        """How much more audio may come before `gather` gives any."""
        gathered_ms = 1000 * self._unjudged_samples / self._samples(1000)
        return self._quiet_ms(bot_speaks) - gathered_ms

    def _quiet_ms(self, bot_speaks: bool) -> float:
        """Asked at each packet, while it changes only with what was judged."""
        if self._quiet is None or self._quiet[0] != bot_speaks:
            quiet_ms = self._turns.quiet_ms(bot_speaks=bot_speaks)
            self._quiet = bot_speaks, min(quiet_ms, MAX_GATHER_MS)
        return self._quiet[1]

    def decide(
        self, judged: Sequence[tuple[float, float]], *, bot_speaks: bool = False
    ) -> list[Heard]:
        """Act on what the meter gave: `(milliseconds, probability)` a window."""
        with self._lock:
            return self._decide(judged, bot_speaks)

    def _decide(
        self, judged: Sequence[tuple[float, float]], bot_speaks: bool
    ) -> list[Heard]:
        heard: list[Heard] = []
        for ms, probability in judged:
            events = self._turns.feed(
                ms, probability, power=self._power, bot_speaks=bot_speaks
            )
            for event in events:
                heard += self._hear(event)
                # Whatever it was, the bot is not going on as before.
                bot_speaks = bot_speaks and not isinstance(event, SpeechStarted)
        self._quiet = None
        if not self._turns.talking:
            self._kept.trim(self._samples(self._history_ms))
        self._judged.trim(round(TURN_AUDIO_S * self.meter.sample_rate_hz))
        return heard

    def answer(self, pause_number: int, finished: bool) -> list[Heard]:
        """Take the answer to a `Paused`."""
        with self._lock:
            self._quiet = None
            events = self._turns.answer(pause_number, finished)
            return [heard for event in events for heard in self._hear(event)]

    def _hear(self, event: TurnEvent) -> list[Heard]:
        if isinstance(event, SpeechStarted):
            before_ms = event.ago_ms + self._pre_roll_ms
            self._kept.trim(self._samples(before_ms))
            meter_hz = self.meter.sample_rate_hz
            self._judged.trim(round(before_ms * meter_hz / 1000))
            return [Started()]
        if isinstance(event, Pause):
            audio = self._judged.audio()
            return [Paused(event.number, self.meter.sample_rate_hz, audio)]
        if isinstance(event, ReplyEarly):
            return [self.so_far()]
        if isinstance(event, EndOfTurn):
            utterance = Utterance(self._rate_hz, self._kept.audio())
            # The silence is the pre-roll of a turn that may follow at once.
            after_ms = max(0.0, event.silence_ms - DETECTOR_LAG_MS)
            self._kept.trim(self._samples(after_ms))
            self._judged.trim(round(after_ms * self.meter.sample_rate_hz / 1000))
            return [utterance]
        return [event]

    def so_far(self) -> Utterance:
        """What was said in the turn that is in progress."""
        with self._lock:
            return Utterance(self._rate_hz, self._kept.audio(), early=True)

    def _take_unjudged(self) -> NDArray[np.int16]:
        """What has gathered, mono and at the model's rate, int16 (n,)."""
        audio = np.concatenate(self._unjudged, axis=1)
        self._unjudged.clear()
        self._unjudged_samples = 0
        if self._channels > 1:
            mixed = audio.reshape(-1, self._channels).mean(axis=1)
            audio = mixed.astype(np.int16).reshape(1, -1)
        return self._resampler.push(audio)[0]

    def _samples(self, ms: float) -> int:
        return int(ms * self._rate_hz / 1000) * self._channels


def _power(samples: NDArray[np.int16]) -> float:
    """Mean square, of full scale 1."""
    scaled = samples.astype(np.float32)
    return float(np.dot(scaled, scaled)) / (max(1, samples.size) * 32768.0**2)


class _Recording:
    """The end of a stream of audio, in the pieces it came in."""

    def __init__(self) -> None:
        self._pieces: deque[NDArray[np.int16]] = deque()
        self._samples = 0

    def append(self, piece: NDArray[np.int16]) -> None:
        """Add a piece, int16 (1, n) or (n,)."""
        self._pieces.append(piece)
        self._samples += piece.size

    def trim(self, keep: int) -> None:
        """Forget pieces at the beginning, so that at least `keep` samples stay."""
        while self._pieces and self._samples - self._pieces[0].size >= keep:
            self._samples -= self._pieces.popleft().size

    def clear(self) -> None:
        """Forget all of it."""
        self._pieces.clear()
        self._samples = 0

    def __len__(self) -> int:
        return self._samples

    def audio(self) -> NDArray[np.int16]:
        """All of it, int16 (1, n)."""
        if not self._pieces:
            return np.zeros((1, 0), np.int16)
        pieces = [piece.reshape(1, -1) for piece in self._pieces]
        return np.concatenate(pieces, axis=1)

"""From a stream of audio frames to turns: what was said, and when it ended."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..audio import StreamResampler
from ..options import AlgoOptions, SileroVadOptions
from ..pause_detection.adapter import ClipMeter
from ..pause_detection.protocol import (
    ModelOptions,
    PauseDetectionModel,
    SpeechMeter,
    StreamingModel,
)
from ..turns import Pause, SpeechStarted, TurnDetector

MAX_GATHER_MS = 128.0
"""Audio judged in one go at most: four windows of Silero, together under 1 ms."""


@dataclass(frozen=True)
class Started:
    """The user has begun to speak."""


@dataclass(frozen=True)
class Utterance:
    """The user has finished.

    Attributes:
        audio: int16 (1, samples), from the pre-roll to the end of the pause.
    """

    sample_rate_hz: int
    audio: NDArray[np.int16]


Heard: TypeAlias = Started | Utterance


class Listener:
    """Listens to one user.

    Args:
        model: a voice activity model, ours or a user's.
        model_options: that model's options.
        options: when a turn starts and ends.
        sample_rate_hz: of the frames.
        channels: of the frames, interleaved.
    """

    def __init__(
        self,
        model: PauseDetectionModel,
        model_options: ModelOptions,
        options: AlgoOptions,
        sample_rate_hz: int,
        channels: int = 1,
    ) -> None:
        self._rate_hz = sample_rate_hz
        self._channels = channels
        self.fast = isinstance(model, StreamingModel)
        threshold = SileroVadOptions.threshold
        if isinstance(model_options, SileroVadOptions):
            threshold = model_options.threshold
        self._turns = TurnDetector(options, threshold if self.fast else 0.5)
        self._meter: SpeechMeter
        if isinstance(model, StreamingModel):
            self._meter = model.open_meter()
        else:
            self._meter = ClipMeter(
                model, model_options, sample_rate_hz, options.audio_chunk_duration
            )
        self._resampler = StreamResampler(sample_rate_hz, self._meter.sample_rate_hz)
        self._kept: deque[NDArray[np.int16]] = deque()
        self._kept_samples = 0
        self._unjudged: list[NDArray[np.int16]] = []
        self._unjudged_samples = 0
        self._pre_roll_ms = options.pre_roll_ms
        self._history_ms = options.pre_roll_ms + 1000 * options.audio_chunk_duration

    @property
    def talking(self) -> bool:
        """A turn is in progress."""
        return self._turns.talking

    def reset(self) -> None:
        """Forget the turn in progress and the audio of it."""
        self._turns.reset()
        self._kept.clear()
        self._kept_samples = 0
        self._unjudged.clear()
        self._unjudged_samples = 0

    def push(self, frame: NDArray[np.int16]) -> list[Heard]:
        """Take a frame, int16 (1, samples); what it decided."""
        self._kept.append(frame)
        self._kept_samples += frame.size
        self._unjudged.append(frame)
        self._unjudged_samples += frame.size
        quiet_ms = min(self._turns.quiet_ms(), MAX_GATHER_MS)
        if self._unjudged_samples < self._samples(quiet_ms):
            return []
        return self._judge()

    def _judge(self) -> list[Heard]:
        """Run the model on what has gathered, and act on each window."""
        heard: list[Heard] = []
        for ms, probability in self._meter.push(self._take_unjudged()):
            event = self._turns.feed(ms, probability)
            if isinstance(event, SpeechStarted):
                self._trim(event.ago_ms + self._pre_roll_ms)
                heard.append(Started())
            elif isinstance(event, Pause):
                heard.append(self._utterance())
        if not self._turns.talking:
            self._trim(self._history_ms)
        return heard

    def _take_unjudged(self) -> NDArray[np.int16]:
        """What has gathered, mono and at the model's rate, int16 (n,)."""
        audio = np.concatenate(list(self._unjudged), axis=1)
        self._unjudged.clear()
        self._unjudged_samples = 0
        if self._channels > 1:
            mixed = audio.reshape(-1, self._channels).mean(axis=1)
            audio = mixed.astype(np.int16).reshape(1, -1)
        return self._resampler.push(audio)[0]

    def _samples(self, ms: float) -> int:
        return int(ms * self._rate_hz / 1000) * self._channels

    def _trim(self, keep_ms: float) -> None:
        keep = self._samples(keep_ms)
        while self._kept and self._kept_samples - self._kept[0].size >= keep:
            self._kept_samples -= self._kept.popleft().size

    def _utterance(self) -> Utterance:
        audio = np.concatenate(list(self._kept), axis=1)
        self._kept.clear()
        self._kept_samples = 0
        return Utterance(self._rate_hz, audio)

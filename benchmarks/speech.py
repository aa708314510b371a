"""The audio that the clients say: made here, the same in every run."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from fastrtc import get_tts_model

from .environments import CACHE

RATE_HZ = 48_000
FRAME_SAMPLES = RATE_HZ // 50
FRAME_S = 0.02
NOISE_RMS = 20.0
"""Of the room behind all speech: 64 dB below full scale."""
PEAK = 16_000
SPEECH_FLOOR = 10 ** (-30 / 20)
"""Of the loudest 10 ms: what is fainter is no speech any more."""

Samples: TypeAlias = NDArray[np.int16]

# Clauses and the pauses between them, seconds: how people talk, with pauses for
# breath and thought that are no end of a turn.
SENTENCES: tuple[tuple[str | float, ...], ...] = (
    ("Could you tell me what the weather will be like tomorrow?",),
    ("I would like to book a table", 0.25, "for four people on Friday evening."),
    ("Well", 0.4, "I have been thinking about it", 0.2, "and I am not so sure."),
    ("Please read me the last message that I got from my sister.",),
    ("If it rains", 0.3, "we stay at home", 0.3, "and play a game or two."),
    ("My number is five five five", 0.35, "seven one two", 0.35, "nine eight four."),
)
INTERRUPTION = (
    "No wait, that is not what I meant at all, please stop it right now "
    "and listen to what I am saying to you instead.",
)


@dataclass(frozen=True)
class Utterance:
    """One turn of a user.

    Attributes:
        samples: int16 at 48 kHz, whole frames.
        onset_s, end_s: where its speech begins and ends.
    """

    samples: Samples
    onset_s: float
    end_s: float

    @property
    def frames(self) -> list[Samples]:
        """Its 20 ms frames."""
        return list(self.samples.reshape(-1, FRAME_SAMPLES))


@cache
def utterances() -> tuple[Utterance, ...]:
    """The turns of a conversation."""
    made = tuple(_utterance(sentence) for sentence in SENTENCES)
    for number, utterance in enumerate(made):
        _write(CACHE / "speech" / f"utterance{number}.wav", utterance.samples)
    return made


@cache
def interruption() -> Utterance:
    """A long turn, to talk over the bot with."""
    utterance = _utterance(INTERRUPTION)
    _write(CACHE / "speech" / "interruption.wav", utterance.samples)
    return utterance


def conversation(pause_s: float = 3.0) -> Samples:
    """All turns one after the other with pauses between, to be looped."""
    parts: list[Samples] = []
    for number, utterance in enumerate(utterances()):
        parts += [utterance.samples, noise(pause_s, seed=number)]
    return np.concatenate(parts)


def noise(seconds: float, seed: int = 0) -> Samples:
    """A quiet room; int16 at 48 kHz, whole frames."""
    frames = round(seconds / FRAME_S)
    made = np.random.default_rng(seed).normal(0, NOISE_RMS, frames * FRAME_SAMPLES)
    return made.astype(np.int16)


def _utterance(sentence: Sequence[str | float]) -> Utterance:
    speech = np.concatenate([_part(part) for part in sentence])
    speech *= PEAK / np.abs(speech).max()
    speech = np.pad(speech, (0, -len(speech) % FRAME_SAMPLES))
    loud = _loud_windows(speech)
    heard = speech + noise(len(speech) / RATE_HZ)
    return Utterance(heard.astype(np.int16), loud[0] / 100, (loud[-1] + 1) / 100)


def _part(part: str | float) -> NDArray[np.float64]:
    """A pause, or a clause without the silence around it."""
    if not isinstance(part, str):
        return np.zeros(round(part * RATE_HZ))
    rate_hz, array = get_tts_model("espeak").tts(part)
    clause = soxr.resample(array.reshape(-1).astype(np.float64), rate_hz, RATE_HZ)
    loud = _loud_windows(clause)
    return clause[loud[0] * RATE_HZ // 100 : (loud[-1] + 1) * RATE_HZ // 100]


def _loud_windows(samples: NDArray[np.float64]) -> NDArray[np.intp]:
    """Which of its 10 ms windows have speech in them."""
    size = RATE_HZ // 100
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    rms = np.sqrt((windows**2).mean(axis=1))
    return np.nonzero(rms > rms.max() * SPEECH_FLOOR)[0]


def _write(path: Path, samples: Samples) -> None:
    """Kept to be listened to."""
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())

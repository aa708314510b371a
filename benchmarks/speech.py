"""The audio that the clients say: made here, the same in every run."""

from __future__ import annotations

import hashlib
import os
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from fastrtc import get_tts_model
from fastrtc.text_to_speech.espeak import EspeakTTSOptions

from .environments import CACHE

RATE_HZ = 48_000
FRAME_SAMPLES = RATE_HZ // 50
FRAME_S = 0.02
NOISE_RMS = 20.0
"""Of the room behind all speech: 64 dB below full scale."""
PEAK = 16_000
SPEECH_FLOOR = 10 ** (-30 / 20)
"""Of the loudest 10 ms: what is fainter is no speech any more."""

WINDOW_SAMPLES = RATE_HZ // 100
"""10 ms: how exactly it is known where speech begins and ends."""

Samples: TypeAlias = NDArray[np.int16]
Wave: TypeAlias = NDArray[np.float64]
"""Mono at 48 kHz, on the scale of int16."""

# How people talk, with pauses for breath and thought that are no end of a turn: a
# sentence, and how long it pauses at each comma, seconds. It is spoken in one piece, so
# that the voice stays up where the sentence goes on.
SENTENCES: tuple[tuple[str, tuple[float, ...]], ...] = (
    ("Could you tell me what the weather will be like tomorrow?", ()),
    ("I would like to book a table, for four people on Friday evening.", (0.25,)),
    ("Well, I have been thinking about it, and I am not so sure.", (0.4, 0.2)),
    ("Please read me the last message that I got from my sister.", ()),
    ("If it rains, we stay at home, and play a game or two.", (0.3, 0.3)),
    ("My number is five five five, seven one two, nine eight four.", (0.35, 0.35)),
)
INTERRUPTION = (
    "No wait, that is not what I meant at all, please stop it right now "
    "and listen to what I am saying to you instead."
)


@dataclass(frozen=True)
class Utterance:
    """One turn of a user.

    Attributes:
        samples: int16 at 48 kHz, whole frames.
        onset_s, end_s: where its speech begins and ends.
        name: what it is known by.
    """

    samples: Samples
    onset_s: float
    end_s: float
    name: str = ""

    @property
    def frames(self) -> list[Samples]:
        """Its 20 ms frames."""
        return list(self.samples.reshape(-1, FRAME_SAMPLES))


@cache
def utterances() -> tuple[Utterance, ...]:
    """The turns of a conversation."""
    made = tuple(_utterance(text, gaps_s) for text, gaps_s in SENTENCES)
    for number, utterance in enumerate(made):
        keep(f"utterance{number}", utterance.samples)
    return made


@cache
def interruption() -> Utterance:
    """A long turn, to talk over the bot with."""
    utterance = _utterance(INTERRUPTION)
    keep("interruption", utterance.samples)
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


def _utterance(text: str, gaps_s: Sequence[float] = ()) -> Utterance:
    speech = with_gaps(spoken(text), gaps_s)
    speech *= PEAK / np.abs(speech).max()
    end_s = len(speech) / RATE_HZ
    speech = np.pad(speech, (0, -len(speech) % FRAME_SAMPLES))
    heard = speech + noise(len(speech) / RATE_HZ)
    return Utterance(heard.astype(np.int16), 0.0, end_s)


def spoken(text: str, voice: str = "en-us", speed_wpm: int = 175) -> Wave:
    """A text in one piece, without the silence around it.

    It is synthesized once and kept: eSpeak says nothing twice in the same way, and all
    runs shall hear the same.
    """
    key = hashlib.sha256(f"{voice} {speed_wpm} {text}".encode()).hexdigest()
    file = CACHE / "speech" / "said" / f"{key[:16]}.npy"
    if not file.exists():
        options = EspeakTTSOptions(voice=voice, speed_wpm=speed_wpm)
        rate_hz, array = get_tts_model("espeak").tts(text, options)
        made = soxr.resample(array.astype(np.float32), rate_hz, RATE_HZ)
        file.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may make the same: none shall read half a file.
        part = file.with_name(f"{os.getpid()}-{file.name}")
        np.save(part, made)
        part.replace(file)
    return trimmed(np.load(file).astype(np.float64))


def trimmed(speech: Wave, floor: float = SPEECH_FLOOR) -> Wave:
    """Without what is too faint to be speech before and behind."""
    loud = loud_windows(speech, floor)
    return speech[loud[0] * WINDOW_SAMPLES : (loud[-1] + 1) * WINDOW_SAMPLES]


def with_gaps(speech: Wave, gaps_s: Sequence[float]) -> Wave:
    """Its longest pauses made that long, what fades out and in at them kept."""
    if not gaps_s:
        return speech
    loud = loud_windows(speech)
    longest = np.sort(np.argsort(np.diff(loud))[-len(gaps_s) :])
    parts: list[Wave] = []
    begun = 0
    for at, gap_s in zip(longest, gaps_s, strict=True):
        begin = int(loud[at] + 1) * WINDOW_SAMPLES
        end = int(loud[at + 1]) * WINDOW_SAMPLES
        wanted = round(gap_s * RATE_HZ)
        kept = min(end - begin, wanted)
        parts += [speech[begun : begin + kept // 2], np.zeros(wanted - kept)]
        begun = end - (kept - kept // 2)
    return np.concatenate([*parts, speech[begun:]])


def loud_windows(samples: Wave, floor: float = SPEECH_FLOOR) -> NDArray[np.intp]:
    """Which of its 10 ms windows have speech in them."""
    size = WINDOW_SAMPLES
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    rms = np.sqrt((windows**2).mean(axis=1))
    return np.nonzero(rms > rms.max() * floor)[0]


def keep(name: str, samples: Samples) -> None:
    """Write what is said to the cache, to be listened to; int16 at 48 kHz."""
    path = CACHE / "speech" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())

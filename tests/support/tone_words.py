"""A language of tones, a pitch a word, which fake recognizers really understand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastrtc.keyword_spotting import Hit

WORD_S = 0.4
WINDOW_S = 0.02
LEAST_S = 0.1
"""A shorter piece of a word isn't understood."""

_HZ = {
    "well": 300,
    "computer": 500,
    "robot": 700,
    "lights": 900,
    "on": 1100,
    "stop": 1300,
}


def said(
    text: str, gap_s: float = 0.04, rate_hz: int = 48_000
) -> tuple[int, NDArray[np.int16]]:
    """A text as audio, int16 (1, samples); each "…" is a pause of 0.3 s."""
    pieces: list[NDArray[np.float64]] = []
    for word in text.split():
        if word == "…":
            pieces.append(np.zeros(round(0.3 * rate_hz)))
            continue
        t = np.arange(round(WORD_S * rate_hz)) / rate_hz
        pieces.append(8000 * np.sin(2 * np.pi * _HZ[word] * t))
        pieces.append(np.zeros(round(gap_s * rate_hz)))
    if gap_s:
        pieces.pop()
    return rate_hz, np.concatenate(pieces).astype(np.int16).reshape(1, -1)


def understood(audio: tuple[int, NDArray[np.int16]]) -> str:
    """The text that is said in a clip, int16 (1, samples) or (samples,)."""
    rate_hz, array = audio
    samples = array.reshape(-1).astype(np.float64)
    size = round(WINDOW_S * rate_hz)
    windows = samples[: samples.size // size * size].reshape(-1, size)
    runs: list[tuple[str, int]] = []
    for window in windows:
        word = _word(window, rate_hz)
        if runs and runs[-1][0] == word:
            runs[-1] = (word, runs[-1][1] + 1)
        else:
            runs.append((word, 1))
    least = round(LEAST_S / WINDOW_S)
    return " ".join(word for word, count in runs if word and count >= least)


def _word(window: NDArray[np.float64], rate_hz: int) -> str:
    if np.sqrt(np.mean(window**2)) < 1000:
        return ""
    found_hz = np.abs(np.fft.rfft(window, 4 * window.size)).argmax() * rate_hz
    found_hz = found_hz / (4 * window.size)
    return min(_HZ, key=lambda word: abs(_HZ[word] - found_hz))


class Ears:
    """A speech-to-text model. `clips` and `texts` are what it got and gave."""

    def __init__(self) -> None:
        self.clips: list[tuple[int, NDArray[np.int16]]] = []
        self.texts: list[str] = []

    def stt(self, audio: Any) -> Any:
        self.clips.append(audio)
        self.texts.append(understood(audio))
        return self.texts[-1]


class Spotter:
    """A keyword spotter, which says 100 ms after a word's end that it was said."""

    def __init__(self, keyword: str) -> None:
        self.keyword = keyword
        self.rates: list[int] = []
        self.streams: list[SpotterStream] = []

    def open_stream(self, sample_rate_hz: int) -> Any:
        self.rates.append(sample_rate_hz)
        self.streams.append(SpotterStream(self.keyword, sample_rate_hz))
        return self.streams[-1]


class SpotterStream:
    def __init__(self, keyword: str, rate_hz: int) -> None:
        self._keyword = keyword
        self._rate_hz = rate_hz
        self.pushed: list[NDArray[np.int16]] = []
        self.resets = 0
        self.reset()

    def reset(self) -> None:
        self.resets += 1
        self._audio = np.zeros(0, np.int16)
        self._told = 0

    def push(self, samples: NDArray[np.int16]) -> Any:
        self.pushed.append(samples)
        self._audio = np.concatenate((self._audio, samples))
        size = round(WINDOW_S * self._rate_hz)
        windows = self._audio[: self._audio.size // size * size].reshape(-1, size)
        heard = [_word(window.astype(float), self._rate_hz) for window in windows]
        ends = [n for n, word in enumerate(heard, 1) if word == self._keyword]
        if not ends or ends[-1] <= self._told or len(heard) - ends[-1] < 5:
            return []
        self._told = ends[-1]
        ago_ms = 1000 * (self._audio.size - ends[-1] * size) / self._rate_hz
        return [Hit(self._keyword, ago_ms)]

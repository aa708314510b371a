"""Partial texts from a model that only knows whole clips.

What has been said so far is transcribed anew when a stretch of new audio has come,
at most once a stretch. What is transcribed again and again is bounded: when it grows
beyond the window, it is cut at a quiet place, and the text before the cut is final.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..audio import AudioArray, audio_to_int16
from ..errors import ConfigurationError
from .clips import checked_rate, checked_samples
from .pieces import quietest
from .protocol import AsyncSTTModel, STTModel, STTStream, SyncSTTModel

STRETCH_MS = 500.0
"""About the length of a word: more often the text would rarely have grown."""

WINDOW_S = 12.0
"""Longer than most sentences, so that words keep their context, and short enough that
one transcription stays a fraction of the stretch on a model that is ten times faster
than speech."""

SEARCH_SHARE = 1 / 3
"""The cut is looked for in this part of the window, at its end but for one stretch,
whose words may not be finished."""


def streaming(
    model: STTModel, *, stretch_ms: float = STRETCH_MS, window_s: float = WINDOW_S
) -> GrowingWindow:
    """A `StreamingSTTModel` out of any `STTModel`.

    Args:
        model: gets clips `(sample_rate, int16 (1, samples))`. When its `stt` is a
            coroutine function, the streams' methods are too.
        stretch_ms: so much new audio, at least, between two transcriptions.
        window_s: the longest clip that is transcribed; one second more at the least
            than a stretch.

    Raises:
        ConfigurationError: a number makes no sense.
    """
    return GrowingWindow(model, stretch_ms=stretch_ms, window_s=window_s)


class GrowingWindow:
    """What `streaming` returns."""

    def __init__(
        self,
        model: STTModel,
        *,
        stretch_ms: float = STRETCH_MS,
        window_s: float = WINDOW_S,
    ) -> None:
        if not stretch_ms > 0:
            raise ConfigurationError(f"stretch_ms is over 0, not {stretch_ms}.")
        if not window_s >= stretch_ms / 1000 + 1:
            raise ConfigurationError(
                f"window_s is at least a second longer than a stretch of {stretch_ms} "
                f"ms, not {window_s}."
            )
        self.model = model
        self.stretch_ms = stretch_ms
        self.window_s = window_s

    def open_stream(self, sample_rate_hz: int) -> STTStream:
        """Begin an utterance.

        Raises:
            ConfigurationError: it is no sample rate.
        """
        utterance = _Utterance(
            checked_rate(sample_rate_hz), self.stretch_ms, self.window_s
        )
        stt: Callable[..., Any] = self.model.stt
        if inspect.iscoroutinefunction(inspect.unwrap(stt)):
            return _AsyncStream(cast("AsyncSTTModel", self.model), utterance)
        return _SyncStream(cast("SyncSTTModel", self.model), utterance)


_Clip = tuple[int, NDArray[np.int16]]


class _Utterance:
    """Which audio is to be transcribed when, and what the texts add up to."""

    def __init__(self, rate_hz: int, stretch_ms: float, window_s: float) -> None:
        self._rate_hz = rate_hz
        self._stretch = round(stretch_ms * rate_hz / 1000)
        self._window = round(window_s * rate_hz)
        self._audio = np.zeros(0, np.int16)
        self._new: list[NDArray[np.int16]] = []
        self._new_samples = 0
        self._final = ""
        self._partial = ""

    @property
    def text(self) -> str:
        return " ".join(part for part in (self._final, self._partial) if part)

    def add(self, samples: AudioArray) -> None:
        mono = audio_to_int16(checked_samples(samples))
        if mono.ndim == 2:
            mono = mono.mean(axis=0).astype(np.int16)
        self._new.append(mono)
        self._new_samples += mono.size

    def due(self) -> bool:
        """Whether a whole stretch is new."""
        return self._new_samples >= self._stretch

    def unseen(self) -> bool:
        """Whether any audio is new."""
        return self._new_samples > 0

    def take(self) -> None:
        """The new audio is about to be transcribed."""
        self._audio = np.concatenate([self._audio, *self._new])
        self._new.clear()
        self._new_samples = 0

    def overlong(self) -> int:
        """Where to cut when there is too much audio, else 0."""
        if self._audio.size <= self._window:
            return 0
        end = self._window - self._stretch
        start = end - int(end * SEARCH_SHARE)
        return quietest(self._audio, start, end, self._rate_hz // 10)

    def clip(self, end: int | None = None) -> _Clip:
        return self._rate_hz, self._audio[:end].reshape(1, -1)

    def settle(self, cut: int, text: str) -> None:
        """The text before a cut is final."""
        self._partial = text.strip()
        self._final, self._partial = self.text, ""
        self._audio = self._audio[cut:]

    def update(self, text: str) -> None:
        """The text of all audio since the last cut."""
        self._partial = text.strip()


class _SyncStream:
    def __init__(self, model: SyncSTTModel, utterance: _Utterance) -> None:
        self._model = model
        self._utterance = utterance

    def push(self, samples: AudioArray) -> str | None:
        self._utterance.add(samples)
        if not self._utterance.due():
            return None
        before = self._utterance.text
        self._transcribe()
        text = self._utterance.text
        return text if text != before else None

    def finish(self) -> str:
        if self._utterance.unseen():
            self._transcribe()
        return self._utterance.text

    def _transcribe(self) -> None:
        utterance = self._utterance
        utterance.take()
        while cut := utterance.overlong():
            utterance.settle(cut, self._model.stt(utterance.clip(cut)))
        utterance.update(self._model.stt(utterance.clip()))


class _AsyncStream:
    def __init__(self, model: AsyncSTTModel, utterance: _Utterance) -> None:
        self._model = model
        self._utterance = utterance

    async def push(self, samples: AudioArray) -> str | None:
        self._utterance.add(samples)
        if not self._utterance.due():
            return None
        before = self._utterance.text
        await self._transcribe()
        text = self._utterance.text
        return text if text != before else None

    async def finish(self) -> str:
        if self._utterance.unseen():
            await self._transcribe()
        return self._utterance.text

    async def _transcribe(self) -> None:
        utterance = self._utterance
        utterance.take()
        while cut := utterance.overlong():
            utterance.settle(cut, await self._model.stt(utterance.clip(cut)))
        utterance.update(await self._model.stt(utterance.clip()))

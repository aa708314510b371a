"""Silero VAD v6 on onnxruntime.

The weights (MIT) come with the package. The model takes windows of 512 samples
at 16 kHz, each preceded by the last 64 samples of the window before it, and a
state that it hands on; `SileroMeter` keeps both for one live stream.
See https://github.com/snakers4/silero-vad. One window at a time it was more than a
quarter of what a session costs, so its graph is rearranged for several in a call.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..audio import audio_to_float32, mono_float32
from ..errors import ModelUnavailableError
from ..options import VAD_SAMPLE_RATE_HZ, VAD_WINDOW_SAMPLES, SileroVadOptions
from .protocol import AudioChunk
from .silero_graph import CONTEXT_SAMPLES, STATE_SIZE, rearranged

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WEIGHTS = Path(__file__).parent / "weights" / "silero_vad.onnx"
SILENCE_RMS = 0.001
"""-60 dB of full scale: below it nobody speaks, whatever the microphone."""
SILENT_WINDOWS = 8
"""So many windows of silence one after the other still go to the model, which needs
them to forget the speech before; then 256 ms have passed and it is left to rest. A
line on which nobody speaks, the usual state of most, then costs no inference."""
WINDOWS_AT_ONCE = 64
"""A whole clip goes through the model in pieces of 2 s: 1 MB of memory, not 1 GB."""
WINDOW_MS = 1000.0 * VAD_WINDOW_SAMPLES / VAD_SAMPLE_RATE_HZ

_loading = threading.Lock()


def get_silero_model() -> SileroVADModel:
    """The process's one Silero model, loaded at the first call."""
    with _loading:
        return _load()


@lru_cache(maxsize=1)
def _load() -> SileroVADModel:
    model = SileroVADModel()
    model.warmup()
    return model


class SileroVADModel:
    """The model itself; it keeps no state, so any number of streams share it."""

    def __init__(self) -> None:
        self._session = _open_session(WEIGHTS)

    def open_meter(self) -> SileroMeter:
        """Follow a live stream."""
        return SileroMeter(self)

    def warmup(self) -> None:
        """Run once, so that the first real window is not slow."""
        self.open_meter().push(np.zeros(VAD_WINDOW_SAMPLES, np.int16))

    def __call__(
        self, windows: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Windows of one stream, one after the other.

        Args:
            windows: float32 (n, 64 + 512), context and new samples at 16 kHz.
            state: float32 (2, 1, 128), zeros at a stream's start.

        Returns:
            Speech probabilities, float32 (n,), and the next state.
        """
        outputs = cast(
            "list[Any]",
            self._session.run(_OUTPUTS, {"input": windows, "state": state}),
        )
        return outputs[0][:, 0], outputs[1]

    def vad(
        self,
        audio: tuple[int, NDArray[np.int16] | NDArray[np.float32]],
        options: SileroVadOptions | None = None,
    ) -> tuple[float, list[AudioChunk]]:
        """Speech in a whole clip.

        Args:
            audio: `(sample_rate, array)`, int16 or float32, (n,) or (channels, n).
            options: see `SileroVadOptions`.

        Returns:
            Seconds of speech and its pieces, in samples of the clip as given.
        """
        options = options or SileroVadOptions()
        samples = mono_float32(audio, VAD_SAMPLE_RATE_HZ)
        probabilities = self._probabilities(samples)
        spans = _spans(probabilities, options)
        spans = _pad(_split(_join(spans, options), options), samples.size, options)
        scale = audio[0] / VAD_SAMPLE_RATE_HZ
        chunks: list[AudioChunk] = [
            {"start": int(start * scale), "end": int(end * scale)}
            for start, end in spans
        ]
        seconds = sum(end - start for start, end in spans) / VAD_SAMPLE_RATE_HZ
        return seconds, chunks

    def _probabilities(self, samples: NDArray[np.float32]) -> list[float]:
        short = -samples.size % VAD_WINDOW_SAMPLES
        padded = np.pad(samples, (0, short)).astype(np.float32)
        return SileroMeter(self).windows(padded.reshape(-1, VAD_WINDOW_SAMPLES))


class SileroMeter:
    """Follows one live stream with the model's state and context."""

    sample_rate_hz = VAD_SAMPLE_RATE_HZ

    def __init__(self, model: SileroVADModel) -> None:
        self._model = model
        self._state = np.zeros((2, 1, STATE_SIZE), np.float32)
        self._context = np.zeros(CONTEXT_SAMPLES, np.float32)
        self._pending = np.zeros(0, np.int16)
        self._silent_windows = 0

    def push(self, samples: NDArray[np.int16]) -> list[tuple[float, float]]:
        """`(milliseconds, probability)` of each completed window; int16 (n,)."""
        pending = np.concatenate((self._pending, samples))
        whole = pending.size - pending.size % VAD_WINDOW_SAMPLES
        self._pending = pending[whole:]
        windows = audio_to_float32(pending[:whole]).reshape(-1, VAD_WINDOW_SAMPLES)
        return [(WINDOW_MS, probability) for probability in self.windows(windows)]

    def windows(self, samples: NDArray[np.float32]) -> list[float]:
        """The probability of each window, float32 (n, 512)."""
        probabilities: list[float] = []
        for start in range(0, len(samples), WINDOWS_AT_ONCE):
            probabilities += self._some(samples[start : start + WINDOWS_AT_ONCE])
        return probabilities

    def _some(self, samples: NDArray[np.float32]) -> list[float]:
        inputs = np.empty(
            (len(samples), CONTEXT_SAMPLES + VAD_WINDOW_SAMPLES), np.float32
        )
        inputs[:, CONTEXT_SAMPLES:] = samples
        inputs[0, :CONTEXT_SAMPLES] = self._context
        inputs[1:, :CONTEXT_SAMPLES] = samples[:-1, -CONTEXT_SAMPLES:]
        self._context = samples[-1, -CONTEXT_SAMPLES:].copy()
        judged = self._to_judge(samples)
        probabilities = [0.0] * len(samples)
        if judged:
            wanted = inputs if len(judged) == len(inputs) else inputs[judged]
            answers, self._state = self._model(wanted, self._state)
            for index, probability in zip(judged, answers.tolist(), strict=True):
                probabilities[index] = probability
        return probabilities

    def _to_judge(self, samples: NDArray[np.float32]) -> list[int]:
        """Which of the windows the model has to see; see `SILENT_WINDOWS`."""
        energies = np.einsum("ij,ij->i", samples, samples).tolist()
        judged: list[int] = []
        for index, energy in enumerate(energies):
            if energy >= VAD_WINDOW_SAMPLES * SILENCE_RMS**2:
                self._silent_windows = 0
            elif self._silent_windows == SILENT_WINDOWS:
                continue
            else:
                self._silent_windows += 1
            judged.append(index)
        return judged


_OUTPUTS = ["output", "next_state"]
_Span = tuple[int, int]


def _open_session(path: Path) -> InferenceSession:
    import onnxruntime

    if not path.exists():
        raise ModelUnavailableError(
            f"The voice detector's weights are missing: {path.name} belongs in "
            f"{path.parent}. Installing the package (pip install -e .) puts it there."
        )
    options = onnxruntime.SessionOptions()
    # A default session's threads spin while they wait: 70 times the CPU of one
    # window at 31 windows a second.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        rearranged(path.read_bytes()),
        sess_options=options,
        providers=["CPUExecutionProvider"],
    )


def _spans(probabilities: list[float], options: SileroVadOptions) -> list[_Span]:
    spans: list[_Span] = []
    start: int | None = None
    low = options.threshold - 0.15
    for index, probability in enumerate(probabilities):
        if start is None and probability >= options.threshold:
            start = index
        elif start is not None and probability < low:
            spans.append((start * VAD_WINDOW_SAMPLES, index * VAD_WINDOW_SAMPLES))
            start = None
    if start is not None:
        end = len(probabilities) * VAD_WINDOW_SAMPLES
        spans.append((start * VAD_WINDOW_SAMPLES, end))
    return spans


def _samples(ms: float) -> int:
    return int(ms * VAD_SAMPLE_RATE_HZ / 1000)


def _join(spans: list[_Span], options: SileroVadOptions) -> list[_Span]:
    gap = _samples(options.min_silence_duration_ms)
    joined: list[_Span] = []
    for start, end in spans:
        if joined and start - joined[-1][1] < gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    shortest = _samples(options.min_speech_duration_ms)
    return [span for span in joined if span[1] - span[0] >= shortest]


def _split(spans: list[_Span], options: SileroVadOptions) -> list[_Span]:
    if options.max_speech_duration_s == float("inf"):
        return spans
    longest = max(_samples(options.max_speech_duration_s * 1000), VAD_WINDOW_SAMPLES)
    return [
        (at, min(at + longest, end))
        for start, end in spans
        for at in range(start, end, longest)
    ]


def _pad(spans: list[_Span], total: int, options: SileroVadOptions) -> list[_Span]:
    pad = _samples(options.speech_pad_ms)
    padded: list[_Span] = []
    for index, (start, end) in enumerate(spans):
        before = spans[index - 1][1] if index else -2 * pad
        after = spans[index + 1][0] if index + 1 < len(spans) else total + 2 * pad
        left = min(pad, max(0, start - before) // 2)
        right = min(pad, max(0, after - end) // 2)
        padded.append((max(0, start - left), min(total, end + right)))
    return padded

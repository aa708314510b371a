"""Arithmetic on audio arrays: formats, mu-law, resampling, MP3.

Arrays are numpy; unless said otherwise their shape is (channels, samples).
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Literal, TypeVar, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

AudioArray = NDArray[np.int16] | NDArray[np.float32]
Sample = TypeVar("Sample", np.int16, np.float32)


# -- formats -----------------------------------------------------------------


def audio_to_float32(
    audio: AudioArray | tuple[int, AudioArray],
) -> NDArray[np.float32]:
    """int16 divided by 32768; float32 is returned as it is.

    Raises:
        TypeError: any other dtype.
    """
    array = _bare_array(audio)
    if array.dtype == np.int16:
        return np.divide(array, 32768.0, dtype=np.float32)
    if array.dtype == np.float32:
        return cast("NDArray[np.float32]", array)
    raise TypeError(f"Unsupported audio data type: {array.dtype}")


def audio_to_int16(audio: AudioArray | tuple[int, AudioArray]) -> NDArray[np.int16]:
    """float32 times 32767, clipped to the range; int16 is returned as it is.

    NaN becomes silence.

    Raises:
        TypeError: any other dtype.
    """
    array = _bare_array(audio)
    if array.dtype == np.int16:
        return cast("NDArray[np.int16]", array)
    if array.dtype == np.float32:
        scaled = np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=-1.0) * 32767.0
        return np.clip(scaled, -32768, 32767).astype(np.int16)
    raise TypeError(f"Unsupported audio data type: {array.dtype}")


def _bare_array(audio: AudioArray | tuple[int, AudioArray]) -> NDArray[Any]:
    if isinstance(audio, tuple):
        warnings.warn(
            "Pass the array alone: a (sample_rate, array) tuple is taken for "
            "compatibility, its sample rate is not used.",
            UserWarning,
            stacklevel=3,
        )
        return audio[1]
    return audio


def mono_float32(
    audio: tuple[int, AudioArray], sample_rate_hz: int
) -> NDArray[np.float32]:
    """A clip of any shape as float32 of shape (samples,) at `sample_rate_hz`."""
    from_hz, array = audio
    samples = audio_to_float32(array)
    if samples.ndim == 2:
        samples = samples.mean(axis=0, dtype=np.float32)
    if from_hz == sample_rate_hz:
        return samples
    return resample(samples.reshape(1, -1), from_hz, sample_rate_hz)[0]


# -- mu-law (ITU-T G.711) ----------------------------------------------------

_BIAS = 0x84
_CLIP = 32635


def _mulaw_tables() -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent, mantissa = (codes >> 4) & 7, codes & 0x0F
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    decode = np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)

    linear = np.arange(-32768, 32768, dtype=np.int32)
    biased = np.minimum(np.abs(linear), _CLIP) + _BIAS
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    sign = np.where(linear < 0, 0x80, 0)
    encode = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return encode, decode


_ENCODE, _DECODE = _mulaw_tables()


def mulaw_encode(samples: NDArray[np.int16]) -> bytes:
    """One mu-law byte a sample of an int16 array of any shape."""
    return _ENCODE[samples.ravel().astype(np.int32) + 32768].tobytes()


def mulaw_decode(payload: bytes) -> NDArray[np.int16]:
    """int16 of shape (1, samples) from mu-law bytes."""
    return _DECODE[np.frombuffer(payload, np.uint8)].reshape(1, -1)


# -- resampling --------------------------------------------------------------


class StreamResampler:
    """Resamples a live stream chunk by chunk, keeping the filter's state between.

    Args:
        from_hz, to_hz: sample rates.
        channels: of the chunks, 1 or 2; the output has the same.
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int = 1) -> None:
        self.from_hz = from_hz
        self.to_hz = to_hz
        self.layout = _layout(channels)
        self._resampler = AudioResampler(format="s16p", layout=self.layout, rate=to_hz)

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """The next part of the output, int16 (channels, n), n 0 or more."""
        if self.from_hz == self.to_hz:
            return samples
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(samples), format="s16p", layout=self.layout
        )
        frame.sample_rate = self.from_hz
        return self._join(self._resampler.resample(frame), samples.shape[0])

    def flush(self, channels: int = 1) -> NDArray[np.int16]:
        """The filter's last samples; the resampler can't be used afterwards."""
        if self.from_hz == self.to_hz:
            return np.zeros((channels, 0), np.int16)
        return self._join(self._resampler.resample(None), channels)

    @staticmethod
    def _join(frames: list[AudioFrame], channels: int) -> NDArray[np.int16]:
        arrays = [cast("NDArray[np.int16]", frame.to_ndarray()) for frame in frames]
        if len(arrays) == 1:
            return arrays[0]
        if not arrays:
            return np.zeros((channels, 0), np.int16)
        return np.concatenate(arrays, axis=1)


def resample(samples: NDArray[Sample], from_hz: int, to_hz: int) -> NDArray[Sample]:
    """Resample a whole clip of shape (channels, n), int16 or float32."""
    if from_hz == to_hz or samples.shape[1] == 0:
        return samples
    layout = _layout(samples.shape[0])
    format_ = "s16p" if samples.dtype == np.int16 else "fltp"
    contiguous: NDArray[Any] = np.ascontiguousarray(samples)
    frame = AudioFrame.from_ndarray(contiguous, format=format_, layout=layout)
    frame.sample_rate = from_hz
    resampler = AudioResampler(format=format_, layout=layout, rate=to_hz)
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    joined = np.concatenate([part.to_ndarray() for part in parts], axis=1)
    return cast("NDArray[Sample]", joined)


def _layout(channels: int) -> Literal["mono", "stereo"]:
    return "mono" if channels == 1 else "stereo"


# -- MP3 ---------------------------------------------------------------------


def audio_to_bytes(audio: tuple[int, AudioArray]) -> bytes:
    """A clip as the bytes of an MP3 file.

    Args:
        audio: `(sample_rate, array)`, the array int16 or float32 of shape
            (samples,), (1, samples) or (2, samples).
    """
    sample_rate_hz, array = audio
    pcm = audio_to_int16(array)
    if pcm.ndim == 1:
        pcm = pcm.reshape(1, -1)
    rate_hz = _mp3_rate_hz(sample_rate_hz)
    pcm = resample(pcm, sample_rate_hz, rate_hz)
    layout = _layout(pcm.shape[0])
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate_hz, layout=layout)
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(pcm), format="s16p", layout=layout
        )
        frame.sample_rate = rate_hz
        if pcm.shape[1]:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _mp3_rate_hz(sample_rate_hz: int) -> int:
    # MPEG-1, MPEG-2 and MPEG-2.5 layer III know these rates and no other.
    rates_hz = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
    return next((rate for rate in rates_hz if rate >= sample_rate_hz), 48000)


def audio_to_file(audio: tuple[int, AudioArray]) -> str:
    """A clip as a temporary .mp3 file, whose path is returned.

    The file stays until the caller deletes it.
    """
    with tempfile.NamedTemporaryFile(suffix=".mp3", delete=False) as file:
        file.write(audio_to_bytes(audio))
    return file.name


# -- byte streams ------------------------------------------------------------


class _Aggregator:
    """Turns byte chunks of any length into int16, carrying an odd byte over."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, chunk: bytes) -> NDArray[np.int16] | None:
        data = self._rest + bytes(chunk)
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        if not whole:
            return None
        return np.frombuffer(data[:whole], np.int16).reshape(1, -1)


def aggregate_bytes_to_16bit(chunks_iterator: Iterable[bytes]) -> Iterator[AudioArray]:
    """int16 arrays of shape (1, n) from little-endian byte chunks of any length."""
    aggregator = _Aggregator()
    for chunk in chunks_iterator:
        samples = aggregator.push(chunk)
        if samples is not None:
            yield samples


async def async_aggregate_bytes_to_16bit(
    chunks_iterator: AsyncIterator[bytes],
) -> AsyncIterator[AudioArray]:
    """The same for an asynchronous iterator."""
    aggregator = _Aggregator()
    async for chunk in chunks_iterator:
        samples = aggregator.push(chunk)
        if samples is not None:
            yield samples

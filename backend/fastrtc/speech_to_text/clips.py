"""What may be given to `stt`: a clip in any form that has one meaning."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..audio import AudioArray, mono_float32
from ..errors import ConfigurationError

MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
"""Wider than any microphone or telephone; outside lies a mistake."""

MAX_CHANNELS = 8
"""More "channels" are samples: an array that is to be transposed."""

MAX_OVERSHOOT = 10.0
"""Filters and mixers overshoot ±1 by little, and are clipped. Floats 20 dB above full
scale are samples in another unit, and clipping would make a buzz of them."""

INT16 = np.iinfo(np.int16)


def mono_clip(
    audio: tuple[int, AudioArray], sample_rate_hz: int
) -> NDArray[np.float32]:
    """A clip as a model takes it, after a check of what was given.

    Besides the documented forms, arrays of other integer types are taken when their
    values are those of int16 (`np.random.randint` gives int64), and float16 and
    float64 as float32 is. NaN becomes silence; floats a little beyond ±1 are clipped.

    Args:
        audio: `(sample_rate, array)`, the rate in Hz.
        sample_rate_hz: the rate wanted.

    Returns:
        float32 of shape (samples,), from -1 to 1.

    Raises:
        ConfigurationError: it is no audio, or its unit can't be known.
    """
    from_hz, array = checked_clip(audio)
    return mono_float32((from_hz, array), sample_rate_hz)


def checked_clip(audio: Any) -> tuple[int, AudioArray]:
    """The same with its rate and shape kept, int16 or float32.

    Raises:
        ConfigurationError: as `mono_clip`.
    """
    if not isinstance(audio, tuple | list) or len(audio) != 2:
        raise ConfigurationError(
            f"Speech-to-text takes (sample_rate, array), not {_kind(audio)}."
        )
    rate, array = cast("tuple[Any, Any]", audio)
    return checked_rate(rate), checked_samples(array)


def checked_rate(rate: Any) -> int:
    """A sample rate in Hz.

    Raises:
        ConfigurationError: it is not a number, or not one of audio.
    """
    number = isinstance(rate, int | float | np.integer | np.floating)
    if not number or isinstance(rate, bool):
        raise ConfigurationError(
            f"The sample rate is a number of Hz, not {_kind(rate)}: speech-to-text "
            f"takes (sample_rate, array) in this order."
        )
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ or rate != int(rate):
        raise ConfigurationError(
            f"The sample rate is a whole number from {MIN_RATE_HZ} to {MAX_RATE_HZ} "
            f"Hz, not {rate}."
        )
    return int(rate)


def checked_samples(array: Any) -> AudioArray:
    """Samples of shape (samples,) or (channels, samples), int16 or float32.

    Raises:
        ConfigurationError: as `mono_clip`.
    """
    try:
        given: NDArray[Any] = np.asarray(array)
    except ValueError as error:
        raise ConfigurationError(
            "The audio's rows differ in length; it is one array of shape (samples,) "
            "or (channels, samples)."
        ) from error
    if given.ndim not in (1, 2):
        raise ConfigurationError(
            f"Audio has the shape (samples,) or (channels, samples), not {given.shape}."
        )
    if given.ndim == 2 and given.size and given.shape[0] > MAX_CHANNELS:
        raise ConfigurationError(
            f"Audio of shape {given.shape} has more than {MAX_CHANNELS} channels: the "
            f"shape is (channels, samples); pass array.T."
        )
    if not given.size:
        return np.zeros(given.shape[-1:], np.int16)
    if given.dtype.kind == "f":
        return _floats(given)
    if given.dtype.kind in "iu" and given.dtype.itemsize > 1:
        return _integers(given)
    raise ConfigurationError(
        f"Audio is int16, or float32 from -1 to 1, not {given.dtype}: convert it."
    )


def _floats(given: NDArray[Any]) -> NDArray[np.float32]:
    samples = np.nan_to_num(given, nan=0.0, posinf=1.0, neginf=-1.0)
    peak = float(np.abs(samples).max())
    if peak > MAX_OVERSHOOT:
        raise ConfigurationError(
            f"Audio of type {given.dtype} goes from -1 to 1, but this reaches "
            f"{peak:g}: divide by full scale, 32768 for samples that were int16."
        )
    return np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False)


def _integers(given: NDArray[Any]) -> NDArray[np.int16]:
    if given.min() < INT16.min or given.max() > INT16.max:
        raise ConfigurationError(
            f"Audio of type {given.dtype} is taken with the values of int16, -32768 to "
            f"32767, but this has others: scale it to int16, or to float32 from -1 to "
            f"1."
        )
    return given.astype(np.int16, copy=False)


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"

"""Log-mel features as Whisper's encoder takes them, in numpy.

The definition: 16 kHz; the waveform brought to zero mean and unit variance; frames
of 400 samples under a periodic Hann window, one each 160 samples and centred there,
the ends reflected; power spectrum; 80 triangular filters of unit area, evenly spaced
from 0 to 8 kHz on Slaney's mel scale (linear below 1 kHz, logarithmic above); log10,
nothing more than 8 below the greatest; (x + 4) / 4. See "Robust Speech Recognition
via Large-Scale Weak Supervision" (Radford et al., 2022) for the features and Slaney's
"Auditory Toolbox" (1998) for the scale.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 400
HOP_SAMPLES = 160
MELS = 80

_HALF = FRAME_SAMPLES // 2
_FLOOR = 1e-10
_RANGE = 8.0
_VARIANCE_FLOOR = 1e-7
_LINEAR_MEL_HZ = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_MEL_HZ
_MELS_PER_E_FOLD = 27 / math.log(6.4)
_FRAMES_AT_ONCE = 16
"""OpenBLAS computes a product of up to 2^18 multiplications in the calling thread.
For a larger one it wakes a thread on each core, which cost more than they save and
spin when the cores are busy: 9 ms instead of 1 on a loaded machine."""


def log_mel(samples: NDArray[np.float32], clip_samples: int) -> NDArray[np.float32]:
    """The features of a clip's last seconds.

    Args:
        samples: float32 of shape (n,) at 16 kHz, full scale 1.
        clip_samples: how many count, a multiple of 160. A clip of fewer is taken to
            follow silence.

    Returns:
        float32 of shape (80, clip_samples / 160), the lowest filter and the oldest
        frame first.
    """
    samples = samples[-clip_samples:]
    # The statistics include the silence before the clip, as in the definition.
    mean = float(samples.sum(dtype=np.float64)) / clip_samples
    power = float(np.square(samples).sum(dtype=np.float64)) / clip_samples
    scale = 1 / math.sqrt(max(power - mean**2, 0.0) + _VARIANCE_FLOOR)
    silence = -mean * scale

    waveform = samples * np.float32(scale) + silence
    spectra = _power_spectra(_framed(waveform, silence, clip_samples))
    mels = np.empty((MELS, clip_samples // HOP_SAMPLES), np.float32)
    silent_frames = mels.shape[1] - spectra.shape[0]
    # All frames of the silence are the same; only the others are computed.
    mels[:, :silent_frames] = (silence**2 * _MELS_OF_ONES)[:, None]
    for start in range(0, spectra.shape[0], _FRAMES_AT_ONCE):
        some = spectra[start : start + _FRAMES_AT_ONCE]
        at = silent_frames + start
        mels[:, at : at + some.shape[0]] = _FILTERS @ some.T

    np.log10(np.maximum(mels, _FLOOR, out=mels), out=mels)
    np.maximum(mels, mels.max() - _RANGE, out=mels)
    mels += 4
    mels /= 4
    return mels


def _framed(
    waveform: NDArray[np.float32], silence: float, clip_samples: int
) -> NDArray[np.float32]:
    """The frames that reach into the waveform, (frames, 400), without a window."""
    padding = clip_samples - waveform.size
    last = clip_samples // HOP_SAMPLES - 1
    first = min(max(0, -(-(padding - _HALF + 1) // HOP_SAMPLES)), last)
    start = first * HOP_SAMPLES - _HALF
    before = np.full(padding - max(start, 0), silence, np.float32)
    # The last frame's centre lies one hop before the end.
    ends = (max(-start, 0), _HALF - HOP_SAMPLES)
    line = np.pad(np.concatenate((before, waveform)), ends, mode="reflect")
    return sliding_window_view(line, FRAME_SAMPLES)[::HOP_SAMPLES]


def _power_spectra(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """(frames, 201) of (frames, 400)."""
    # numpy before 2.0 computes it in float64 whatever it is given.
    spectra = np.fft.rfft(frames * _WINDOW, axis=1)
    return (spectra.real**2 + spectra.imag**2).astype(np.float32, copy=False)


def _hz_of(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    above = np.maximum(mels - _KNEE_MEL, 0)
    linear = np.minimum(mels, _KNEE_MEL) * _LINEAR_MEL_HZ
    return linear * np.exp(above / _MELS_PER_E_FOLD)


def _filters() -> NDArray[np.float32]:
    """(80, 201): the weight of each bin of a spectrum in each filter."""
    top_hz = SAMPLE_RATE_HZ / 2
    top_mel = _KNEE_MEL + _MELS_PER_E_FOLD * math.log(top_hz / _KNEE_HZ)
    corners = _hz_of(np.linspace(0, top_mel, MELS + 2))
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bins = np.linspace(0, top_hz, _HALF + 1)
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    triangles = np.maximum(np.minimum(rising, falling), 0)
    return (triangles * 2 / (high - low)).astype(np.float32)


_WINDOW = np.hanning(FRAME_SAMPLES + 1)[:-1].astype(np.float32)
_FILTERS = _filters()
_MELS_OF_ONES = _FILTERS @ _power_spectra(np.ones((1, FRAME_SAMPLES), np.float32))[0]

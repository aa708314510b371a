"""The measure itself: would the tests notice broken audio?"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from .tones import LEFT_HZ, assert_unbroken, clip

pytestmark = pytest.mark.loopback

WHOLE = clip(LEFT_HZ, 1.0, 48_000)[0]


def with_gap() -> NDArray[np.int16]:
    samples = WHOLE.copy()
    samples[20_000:20_480] = 0
    return samples


BROKEN = {
    "a lost frame": np.delete(WHOLE, slice(20_000, 20_960)),
    "a lost half frame": np.delete(WHOLE, slice(20_000, 20_480)),
    "a doubled frame": np.insert(WHOLE, 20_960, WHOLE[20_000:20_960]),
    "ten lost samples": np.delete(WHOLE, slice(20_000, 20_010)),
    "a gap": with_gap(),
    "silence": np.zeros_like(WHOLE),
    "half the pitch": clip(LEFT_HZ / 2, 1.0, 48_000)[0],
}


def test_a_whole_tone_passes() -> None:
    """Without it, the audio tests could fail for no reason."""
    assert_unbroken(WHOLE, LEFT_HZ)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_broken_audio_is_noticed(broken: NDArray[np.int16]) -> None:
    """Without it, gaps and clicks could pass every audio test."""
    with pytest.raises(AssertionError):
        assert_unbroken(broken, LEFT_HZ)

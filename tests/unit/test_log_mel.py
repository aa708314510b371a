"""fastrtc.end_of_turn.log_mel against figures of another implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastrtc.end_of_turn.log_mel import log_mel

CLIP_SAMPLES = 128_000

# Made with transformers 5.24: WhisperFeatureExtractor(chunk_length=8), do_normalize,
# the clip cut to its last 8 s or led by zeros. Rows: mels 0, 10, 40, 79.
FRAMES_AND_FIGURES: dict[int, tuple[list[int], list[list[float]]]] = {
    8_000: (
        [0, 470, 749, 750, 780, 799],
        [
            [0.7427, 0.7427, 0.7849, 1.2990, 1.3317, 1.4189],
            [0.0525, 0.0525, 0.2895, 0.8036, 0.7470, 1.3232],
            [0.0525, 0.0525, 0.0525, 0.5654, 0.6614, 0.6604],
            [0.0525, 0.0525, 0.0525, 0.3636, 0.4531, 0.3197],
        ],
    ),
    53_001: (
        [0, 468, 469, 600, 700, 799],
        [
            [0.9514, 0.9840, 1.0619, 1.0259, 1.0251, 1.0304],
            [-0.1443, 0.3656, 0.5730, 0.3925, 0.2656, 0.2927],
            [-0.1443, 0.0582, 0.3557, 0.3482, 0.3415, 0.3329],
            [-0.1443, -0.1443, 0.2637, 0.4493, 0.4522, 0.4633],
        ],
    ),
    140_000: (
        [0, 1, 200, 400, 600, 799],
        [
            [1.2315, 0.7109, 0.3542, 0.2693, 0.3092, 0.2944],
            [1.3930, 1.6477, 0.3576, 0.1307, 0.1785, 0.0921],
            [0.6195, 0.3587, 0.1523, 0.2410, 0.3524, 0.3344],
            [0.3837, 0.1156, 0.2233, 0.1617, 0.2251, 0.0625],
        ],
    ),
}


def sweep(samples: int) -> Any:
    """A sine that rises and swells, over hiss and an offset: float32 (samples,)."""
    index = np.arange(samples)
    seconds = index / 16_000
    hiss = 0.003 * np.sin(0.0137 * index**2)
    tone = np.sin(2 * np.pi * (100 * seconds + 200 * seconds**2))
    return (0.3 * tone * np.sin(3 * seconds) ** 2 + hiss + 0.01).astype(np.float32)


@pytest.mark.parametrize("samples", FRAMES_AND_FIGURES)
def test_features_are_whispers(samples: int) -> None:
    """Lost otherwise: the model would judge sounds it has never been trained on."""
    frames, figures = FRAMES_AND_FIGURES[samples]
    features = log_mel(sweep(samples), CLIP_SAMPLES)
    assert features.shape == (80, 800)
    assert features.dtype == np.float32
    found = features[np.ix_([0, 10, 40, 79], frames)]
    np.testing.assert_allclose(found, figures, atol=2e-4)


@pytest.mark.parametrize("samples", [1, 199, 200, 201, 360, 1_000, 53_001, 127_900])
def test_a_short_clip_follows_silence(samples: int) -> None:
    """Lost otherwise: the shortcut for the silence would blur a turn's first word."""
    clip = sweep(samples)
    led = np.concatenate((np.zeros(CLIP_SAMPLES - samples, np.float32), clip))
    np.testing.assert_allclose(
        log_mel(clip, CLIP_SAMPLES), log_mel(led, CLIP_SAMPLES), atol=2e-4
    )


def test_only_the_last_seconds_count() -> None:
    """Lost otherwise: a long turn would be judged by how it began."""
    clip = sweep(CLIP_SAMPLES)
    longer = np.concatenate((sweep(16_000)[::-1], clip))
    np.testing.assert_array_equal(
        log_mel(longer, CLIP_SAMPLES), log_mel(clip, CLIP_SAMPLES)
    )


@pytest.mark.parametrize("samples", [0, 1, 16_000, 200_000])
def test_digital_silence_is_finite(samples: int) -> None:
    """Lost otherwise: a muted microphone would give the model infinities."""
    features = log_mel(np.zeros(samples, np.float32), CLIP_SAMPLES)
    np.testing.assert_allclose(features, -1.5, atol=1e-6)


def test_a_short_turn_costs_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost otherwise: each pause of a one-word answer would cost as much as 8 s."""
    computed: list[int] = []
    transform = np.fft.rfft

    def counting(frames: Any, axis: int) -> Any:
        computed.append(len(frames))
        return transform(frames, axis=axis)

    monkeypatch.setattr(np.fft, "rfft", counting)
    for samples in (8_000, 128_000):
        log_mel(sweep(samples), CLIP_SAMPLES)
    # 50 of half a second, and one whose window reaches into it.
    assert computed == [51, 800]


def test_a_shorter_clip_differs_in_level_only() -> None:
    """Lost otherwise: what the model hears of 4 s would be other than of 8."""
    speech = sweep(40_000)
    speech -= speech.mean()
    of_eight, of_four = log_mel(speech, 128_000), log_mel(speech, 64_000)
    assert of_four.shape == (80, 400)
    # Half the silence in the clip is half the power that is brought to 1.
    shift = np.log10(2) / 4
    np.testing.assert_allclose(of_eight[:, 400:], of_four + shift, atol=2e-4)

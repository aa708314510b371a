"""fastrtc.audio: formats, mu-law, resampling, MP3, byte streams."""

from __future__ import annotations

import io
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc import (
    aggregate_bytes_to_16bit,
    async_aggregate_bytes_to_16bit,
    audio_to_bytes,
    audio_to_file,
    audio_to_float32,
    audio_to_int16,
)
from fastrtc.audio import (
    StreamResampler,
    mono_float32,
    mulaw_decode,
    mulaw_encode,
    resample,
)
from tests.support.handlers import tone

# -- formats ----------------------------------------------------------------------


def test_int16_becomes_float32() -> None:
    """Lost otherwise: models would get audio that is far too loud."""
    array = np.array([[-32768, 0, 16384, 32767]], np.int16)
    result = audio_to_float32(array)
    assert result.dtype == np.float32
    assert result.tolist() == [[-1.0, 0.0, 0.5, 32767 / 32768]]


def test_float32_becomes_int16() -> None:
    """Lost otherwise: a model's float audio would be heard as silence."""
    array = np.array([-1.0, 0.0, 0.5, 1.0], np.float32)
    result = audio_to_int16(array)
    assert result.dtype == np.int16
    assert result.tolist() == [-32767, 0, 16383, 32767]


def test_too_loud_is_clipped_and_never_wraps() -> None:
    """Lost otherwise: a slightly too loud voice would crackle badly."""
    array = np.array([1.5, -1.5, 1e30, -1e30, np.inf, -np.inf], np.float32)
    result = audio_to_int16(array)
    assert (result[::2] == 32767).all()
    assert (result[1::2] <= -32767).all()


def test_nan_becomes_silence_without_a_warning() -> None:
    """Lost otherwise: one bad sample of a model would be a loud click."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = audio_to_int16(np.array([np.nan, 0.5], np.float32))
    assert result.tolist() == [0, 16383]


@pytest.mark.parametrize("convert", [audio_to_float32, audio_to_int16])
@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.uint8])
def test_other_dtypes_are_refused(convert: Any, dtype: Any) -> None:
    """Lost otherwise: wrong audio would be heard as noise, with no hint why."""
    with pytest.raises(TypeError, match="Unsupported audio data type: "):
        convert(np.zeros(4, dtype))


@pytest.mark.parametrize(
    ("convert", "dtype"), [(audio_to_float32, np.float32), (audio_to_int16, np.int16)]
)
def test_what_is_right_already_is_returned_as_it_is(convert: Any, dtype: Any) -> None:
    """Lost otherwise: every frame would be copied in vain."""
    array = np.zeros((1, 4), dtype)
    assert convert(array) is array


@pytest.mark.parametrize("convert", [audio_to_float32, audio_to_int16])
def test_a_tuple_is_taken_with_a_warning_that_points_here(convert: Any) -> None:
    """Lost otherwise: programs written for older releases would break."""
    array = np.array([[0, 16384]], np.int16)
    with pytest.warns(UserWarning, match="tuple") as caught:
        result = convert((24_000, array))
    assert caught[0].filename == __file__
    assert (result == convert(array)).all()


@given(st.lists(st.integers(-32767, 32767), max_size=50))
def test_there_and_back_is_the_same_within_one_step(values: list[int]) -> None:
    """Lost otherwise: audio would change by being passed along."""
    array = np.array(values, np.int16)
    back = audio_to_int16(audio_to_float32(array))
    assert (np.abs(back.astype(int) - array) <= 1).all()


def test_mono_float32_mixes_and_resamples() -> None:
    """Lost otherwise: stereo clips would reach the models at half their speed."""
    stereo = np.stack((tone(1, 48_000)[0], tone(1, 48_000)[0]))
    result = mono_float32((48_000, stereo), 16_000)
    assert result.dtype == np.float32
    assert result.ndim == 1
    assert abs(result.size - 16_000) <= 32
    assert mono_float32((16_000, np.zeros(160, np.int16)), 16_000).shape == (160,)


# -- mu-law -----------------------------------------------------------------------


def test_mulaw_known_codes() -> None:
    """Lost otherwise: phone calls would be noise."""
    assert mulaw_encode(np.array([0, -1, 32767, -32768], np.int16)) == bytes(
        [0xFF, 0x7F, 0x80, 0x00]
    )
    assert mulaw_decode(bytes([0xFF, 0x7F, 0x80, 0x00])).tolist() == [
        [0, 0, 32124, -32124]
    ]


def test_every_mulaw_code_comes_back() -> None:
    """Lost otherwise: each pass through a phone line would add noise."""
    codes = bytes(range(256))
    back = mulaw_encode(mulaw_decode(codes))
    # 0x7F and 0xFF both mean zero.
    assert [a for a, b in zip(codes, back, strict=True) if a != b] == [0x7F]


@given(st.integers(-32635, 32635))
def test_mulaw_error_is_small(value: int) -> None:
    """Lost otherwise: phone voices would be distorted."""
    back = int(mulaw_decode(mulaw_encode(np.array([value], np.int16)))[0, 0])
    assert abs(back - value) <= max(8, abs(value) / 16)


# -- resampling -------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 7, 160, 441, 5000])
@pytest.mark.parametrize(("from_hz", "to_hz"), [(24_000, 48_000), (44_100, 16_000)])
def test_chunks_resample_as_the_whole(chunk: int, from_hz: int, to_hz: int) -> None:
    """Lost otherwise: live audio would click at the seams of its frames."""
    whole = tone(0.2, from_hz)
    resampler = StreamResampler(from_hz, to_hz)
    parts = [
        resampler.push(whole[:, i : i + chunk]) for i in range(0, whole.shape[1], chunk)
    ]
    joined = np.concatenate([*parts, resampler.flush()], axis=1)
    expected = resample(whole, from_hz, to_hz)
    assert joined.shape == expected.shape
    assert np.abs(joined.astype(int) - expected).max() <= 2


def test_the_same_rate_passes_through() -> None:
    """Lost otherwise: audio that needs nothing would be delayed and changed."""
    resampler = StreamResampler(24_000, 24_000)
    array = tone(0.02)
    assert resampler.push(array) is array
    assert resampler.flush().shape == (1, 0)
    assert resample(array, 24_000, 24_000) is array


def test_stereo_and_float_resample() -> None:
    """Lost otherwise: stereo voices would come out as mono or at the wrong pitch."""
    stereo = tone(0.1, 24_000, channels=2).astype(np.float32)
    assert resample(stereo, 24_000, 48_000).shape[0] == 2
    resampler = StreamResampler(24_000, 48_000, channels=2)
    pushed = resampler.push(tone(0.1, channels=2))
    rest = resampler.flush(2)
    assert pushed.shape[0] == rest.shape[0] == 2
    assert abs(pushed.shape[1] + rest.shape[1] - 4800) <= 2


def test_resampling_keeps_the_pitch() -> None:
    """Lost otherwise: the bot would sound like somebody else."""
    result = resample(tone(1, 24_000, hz=1000), 24_000, 16_000)[0]
    spectrum = np.abs(np.fft.rfft(result))
    assert abs(spectrum.argmax() * 16_000 / result.size - 1000) < 2


def test_an_empty_clip_stays_empty() -> None:
    """Lost otherwise: an empty reply would end in an error of the resampler."""
    empty = np.zeros((1, 0), np.int16)
    assert resample(empty, 24_000, 48_000).shape == (1, 0)


# -- MP3 --------------------------------------------------------------------------


def decode(data: bytes) -> tuple[int, Any]:
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate_hz = container.streams.audio[0].rate
    assert rate_hz is not None
    return rate_hz, np.concatenate(frames, axis=1)


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_an_mp3_decodes_to_the_same_tone(rate_hz: int) -> None:
    """Lost otherwise: recordings sent to speech services would be unusable."""
    data = audio_to_bytes((rate_hz, tone(1, rate_hz)))
    decoded_hz, samples = decode(data)
    assert decoded_hz == rate_hz
    assert samples.shape[1] / decoded_hz == pytest.approx(1, abs=0.15)
    spectrum = np.abs(np.fft.rfft(samples[0]))
    loudest_hz = spectrum.argmax() * decoded_hz / samples.shape[1]
    assert loudest_hz == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    "array",
    [
        tone(0.5)[0],
        tone(0.5, channels=2),
        tone(0.5).astype(np.float32) / 32768,
        np.zeros((1, 0), np.int16),
        np.zeros((1, 1), np.int16),
    ],
    ids=["flat", "stereo", "float", "empty", "one sample"],
)
def test_every_form_of_audio_becomes_an_mp3(array: Any) -> None:
    """Lost otherwise: the form a model gives would decide if it can be saved."""
    data = audio_to_bytes((24_000, array))
    assert isinstance(data, bytes)
    if array.size > 1:
        assert decode(data)[1].shape[0] == (2 if array.shape[0] == 2 else 1)


@pytest.mark.parametrize("rate_hz", [9000, 96_000, 20_000])
def test_rates_mp3_does_not_know_are_resampled(rate_hz: int) -> None:
    """Lost otherwise: saving unusual audio would fail or change its speed."""
    decoded_hz, samples = decode(audio_to_bytes((rate_hz, tone(1, rate_hz))))
    assert samples.shape[1] / decoded_hz == pytest.approx(1, abs=0.15)


def test_a_file_is_written_and_kept() -> None:
    """Lost otherwise: the path would point to nothing."""
    path = Path(audio_to_file((24_000, tone(0.5))))
    try:
        assert path.suffix == ".mp3"
        assert decode(path.read_bytes())[0] == 24_000
    finally:
        path.unlink()


# -- byte streams -----------------------------------------------------------------


@given(st.binary(max_size=64), st.lists(st.integers(0, 9), max_size=20))
def test_bytes_cut_anywhere_give_the_same_samples(
    data: bytes, lengths: list[int]
) -> None:
    """Lost otherwise: a byte cut off by the network would turn speech into noise."""
    chunks: list[bytes] = []
    at = 0
    for length in lengths:
        chunks.append(data[at : at + length])
        at += length
    chunks.append(data[at:])
    arrays = list(aggregate_bytes_to_16bit(chunks))
    assert all(a.ndim == 2 and a.shape[0] == 1 and a.size for a in arrays)
    joined = b"".join(a.tobytes() for a in arrays)
    assert joined == data[: len(data) // 2 * 2]


async def test_the_async_twin_does_the_same() -> None:
    """Lost otherwise: async speech services would need code of their own."""

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b"\x01", b"\x00\x02\x00\x03", b"", b"\x00"):
            yield chunk

    arrays = [a.tolist() async for a in async_aggregate_bytes_to_16bit(chunks())]
    assert arrays == [[[1, 2]], [[3]]]

"""fastrtc.transports.websocket.codecs: payloads to frames and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fastrtc.audio import mulaw_decode, mulaw_encode
from fastrtc.errors import RefusedError
from fastrtc.session import Frame
from fastrtc.transports.opus import OpusDecoder, OpusEncoder
from fastrtc.transports.websocket.codecs import AudioIn, AudioOut
from fastrtc.transports.websocket.protocol import AudioFormat
from fastrtc.websocket import convert_to_mulaw
from tests.support.handlers import tone


def joined(audio_in: AudioIn, payloads: Iterable[bytes]) -> NDArray[np.int16]:
    """All samples of all frames."""
    frames = [
        f for payload in payloads for part in audio_in.push(payload) for f in part
    ]
    return np.concatenate(frames, axis=1)[0]


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def largest_step(samples: NDArray[np.int16]) -> int:
    """A click is a step no tone of that pitch makes."""
    return int(np.abs(np.diff(samples.astype(np.int32))).max())


@pytest.mark.parametrize("size", [1, 7, 160, 999, 24_000])
def test_frames_are_20_ms_however_messages_are_cut(size: int) -> None:
    """Lost otherwise: a handler would get frames of any length."""
    audio_in = AudioIn(AudioFormat("mulaw", 8_000), 8_000, "mono")
    payload = mulaw_encode(tone(1, 8_000))
    frames = [f for p in cut(payload, size) for part in audio_in.push(p) for f in part]
    assert [frame.shape for frame in frames] == [(1, 160)] * 50
    together = np.concatenate(frames, axis=1)
    assert np.array_equal(together, mulaw_decode(payload))


@pytest.mark.parametrize("from_hz", [8_000, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("size_ms", [10, 20, 100])
def test_resampling_is_one_stream(from_hz: int, size_ms: int) -> None:
    """Lost otherwise: every message would begin with a click, and words get shorter."""
    audio_in = AudioIn(AudioFormat("pcm16", from_hz), 48_000, "mono")
    payload = tone(2, from_hz, 440).astype("<i2").tobytes()
    heard = joined(audio_in, cut(payload, 2 * (from_hz * size_ms // 1000)))
    assert 1.95 < heard.size / 48_000 <= 2.0
    # The steepest step of a 440 Hz tone of amplitude 8000, once it has begun.
    assert largest_step(heard[960:]) <= 1.05 * 8000 * 2 * np.pi * 440 / 48_000
    spectrum = np.abs(np.fft.rfft(heard[:48_000] * np.hanning(48_000)))
    assert abs(int(spectrum.argmax()) - 440) <= 1


@pytest.mark.parametrize("encoding", ["pcm16", "mulaw", "opus"])
def test_long_messages_come_in_portions(encoding: Any) -> None:
    """Lost otherwise: a second of audio in one message would stop everybody's."""
    audio_in = AudioIn(AudioFormat(encoding, 48_000), 48_000, "mono")
    parts = list(audio_in.push(bytes(7_000)))
    longest = max((sum(f.shape[1] for f in part) for part in parts), default=0)
    assert longest <= 48_000 * 0.121


def test_pcm16_is_little_endian_whole_samples() -> None:
    """Lost otherwise: speech would be noise."""
    audio_in = AudioIn(AudioFormat("pcm16", 8_000), 8_000, "mono")
    frames = [f for part in audio_in.push(b"\x01\x02" * 160) for f in part]
    assert frames[0][0, 0] == 0x0201
    with pytest.raises(RefusedError) as caught:
        list(audio_in.push(b"abc"))
    assert caught.value.code == "invalid_audio"


@pytest.mark.parametrize("encoding", ["pcm16", "opus"])
def test_stereo_handlers_get_both_sides(encoding: Any) -> None:
    """Lost otherwise: a stereo handler would hear twice the pitch."""
    audio_in = AudioIn(AudioFormat(encoding, 48_000), 48_000, "stereo")
    clip = tone(0.5, 48_000)
    payloads = cut(clip.astype("<i2").tobytes(), 1920)
    if encoding == "opus":
        encoder = OpusEncoder()
        payloads = [
            bytes(encoder.encode(Frame(part, 48_000, 0, 0)))
            for part in np.split(clip, 25, axis=1)
        ]
    heard = joined(audio_in, payloads)
    assert heard.size == 48_000
    assert np.array_equal(heard[::2], heard[1::2])


def test_broken_opus_is_passed_over() -> None:
    """Lost otherwise: one broken packet would end the call."""
    audio_in = AudioIn(AudioFormat("opus", 48_000), 24_000, "mono")
    assert all(not part for part in audio_in.push(b"\xff\xff\xff"))
    packet = bytes(OpusEncoder().encode(Frame(tone(0.02, 48_000), 48_000, 0, 0)))
    assert joined(audio_in, [packet] * 3).size >= 960
    with pytest.raises(RefusedError) as caught:
        list(audio_in.push(bytes(8_001)))
    assert caught.value.code == "invalid_audio"


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_are_opus_or_nothing(payloads: list[bytes]) -> None:
    """Lost otherwise: some bytes nobody thought of would end in a traceback."""
    audio_in = AudioIn(AudioFormat("opus", 48_000), 16_000, "mono")
    for payload in payloads:
        for part in audio_in.push(payload):
            assert all(frame.shape == (1, 320) for frame in part)


@pytest.mark.parametrize("channels", [1, 2])
def test_out_in_every_encoding(channels: int) -> None:
    """Lost otherwise: clients would hear noise, or the wrong speed."""
    clip = tone(0.02, 24_000, channels=channels)
    frame = Frame(clip, 24_000, 0, 0)
    pcm = AudioOut(AudioFormat("pcm16", 24_000))
    assert pcm.choose_rate_hz(48_000) == 24_000
    assert pcm.encode(frame) == clip[0].astype("<i2").tobytes()
    mulaw = AudioOut(AudioFormat("mulaw", 24_000))
    assert mulaw.encode(frame) == mulaw_encode(clip[0])


def test_out_in_opus() -> None:
    """Lost otherwise: the same for Opus."""
    out = AudioOut(AudioFormat("opus", 48_000))
    assert out.choose_rate_hz(22_050) == 24_000
    decoder = OpusDecoder(48_000)
    heard: list[NDArray[np.int16]] = []
    for part in np.split(tone(1, 24_000, channels=2), 50, axis=1):
        heard += decoder.decode(out.encode(Frame(part, 24_000, 0, 0)))
    samples = np.concatenate(heard, axis=1)[0]
    assert samples.size >= 47_000
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    assert abs(spectrum.argmax() * 48_000 / samples.size - 440) < 2


def test_fastrtcs_helper_for_mulaw() -> None:
    """Lost otherwise: programs that make their own mu-law with it would break."""
    clip = tone(0.5, 24_000)[0]
    assert convert_to_mulaw(clip, 24_000, 24_000) == mulaw_encode(clip)
    floats = (clip / 32_768).astype(np.float32)
    made = mulaw_decode(convert_to_mulaw(floats, 24_000, 8_000))[0]
    assert made.size == 4_000
    spectrum = np.abs(np.fft.rfft(made * np.hanning(made.size)))
    assert abs(spectrum.argmax() * 8_000 / made.size - 440) <= 2

"""From payloads to the frames a handler gets, and from a playout's frames to payloads.

Both keep the state of their resampler and codec between messages, so that a stream
cut into messages is the same stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...audio import StreamResampler, mulaw_decode, mulaw_encode
from ...errors import RefusedError
from ...options import FRAME_MS
from ...session import Frame
from ..opus import OpusDecoder, OpusEncoder, opus_rate_hz
from .bounds import MAX_OPUS_BYTES, SLICE_MS
from .protocol import AudioFormat

Samples: TypeAlias = NDArray[np.int16]
Layout: TypeAlias = Literal["mono", "stereo"]


class AudioIn:
    """Decodes one client's audio into frames of 20 ms.

    Args:
        format_: of the payloads.
        rate_hz: of the frames, which is also that of the payloads if `format_` says
            none.
        layout: of the frames: `"stereo"` is interleaved, both sides the same.
    """

    def __init__(self, format_: AudioFormat, rate_hz: int, layout: Layout) -> None:
        self._channels = 1 if layout == "mono" else 2
        self._frame_samples = rate_hz * FRAME_MS // 1000 * self._channels
        self._pending = np.zeros((1, 0), np.int16)
        self._encoding = format_.encoding
        if format_.encoding == "opus":
            self._opus = OpusDecoder(rate_hz, layout)
            self._decode: Callable[[bytes], Samples] = self._decode_opus
            # A packet is one piece.
            self._slice_bytes = MAX_OPUS_BYTES
            return
        from_hz = format_.sample_rate_hz or rate_hz
        self._resampler = StreamResampler(from_hz, rate_hz)
        self._slice_bytes = from_hz * SLICE_MS // 1000
        self._decode = self._decode_mulaw
        if format_.encoding == "pcm16":
            self._slice_bytes *= 2
            self._decode = self._decode_pcm16

    def push(self, payload: bytes) -> Iterator[list[Samples]]:
        """Frames, int16 (1, samples), in portions of about 120 ms.

        A last part of a frame is kept for the next payload. A broken Opus packet
        gives nothing.

        Raises:
            RefusedError: the payload can't be of this format.
        """
        self._check(payload)
        step = self._slice_bytes
        for start in range(0, len(payload), step):
            yield self._frames(self._decode(payload[start : start + step]))

    def _check(self, payload: bytes) -> None:
        if self._encoding == "opus" and len(payload) > MAX_OPUS_BYTES:
            raise RefusedError(
                "invalid_audio", f"No Opus packet has {len(payload)} bytes."
            )
        if self._encoding == "pcm16" and len(payload) % 2:
            raise RefusedError(
                "invalid_audio", "A message of pcm16 must hold whole samples."
            )

    def _decode_mulaw(self, payload: bytes) -> Samples:
        return self._as_wanted(mulaw_decode(payload))

    def _decode_pcm16(self, payload: bytes) -> Samples:
        samples = np.frombuffer(payload, "<i2").astype(np.int16, copy=False)
        return self._as_wanted(samples.reshape(1, -1))

    def _decode_opus(self, payload: bytes) -> Samples:
        arrays = self._opus.decode(payload)
        return np.concatenate(arrays, axis=1) if arrays else np.zeros((1, 0), np.int16)

    def _as_wanted(self, samples: Samples) -> Samples:
        samples = self._resampler.push(samples)
        return samples if self._channels == 1 else np.repeat(samples, 2, axis=1)

    def _frames(self, samples: Samples) -> list[Samples]:
        if self._pending.shape[1]:
            samples = np.concatenate((self._pending, samples), axis=1)
        size = self._frame_samples
        whole = samples.shape[1] // size * size
        self._pending = samples[:, whole:]
        return [samples[:, start : start + size] for start in range(0, whole, size)]


class AudioOut:
    """Encodes a playout's frames, 20 ms each; stereo is mixed down.

    Args:
        format_: of the payloads, its rate known.
    """

    def __init__(self, format_: AudioFormat) -> None:
        self._rate_hz = format_.sample_rate_hz
        self._opus: OpusEncoder | None = None
        self.encode: Callable[[Frame], bytes] = _encode_mulaw
        if format_.encoding == "pcm16":
            self.encode = _encode_pcm16
        elif format_.encoding == "opus":
            self._opus = OpusEncoder()
            self.encode = self._encode_opus

    def choose_rate_hz(self, rate_hz: int) -> int:
        """The rate the frames must have, given the first clip's."""
        if self._opus is not None or self._rate_hz is None:
            return opus_rate_hz(rate_hz)
        return self._rate_hz

    def _encode_opus(self, frame: Frame) -> bytes:
        assert self._opus is not None
        mono = Frame(
            _mono(frame.samples), frame.sample_rate_hz, frame.position, frame.generation
        )
        return bytes(self._opus.encode(mono))


def _encode_mulaw(frame: Frame) -> bytes:
    return mulaw_encode(_mono(frame.samples))


def _encode_pcm16(frame: Frame) -> bytes:
    return _mono(frame.samples).astype("<i2", copy=False).tobytes()


def _mono(samples: Samples) -> Samples:
    if samples.shape[0] == 1:
        return samples
    return samples.mean(axis=0, keepdims=True).astype(np.int16)

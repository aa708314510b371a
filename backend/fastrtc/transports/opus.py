"""Opus both ways, by libopus, without threads.

A frame costs 40 us to decode and 130 us to encode: less than the two hops to a
thread and back that would spare the event loop the work.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal, TypeAlias, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.error import FFmpegError
from av.packet import Packet
from numpy.typing import NDArray

from ..options import OPUS_BIT_RATE, OPUS_COMPLEXITY
from ..session.playout import Frame

EncodedAudio: TypeAlias = "Packet[AudioStream]"

RTP_CLOCK_HZ = 48_000
RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)


def opus_rate_hz(rate_hz: int) -> int:
    """The lowest rate Opus knows that loses nothing of audio at `rate_hz`."""
    return next((rate for rate in RATES_HZ if rate >= rate_hz), RATES_HZ[-1])


class OpusDecoder:
    """Decodes packets of one stream into a handler's form.

    Args:
        sample_rate_hz: of the arrays.
        layout: `"mono"`, or `"stereo"` for interleaved samples.
    """

    def __init__(
        self, sample_rate_hz: int, layout: Literal["mono", "stereo"] = "mono"
    ) -> None:
        self._codec = cast("Any", av.CodecContext.create("libopus", "r"))
        self._codec.sample_rate = RTP_CLOCK_HZ
        # libopus mixes down itself when asked for one channel.
        self._codec.layout = layout
        self._resampler = None
        if sample_rate_hz != RTP_CLOCK_HZ:
            self._resampler = AudioResampler("s16", layout, sample_rate_hz)

    def decode(self, payload: bytes) -> list[NDArray[np.int16]]:
        """Arrays of int16 (1, samples); none when the packet is broken."""
        if not payload:
            # FFmpeg would take it for the end of the stream, and stay deaf.
            return []
        try:
            frames: list[AudioFrame] = self._codec.decode(Packet(payload))
        except FFmpegError:
            return []
        return self._arrays(frames)

    def silence(self, samples: int) -> list[NDArray[np.int16]]:
        """The same for a gap of `samples` at 48 kHz."""
        channels = self._codec.layout.nb_channels
        zeros = np.zeros((1, samples * channels), np.int16)
        frame = AudioFrame.from_ndarray(zeros, "s16", self._codec.layout.name)
        frame.sample_rate = RTP_CLOCK_HZ
        return self._arrays([frame])

    def _arrays(self, frames: list[AudioFrame]) -> list[NDArray[np.int16]]:
        if self._resampler is not None:
            for frame in frames:
                frame.pts = None
            frames = [part for f in frames for part in self._resampler.resample(f)]
        return [_samples(frame) for frame in frames]


def _samples(frame: AudioFrame) -> NDArray[np.int16]:
    """Packed int16 (1, samples); `to_ndarray` takes four times as long."""
    size = frame.samples * frame.layout.nb_channels
    return np.frombuffer(cast("Any", frame.planes[0]), np.int16, size).reshape(1, -1)


class OpusEncoder:
    """Encodes a playout's frames; a change of their form makes a new encoder."""

    def __init__(self) -> None:
        self._codec: Any = None
        self._form: tuple[int, int] | None = None

    def encode(self, frame: Frame) -> EncodedAudio:
        """One packet, its pts on the 48 kHz clock of RTP."""
        channels = frame.samples.shape[0]
        form = (frame.sample_rate_hz, channels)
        if form != self._form:
            self._codec, self._form = _open_encoder(*form), form
        packed = np.ascontiguousarray(frame.samples.T).reshape(1, -1)
        layout = "mono" if channels == 1 else "stereo"
        audio = AudioFrame.from_ndarray(packed, "s16", layout)
        audio.sample_rate = frame.sample_rate_hz
        encoded: list[EncodedAudio] = self._codec.encode(audio)
        joined = b"".join(bytes(part) for part in encoded)
        packet = cast("EncodedAudio", Packet(joined))
        packet.pts = frame.position * (RTP_CLOCK_HZ // frame.sample_rate_hz)
        packet.time_base = Fraction(1, RTP_CLOCK_HZ)
        return packet


def _open_encoder(sample_rate_hz: int, channels: int) -> Any:
    codec = cast("Any", av.CodecContext.create("libopus", "w"))
    codec.sample_rate = sample_rate_hz
    codec.layout = "mono" if channels == 1 else "stereo"
    codec.format = "s16"
    codec.bit_rate = OPUS_BIT_RATE * channels
    codec.options = {
        "application": "audio",
        "compression_level": str(OPUS_COMPLEXITY),
        "frame_duration": "20",
        "vbr": "on",
    }
    return codec

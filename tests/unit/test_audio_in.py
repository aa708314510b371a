"""fastrtc.transports.webrtc.audio_in: from RTP packets to a continuous stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from fastrtc.session import Frame
from fastrtc.transports.opus import OpusEncoder
from fastrtc.transports.webrtc import audio_in
from fastrtc.transports.webrtc.audio_in import (
    MAX_GAP_SAMPLES,
    MAX_PATIENCE_MS,
    AudioReceiver,
)
from tests.support.handlers import tone


@dataclass
class Rtp:
    sequence_number: int
    timestamp: int
    payload: bytes


def packets(seconds: float, first: int = 0, timestamp: int = 0) -> list[Rtp]:
    array = tone(seconds, 48_000)
    encoder = OpusEncoder()
    return [
        Rtp(
            (first + n) & 0xFFFF,
            (timestamp + n * 960) & 0xFFFFFFFF,
            bytes(encoder.encode(Frame(array[:, i : i + 960], 48_000, i, 0))),
        )
        for n, i in enumerate(range(0, array.shape[1], 960))
    ]


class Clock:
    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(audio_in, "time", clock)
    return clock


class Ear:
    def __init__(self, rate_hz: int = 48_000, patience_ms: float = 0.0) -> None:
        self.frames: list[Any] = []
        self.patience_ms = patience_ms
        self.receiver = AudioReceiver(
            rate_hz, "mono", self.frames.append, lambda: self.patience_ms
        )

    @property
    def samples(self) -> int:
        return sum(array.shape[1] for _, array in self.frames)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
def test_frames_of_the_handlers_form(rate_hz: int, clock: Clock) -> None:
    """Lost otherwise: handlers would get audio of another rate or shape."""
    ear = Ear(rate_hz)
    for packet in packets(1):
        ear.receiver.on_packet(packet)
    assert {rate for rate, _ in ear.frames} == {rate_hz}
    assert all(a.dtype == np.int16 and a.shape[0] == 1 for _, a in ear.frames)
    assert ear.samples == pytest.approx(rate_hz, abs=rate_hz // 100)


@pytest.mark.parametrize("lost", [1, 5, 20])
def test_lost_packets_become_silence(lost: int, clock: Clock) -> None:
    """Lost otherwise: pauses would be misjudged on bad networks."""
    ear = Ear()
    for n, packet in enumerate(packets(2)):
        clock.now_s = n * 0.02
        if not 20 <= n < 20 + lost:
            ear.receiver.on_packet(packet)
    assert ear.samples == pytest.approx(96_000, abs=960)


def test_reordered_packets_are_heard_in_order(clock: Clock) -> None:
    """Lost otherwise: speech would be scrambled on wireless networks."""
    straight, mixed = Ear(), Ear()
    sent = packets(0.4)
    for packet in sent:
        straight.receiver.on_packet(packet)
    for i in range(0, len(sent), 2):
        mixed.receiver.on_packet(sent[i + 1] if i else sent[0])
        mixed.receiver.on_packet(sent[i] if i else sent[1])
    expected = np.concatenate([a for _, a in straight.frames], axis=1)
    assert (np.concatenate([a for _, a in mixed.frames], axis=1) == expected).all()


def test_a_client_that_sends_nothing_while_silent(clock: Clock) -> None:
    """Lost otherwise: with DTX the user's pause would never be noticed."""
    ear = Ear()
    for packet in packets(0.2):
        ear.receiver.on_packet(packet)
    for packet in packets(0.2, first=10, timestamp=10 * 960 + 24_000):
        ear.receiver.on_packet(packet)
    assert ear.samples == pytest.approx(2 * 9600 + 24_000, abs=960)


def test_a_long_gap_is_filled_with_a_second_only(clock: Clock) -> None:
    """Lost otherwise: a forged timestamp would fill the memory with silence."""
    ear = Ear()
    for packet in packets(0.2):
        ear.receiver.on_packet(packet)
    for packet in packets(0.2, first=10, timestamp=48_000 * 3600):
        ear.receiver.on_packet(packet)
    assert ear.samples == pytest.approx(2 * 9600 + MAX_GAP_SAMPLES, abs=960)


def test_clocks_wrap(clock: Clock) -> None:
    """Lost otherwise: a call would break at some random minute."""
    ear = Ear()
    for packet in packets(1, first=65_520, timestamp=2**32 - 9600):
        ear.receiver.on_packet(packet)
    assert ear.samples == pytest.approx(48_000, abs=960)


def test_a_timestamp_that_jumps_back_adds_nothing(clock: Clock) -> None:
    """Lost otherwise: a restarted microphone would insert hours of silence."""
    ear = Ear()
    for packet in packets(0.2, timestamp=48_000):
        ear.receiver.on_packet(packet)
    for packet in packets(0.2, first=10, timestamp=0):
        ear.receiver.on_packet(packet)
    assert ear.samples == pytest.approx(2 * 9600, abs=960)


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xff\xff", b"\x03"])
def test_odd_packets_are_survived(payload: bytes, clock: Clock) -> None:
    """Lost otherwise: a probing packet of the browser would end the session."""
    ear = Ear()
    sent = packets(0.4)
    sent[5] = Rtp(5, 5 * 960, payload)
    for packet in sent:
        ear.receiver.on_packet(packet)
    assert ear.samples == pytest.approx(19_200, abs=3 * 960)


def came(ear: Ear, sent: list[Rtp]) -> list[int]:
    """How many frames each packet brought."""
    counts: list[int] = []
    for packet in sent:
        before = len(ear.frames)
        ear.receiver.on_packet(packet)
        counts.append(len(ear.frames) - before)
    return counts


@pytest.mark.parametrize(("patience_ms", "burst"), [(0, 1), (20, 1), (21, 2), (96, 5)])
def test_frames_come_as_late_as_they_are_wanted(
    patience_ms: float, burst: int, clock: Clock
) -> None:
    """Lost otherwise: listening would cost twice the CPU, or turns would end late."""
    ear = Ear(patience_ms=patience_ms)
    counts = came(ear, packets(0.4))
    assert counts == ([0] * (burst - 1) + [burst]) * (20 // burst)


def test_patient_ears_hear_the_same(clock: Clock) -> None:
    """Lost otherwise: saving CPU would change what users are heard to say."""
    sent = packets(1)
    sent = [*sent[:7], sent[8], sent[7], *sent[9:20], *sent[23:]]
    at_once, patient = Ear(), Ear(patience_ms=100)
    for ear in (at_once, patient):
        for n, packet in enumerate(sent):
            clock.now_s = n * 0.02
            ear.receiver.on_packet(packet)
        ear.patience_ms = 0
        ear.receiver.on_packet(Rtp(50, 50 * 960, sent[-1].payload))
    assert len(patient.frames) == len(at_once.frames)
    for (_, one), (_, other) in zip(at_once.frames, patient.frames, strict=True):
        assert (one == other).all()


def test_patience_can_end_at_any_packet(clock: Clock) -> None:
    """Lost otherwise: a bot that begins to speak could not be interrupted at once."""
    ear = Ear(patience_ms=100)
    sent = packets(0.4)
    assert came(ear, sent[:3]) == [0, 0, 0]
    ear.patience_ms = 40
    assert came(ear, sent[3:8]) == [4, 0, 2, 0, 2]


def test_patience_is_bounded(clock: Clock) -> None:
    """Lost otherwise: a handler that never decides would fill the memory."""
    ear = Ear(patience_ms=float("inf"))
    assert max(came(ear, packets(1))) == -(-MAX_PATIENCE_MS // 20)


def test_a_gap_counts_as_audio_waited_for(clock: Clock) -> None:
    """Lost otherwise: with DTX the end of a turn would be noticed late."""
    ear = Ear(patience_ms=100)
    sent = packets(0.2)
    for packet in sent[4:]:
        packet.timestamp += 4800
    assert came(ear, sent[:5]) == [0, 0, 0, 0, 10]
    back = packets(0.1, first=5, timestamp=0)
    assert came(ear, back[:1]) == [1]


def test_a_packet_without_payload_delays_nothing(clock: Clock) -> None:
    """Lost otherwise: a probing packet of the browser would make the bot slow."""
    ear = Ear(patience_ms=100)
    sent = packets(0.2)
    sent[2] = Rtp(2, 2 * 960, b"")
    assert came(ear, sent[:3]) == [0, 0, 2]

"""fastrtc.transports.webrtc.frame_assembly: whole frames from lost packets."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastrtc.transports.webrtc.frame_assembly import (
    MAX_BYTES,
    MAX_PACKETS,
    MAX_STRAYS,
    FrameAssembler,
    Step,
)
from fastrtc.transports.webrtc.packet_loss import (
    ASK_AGAIN_MS,
    KEYFRAME_RETRY_MS,
    MAX_MISSING,
    SILENCE_MS,
    WAIT_MS,
)
from fastrtc.transports.webrtc.video_payloads import (
    DELTA_START,
    KEY_START,
    MIDDLE,
    PADDING,
    VideoPacket,
    payload_kind,
)

FRAME_TICKS = 3000
PER_FRAME = 3


def stream(
    frames: int, keys: tuple[int, ...] = (0,), first: int = 0, start_ticks: int = 0
) -> list[VideoPacket]:
    """Frames of three packets each; `keys` are the numbers of keyframes."""
    packets: list[VideoPacket] = []
    for number in range(frames):
        for part in range(PER_FRAME):
            kind = MIDDLE
            if part == 0:
                kind = KEY_START if number in keys else DELTA_START
            packets.append(
                VideoPacket(
                    ssrc=7,
                    sequence=(first + len(packets)) & 0xFFFF,
                    timestamp=(start_ticks + number * FRAME_TICKS) & 0xFFFFFFFF,
                    marker=part == PER_FRAME - 1,
                    codec="VP8",
                    kind=kind,
                    data=b"%d.%d " % (number, part),
                )
            )
    return packets


def whole(number: int) -> bytes:
    return b"".join(b"%d.%d " % (number, part) for part in range(PER_FRAME))


class Receiving:
    """An assembler and all that came out of it."""

    def __init__(self) -> None:
        self.assembler = FrameAssembler()
        self.frames: list[bytes] = []
        self.timestamps: list[int] = []
        self.asked: list[int] = []
        self.keyframes_asked_at_ms: list[float] = []
        self.now_ms = 0.0

    def add(self, *packets: VideoPacket, now_ms: float | None = None) -> None:
        self.now_ms = self.now_ms if now_ms is None else now_ms
        for packet in packets:
            self._note(self.assembler.add(packet, self.now_ms))

    def wait(self, until_ms: float) -> None:
        """Let time pass with no packet."""
        while True:
            wake_ms = self.assembler.wake_ms()
            if wake_ms is None or wake_ms > until_ms:
                break
            self.now_ms = max(self.now_ms, wake_ms)
            self._note(self.assembler.tick(self.now_ms))
        self.now_ms = until_ms

    def _note(self, step: Step) -> None:
        self.frames += [frame.data for frame in step.frames]
        self.timestamps += [frame.timestamp for frame in step.frames]
        self.asked += step.missing
        if step.keyframe:
            self.keyframes_asked_at_ms.append(self.now_ms)


@pytest.fixture
def receiving() -> Receiving:
    return Receiving()


def test_a_frame_comes_with_its_last_packet(receiving: Receiving) -> None:
    """Lost otherwise: every picture would be shown one frame late."""
    first, second, third = stream(1)
    receiving.add(first, second)
    assert receiving.frames == []
    receiving.add(third)
    assert receiving.frames == [whole(0)]
    assert receiving.assembler.wake_ms() is None


def test_a_frame_without_marker_comes_with_the_next(receiving: Receiving) -> None:
    """Lost otherwise: senders that set no marker would not be seen."""
    receiving.add(*(replace(packet, marker=False) for packet in stream(3)))
    assert receiving.frames == [whole(0), whole(1)]


def test_reordered_packets_come_out_in_order(receiving: Receiving) -> None:
    """Lost otherwise: pictures would be scrambled on wireless networks."""
    packets = stream(3)
    order = [0, 4, 2, 1, 8, 3, 5, 7, 6]
    receiving.add(*(packets[n] for n in order))
    assert receiving.frames == [whole(0), whole(1), whole(2)]
    assert receiving.assembler.packets_lost == 0


def test_duplicates_count_once(receiving: Receiving) -> None:
    """Lost otherwise: doubled packets would break the picture."""
    packets = stream(2)
    receiving.add(*(p for packet in packets for p in (packet, packet)), *packets)
    assert receiving.frames == [whole(0), whole(1)]


def test_sequence_numbers_and_timestamps_wrap(receiving: Receiving) -> None:
    """Lost otherwise: video would stop after minutes, and its time run backwards."""
    start = 2**32 - 2 * FRAME_TICKS
    packets = stream(4, first=65_532, start_ticks=start)
    packets[4], packets[5] = packets[5], packets[4]
    receiving.add(*packets)
    assert receiving.frames == [whole(n) for n in range(4)]
    assert receiving.timestamps == [start + n * FRAME_TICKS for n in range(4)]


def test_padding_is_no_frame(receiving: Receiving) -> None:
    """Lost otherwise: a browser that probes the network would stop the video."""
    packets = stream(3)
    padding = replace(packets[5], kind=PADDING, data=b"", marker=False)
    later = [replace(p, sequence=p.sequence + 1) for p in packets[6:]]
    receiving.add(*packets[:6], replace(padding, sequence=6), *later)
    assert receiving.frames == [whole(0), whole(1), whole(2)]


def test_a_lost_packet_is_asked_for_until_it_comes(receiving: Receiving) -> None:
    """Lost otherwise: each lost packet would cost a keyframe, or a lost question."""
    packets = stream(3)
    receiving.add(*packets[:4], *packets[5:])
    assert receiving.asked == [4]
    receiving.wait(ASK_AGAIN_MS - 1)
    assert receiving.asked == [4]
    receiving.wait(ASK_AGAIN_MS)
    assert receiving.asked == [4, 4]
    receiving.add(packets[4], now_ms=WAIT_MS - 1)
    assert receiving.frames == [whole(0), whole(1), whole(2)]
    assert receiving.keyframes_asked_at_ms == []
    assert receiving.assembler.wake_ms() is None


def test_long_round_trips_are_learned(receiving: Receiving) -> None:
    """Lost otherwise: far clients would send all that was lost three times."""
    packets, asked = stream(60), 0
    for number in range(20):
        lost = packets[3 * number + 1]
        now_ms = 1000.0 * number
        rest = [p for p in packets[3 * number : 3 * number + 3] if p is not lost]
        receiving.add(*rest, now_ms=now_ms)
        asked = len(receiving.asked)
        receiving.wait(now_ms + 99)
        receiving.add(lost, now_ms=now_ms + 100)
    assert len(receiving.asked) == asked
    assert len(receiving.frames) == 20


def test_a_packet_lost_for_good_costs_up_to_a_keyframe(receiving: Receiving) -> None:
    """Lost otherwise: the picture would freeze, or show rubbish."""
    packets = stream(8, keys=(0, 6))
    receiving.add(*packets[:4], *packets[5:12])
    receiving.wait(WAIT_MS - 1)
    assert receiving.keyframes_asked_at_ms == []
    receiving.wait(WAIT_MS)
    assert receiving.keyframes_asked_at_ms == [WAIT_MS]
    receiving.add(packets[4], *packets[12:], now_ms=WAIT_MS + 40)
    assert receiving.frames == [whole(0), whole(6), whole(7)]
    assert receiving.assembler.frames_dropped == 5
    assert receiving.assembler.packets_lost == 1
    assert receiving.assembler.keyframes_requested == 1


def test_a_keyframe_is_asked_for_until_it_comes(receiving: Receiving) -> None:
    """Lost otherwise: one lost request would freeze the picture for good."""
    packets = stream(50, keys=(0, 49))
    receiving.add(*packets[:3], *packets[4:6])
    for number in range(2, 49):
        receiving.wait(number * 33)
        receiving.add(*packets[3 * number : 3 * number + 3], now_ms=number * 33)
    expected = [WAIT_MS + n * KEYFRAME_RETRY_MS for n in range(3)]
    assert receiving.keyframes_asked_at_ms == expected
    receiving.add(*packets[-3:], now_ms=49 * 33)
    assert receiving.frames == [whole(0), whole(49)]
    receiving.wait(5000)
    assert receiving.keyframes_asked_at_ms == expected


def test_the_lost_start_of_a_keyframe_is_waited_for(receiving: Receiving) -> None:
    """Lost otherwise: on lossy networks no keyframe would ever be whole."""
    packets = stream(3, keys=(1,))
    receiving.add(*packets[:3])
    assert receiving.keyframes_asked_at_ms == [0]
    receiving.add(*packets[4:], now_ms=20)
    assert receiving.asked == [3]
    receiving.add(packets[3], now_ms=60)
    assert receiving.frames == [whole(1), whole(2)]
    assert receiving.keyframes_asked_at_ms == [0]


def test_a_lost_keyframe_is_asked_for_again_at_once(receiving: Receiving) -> None:
    """Lost otherwise: a broken keyframe would freeze the picture half a second more."""
    packets = stream(9, keys=(1, 6))
    receiving.add(*packets[:3])
    receiving.add(packets[3], *packets[5:9], now_ms=20)
    receiving.wait(20 + WAIT_MS)
    assert receiving.keyframes_asked_at_ms == [0, 20 + WAIT_MS]
    receiving.add(*packets[9:], now_ms=240)
    assert receiving.frames == [whole(6), whole(7), whole(8)]


def test_a_keyframe_that_is_there_ends_a_gap(receiving: Receiving) -> None:
    """Lost otherwise: a second keyframe would be asked for in vain."""
    packets = stream(4, keys=(0, 2))
    receiving.add(*packets[:4], *packets[5:])
    receiving.wait(WAIT_MS)
    assert receiving.frames == [whole(0), whole(2), whole(3)]
    assert receiving.keyframes_asked_at_ms == []


def test_gaps_on_both_sides_of_a_keyframe(receiving: Receiving) -> None:
    """Lost otherwise: two lost packets could freeze the picture for good."""
    packets = stream(8, keys=(0, 2, 6))
    lost = (4, 7)
    receiving.add(*(p for n, p in enumerate(packets[:12]) if n not in lost))
    receiving.wait(WAIT_MS)
    assert receiving.keyframes_asked_at_ms == [WAIT_MS]
    receiving.add(*packets[12:], now_ms=WAIT_MS + 30)
    assert receiving.frames == [whole(0), whole(6), whole(7)]


def test_without_a_beginning_a_keyframe_is_asked_for(receiving: Receiving) -> None:
    """Lost otherwise: nothing would be seen if the first packet was lost."""
    receiving.add(*stream(2)[1:])
    assert receiving.frames == []
    assert receiving.keyframes_asked_at_ms == [0]


def test_a_client_that_sends_nothing_is_not_asked(receiving: Receiving) -> None:
    """Lost otherwise: paused cameras would be asked for pictures all day."""
    packets = stream(3, keys=(2,))
    receiving.add(*packets[:3])
    receiving.wait(60_000)
    assert receiving.keyframes_asked_at_ms[-1] <= SILENCE_MS
    assert receiving.assembler.wake_ms() is None
    asked = len(receiving.keyframes_asked_at_ms)
    receiving.add(packets[3], now_ms=60_000)
    assert len(receiving.keyframes_asked_at_ms) == asked + 1
    receiving.add(*packets[6:], now_ms=60_050)
    assert receiving.frames == [whole(2)]


def test_a_long_gap_is_not_waited_for(receiving: Receiving) -> None:
    """Lost otherwise: after an outage the picture would stay frozen for longer."""
    packets = stream(200, keys=(0, 199))
    end = 3 + MAX_MISSING + 1
    receiving.add(*packets[:3], packets[end])
    assert receiving.asked == []
    assert receiving.keyframes_asked_at_ms == [0]
    receiving.add(*packets[-3:], now_ms=10)
    assert receiving.frames == [whole(0), whole(199)]


def test_the_longest_gap_is_asked_for(receiving: Receiving) -> None:
    """Lost otherwise: a burst of losses would cost a keyframe and 200 ms."""
    packets = stream(90)
    end = 3 + MAX_MISSING
    receiving.add(*packets[:3], packets[end])
    assert receiving.asked == list(range(3, end))
    receiving.add(*packets[3:end], now_ms=40)
    assert receiving.frames == [whole(n) for n in range(end // 3)]


@pytest.mark.parametrize("first", [30_000, 33_000, 65_500])
def test_a_sender_that_counts_anew_is_followed(
    receiving: Receiving, first: int
) -> None:
    """Lost otherwise: a resumed camera would stay black."""
    receiving.add(*stream(2, first=40_000))
    anew = stream(40, keys=(0, 20, 39), first=first)
    receiving.add(*anew, now_ms=100)
    assert receiving.frames[:2] == [whole(0), whole(1)]
    assert receiving.frames[-1] == whole(39)
    assert len(receiving.keyframes_asked_at_ms) <= 1


def test_another_source_is_followed_and_time_goes_on(receiving: Receiving) -> None:
    """Lost otherwise: a changed camera would be black, or its time run backwards."""
    receiving.add(*stream(2, first=40_000, start_ticks=900_000_000))
    other = [replace(packet, ssrc=8) for packet in stream(2, first=5)]
    receiving.add(*other, now_ms=1000)
    assert receiving.frames == [whole(0), whole(1), whole(0), whole(1)]
    steps = [t - receiving.timestamps[0] for t in receiving.timestamps]
    assert steps == [0, 3000, 3000 + 90_000, 3000 + 90_000 + 3000]


def test_repetitions_of_old_packets_are_no_new_source(receiving: Receiving) -> None:
    """Lost otherwise: a browser that probes with old packets would break the video."""
    packets = stream(40)
    receiving.add(*packets[:60], *packets[: MAX_STRAYS - 1], *packets[60:])
    assert receiving.frames == [whole(n) for n in range(40)]


def test_held_packets_are_bounded(receiving: Receiving) -> None:
    """Lost otherwise: a client could fill the memory behind one missing packet."""
    packets = stream(MAX_PACKETS // 3 + 10)
    receiving.add(*packets[:3], *packets[4 : MAX_PACKETS + 4])
    assert receiving.keyframes_asked_at_ms == []
    receiving.add(packets[MAX_PACKETS + 4])
    assert receiving.keyframes_asked_at_ms == [0]
    assert len(receiving.assembler._held) == receiving.assembler._held_bytes == 0


def test_held_bytes_are_bounded(receiving: Receiving) -> None:
    """Lost otherwise: a client could fill the memory with large packets."""
    packets = [replace(p, data=bytes(60_000)) for p in stream(40)]
    receiving.add(*packets[:3], *packets[4:])
    assert receiving.keyframes_asked_at_ms == [0]
    assert receiving.assembler._held_bytes < MAX_BYTES


def test_a_frame_is_bounded(receiving: Receiving) -> None:
    """Lost otherwise: a client could fill the memory with a frame without end."""
    first, middle, _ = stream(1)
    receiving.add(first)
    for sequence in range(1, 100):
        receiving.add(replace(middle, sequence=sequence, data=bytes(60_000)))
    assert receiving.keyframes_asked_at_ms == [0]
    assert receiving.assembler._frame.size < MAX_BYTES


def test_a_frame_without_its_first_packet_is_none(receiving: Receiving) -> None:
    """Lost otherwise: a sender that skips would make the decoder show rubbish."""
    packets = stream(3, keys=(0, 2))
    skipped = [replace(p, sequence=p.sequence - 1) for p in packets[4:]]
    receiving.add(*packets[:3], *skipped)
    assert receiving.frames == [whole(0), whole(2)]
    assert receiving.keyframes_asked_at_ms == [0]


def test_a_failed_decoder_gets_a_keyframe_next(receiving: Receiving) -> None:
    """Lost otherwise: a broken picture would stay on the screen."""
    packets = stream(6, keys=(0, 4))
    receiving.add(*packets[:6])
    receiving.assembler.restart()
    receiving.wait(10)
    assert receiving.keyframes_asked_at_ms == [0]
    receiving.add(*packets[6:], now_ms=50)
    assert receiving.frames == [whole(0), whole(1), whole(4), whole(5)]


# -- H.264 ---------------------------------------------------------------------------

SPS, PPS, SEI = b"\x67sps", b"\x68pps", b"\x06sei"
IDR_START, IDR_END = b"\x7c\x85idr", b"\x7c\x45idr"
SLICE = b"\x41slice"
STAP_A = b"\x78\x00\x04\x67sps\x00\x04\x68pps"


def h264(*payloads: tuple[bytes, int, bool], first: int = 0) -> list[VideoPacket]:
    """Packets of (payload, frame number, marker)."""
    return [
        VideoPacket(
            ssrc=7,
            sequence=first + n,
            timestamp=number * FRAME_TICKS,
            marker=marker,
            codec="H264",
            kind=payload_kind("H264", payload, payload),
            data=payload,
        )
        for n, (payload, number, marker) in enumerate(payloads)
    ]


KEYFRAME = ((SPS, 0, False), (PPS, 0, False), (IDR_START, 0, False), (IDR_END, 0, True))


def test_h264_begins_with_its_parameters(receiving: Receiving) -> None:
    """Lost otherwise: H.264 cameras (Safari) would not be seen."""
    receiving.add(*h264(*KEYFRAME, (SLICE, 1, True)))
    assert receiving.frames == [SPS + PPS + IDR_START + IDR_END, SLICE]


def test_h264_parameters_in_one_packet(receiving: Receiving) -> None:
    """Lost otherwise: senders that aggregate would not be seen."""
    receiving.add(*h264((STAP_A, 0, False), *KEYFRAME[2:], (SLICE, 1, True)))
    assert receiving.frames == [STAP_A + IDR_START + IDR_END, SLICE]


def test_h264_parameters_alone_are_no_frame(receiving: Receiving) -> None:
    """Lost otherwise: each set of parameters would count as a broken frame."""
    receiving.add(*h264((SPS, 0, True), (PPS, 1, True), (SEI, 2, True)))
    assert receiving.frames == []
    receiving.add(*h264((IDR_START, 3, False), (IDR_END, 3, True), first=3))
    assert receiving.frames == [SPS + PPS + SEI + IDR_START + IDR_END]


def test_h264_does_not_begin_without_parameters(receiving: Receiving) -> None:
    """Lost otherwise: a decoder would get pictures it can't know the size of."""
    receiving.add(*h264(*KEYFRAME[2:], (SLICE, 1, True)))
    assert receiving.frames == []
    assert receiving.keyframes_asked_at_ms == [0]


def test_h264_waits_for_lost_parameters(receiving: Receiving) -> None:
    """Lost otherwise: a lost packet where the size changes would show rubbish."""
    receiving.add(*h264(*KEYFRAME))
    receiving.assembler.restart()
    packets = h264(*((p, 1, m) for p, _, m in KEYFRAME), (SLICE, 2, True), first=4)
    receiving.add(packets[1], *packets[2:])
    assert len(receiving.frames) == 1
    receiving.add(packets[0], now_ms=30)
    assert receiving.frames[1:] == [SPS + PPS + IDR_START + IDR_END, SLICE]


def test_h264_keyframes_without_parameters_of_their_own(receiving: Receiving) -> None:
    """Lost otherwise: senders that send parameters once would freeze at a loss."""
    receiving.add(*h264(*KEYFRAME))
    receiving.assembler.restart()
    receiving.add(*h264((SLICE, 1, True), (b"\x65idr", 2, True), first=4))
    assert receiving.frames[1:] == [b"\x65idr"]


def test_another_codec_begins_with_a_keyframe(receiving: Receiving) -> None:
    """Lost otherwise: a change of codec would show rubbish."""
    receiving.add(*stream(1))
    receiving.add(*h264((SLICE, 1, True), first=3))
    assert receiving.frames == [whole(0)]
    key = ((p, 2, m) for p, _, m in KEYFRAME)
    receiving.add(*h264(*key, first=4))
    assert receiving.frames[1:] == [SPS + PPS + IDR_START + IDR_END]


@pytest.mark.parametrize("payload", [b"", b"\x7c", b"\x78", b"\x78\x00", b"\x78\xff"])
def test_h264_that_is_cut_off_is_survived(payload: bytes) -> None:
    """Lost otherwise: a malformed packet would end the session with an error."""
    assert not payload_kind("H264", payload, payload).key


@pytest.mark.parametrize(
    ("payload", "data", "kind"),
    [
        (b"\x10\x00", b"\x00", KEY_START),
        (b"\x10\x01", b"\x01", DELTA_START),
        (b"\x90\x80\x81\x23\x00", b"\x00", KEY_START),
        (b"\x00\x00", b"\x00", MIDDLE),
        (b"\x11\x00", b"\x00", MIDDLE),
        (b"\x10", b"", PADDING),
        (b"", b"", PADDING),
    ],
)
def test_vp8_is_read(payload: bytes, data: bytes, kind: object) -> None:
    """Lost otherwise: keyframes would not be known, and nothing be shown."""
    assert payload_kind("VP8", payload, data) == kind


# -- anything ------------------------------------------------------------------------


@given(data=st.data())
def test_whatever_the_network_does_no_frame_is_wrong(data: st.DataObject) -> None:
    """Lost otherwise: some pattern of losses would show rubbish or freeze."""
    frames = 30
    keys = (0, *data.draw(st.sets(st.integers(1, frames - 2)), "keys"), frames - 1)
    packets = stream(frames, keys, first=65_500)
    delays = st.integers(0, 400) | st.none()
    receiving, arrivals = Receiving(), list[tuple[float, VideoPacket]]()
    for number, packet in enumerate(packets):
        for _ in range(data.draw(st.integers(1, 2), "copies")):
            delay_ms = data.draw(delays, "delay")
            if number < 3 or number >= len(packets) - 3:
                delay_ms = 0
            if delay_ms is not None:
                arrivals.append((number * 11.0 + delay_ms, packet))
    for now_ms, packet in sorted(arrivals, key=lambda arrival: arrival[0]):
        receiving.wait(now_ms)
        receiving.add(packet)
    receiving.wait(10_000)
    numbers = [int(frame.split(b".")[0]) for frame in receiving.frames]
    assert receiving.frames == [whole(number) for number in numbers]
    assert numbers[0] == 0
    assert numbers[-1] == frames - 1
    for before, after in pairwise(numbers):
        assert after == before + 1 or (after in keys and after > before)
    assert receiving.timestamps == sorted(receiving.timestamps)
    assert not receiving.assembler._held
    assert receiving.assembler.wake_ms() is None

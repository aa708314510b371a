"""fastrtc.transports.webrtc.reorder: packets back in order, whatever the network."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from fastrtc.options import REORDER_HOLD_MS
from fastrtc.transports.webrtc.reorder import MAX_HELD, MAX_JUMP, Packet, ReorderBuffer


def packet(sequence: int) -> Packet:
    return Packet(sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, b"x")


def push(
    buffer: ReorderBuffer, *sequences: int, now_ms: float = 0.0
) -> list[list[int]]:
    return [
        [ready.sequence for ready in buffer.push(packet(sequence), now_ms)]
        for sequence in sequences
    ]


def test_packets_in_order_are_not_delayed() -> None:
    """Lost otherwise: every word would be heard late."""
    assert push(ReorderBuffer(), 5, 6, 7) == [[5], [6], [7]]


def test_swapped_packets_come_out_in_order() -> None:
    """Lost otherwise: speech would be scrambled on wireless networks."""
    assert push(ReorderBuffer(), 1, 3, 4, 2, 5) == [[1], [], [], [2, 3, 4], [5]]


def test_duplicates_count_once() -> None:
    """Lost otherwise: a doubled packet would stretch the audio."""
    buffer = ReorderBuffer()
    assert push(buffer, 1, 1, 3, 3, 2) == [[1], [], [], [], [2, 3]]
    assert buffer.late == 1


def test_a_lost_packet_is_given_up_after_the_hold() -> None:
    """Lost otherwise: one lost packet would stop the audio."""
    buffer = ReorderBuffer()
    assert push(buffer, 1, 3) == [[1], []]
    assert push(buffer, 4, now_ms=REORDER_HOLD_MS - 1) == [[]]
    assert push(buffer, 5, now_ms=REORDER_HOLD_MS) == [[3, 4, 5]]
    assert buffer.lost == 1
    assert push(buffer, 2, now_ms=REORDER_HOLD_MS) == [[]]
    assert buffer.late == 1


def test_sequence_numbers_wrap() -> None:
    """Lost otherwise: audio would break after 20 minutes."""
    numbers = [65534, 0, 65535, 1]
    assert push(ReorderBuffer(), *numbers) == [[65534], [], [65535, 0], [1]]


def test_a_restarted_stream_is_followed_at_once() -> None:
    """Lost otherwise: after a change of microphone the bot would be deaf."""
    buffer = ReorderBuffer()
    push(buffer, 1, 2, 4)
    assert push(buffer, 4 + MAX_JUMP + 10) == [[4, 4 + MAX_JUMP + 10]]
    assert push(buffer, 4 + MAX_JUMP + 11) == [[4 + MAX_JUMP + 11]]
    assert push(buffer, 1, 2) == [[1], [2]]


def test_held_packets_are_bounded() -> None:
    """Lost otherwise: a burst after a loss would fill the memory."""
    buffer = ReorderBuffer(hold_ms=1e9)
    push(buffer, 0)
    results = push(buffer, *range(2, 2 + MAX_HELD + 1))
    assert [len(r) for r in results] == [0] * MAX_HELD + [MAX_HELD + 1]


@given(st.integers(0, 65535), st.integers(0, 2**32), st.floats(0, 0.3))
def test_what_comes_out_is_in_order_and_complete(
    first: int, seed: int, loss: float
) -> None:
    """Lost otherwise: some pattern of loss would scramble or swallow speech."""
    rng = random.Random(seed)
    sent = [n for n in range(first, first + 200) if n == first or rng.random() >= loss]
    order = sorted((n * 20 + rng.uniform(0, 50) * (n != first), n) for n in sent)
    buffer = ReorderBuffer()
    out: list[int] = []
    for now_ms, n in order:
        out += [p.timestamp for p in buffer.push(packet(n), now_ms)]
    expected = [n * 960 & 0xFFFFFFFF for n in sent]
    # Those still held at the end are waiting for a packet that was lost.
    assert out == expected[: len(out)]
    assert len(expected) - len(out) <= 5
    assert buffer.late == 0

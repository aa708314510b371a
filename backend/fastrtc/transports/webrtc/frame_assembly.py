"""From packets of video, in any order and with losses, to whole frames in order.

No clock and no I/O: times are passed in, and what is to be asked of the sender is
handed back. A frame is given only if every frame before it was, back to a keyframe,
so that no decoder ever shows half a picture: what is lost for good costs all up to
the next keyframe, which is asked for at once and again until it comes.

A gap closes as retransmissions come, or is given up after `packet_loss.WAIT_MS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .packet_loss import MAX_MISSING, KeyframeRequests, MissingPackets
from .video_payloads import VideoPacket

MAX_PACKETS = 1024
"""Packets held behind a gap at most: 50 Mbit/s for as long as a gap is waited for.
With more of them the gap is given up."""
MAX_BYTES = 4_000_000
"""The same in bytes, and the largest frame."""
MAX_STRAYS = 50
"""So many packets in a row that are neither new nor missed are no repetitions: the
sender has begun to count anew."""
MAX_CLOCK_STEP_MS = 10_000.0
"""Timestamps that leave the time of arrival by more than this are another clock's."""
RTP_CLOCK_HZ = 90_000


@dataclass(slots=True)
class EncodedFrame:
    """A whole frame.

    Attributes:
        data: for the decoder.
        timestamp: at 90 kHz, unwrapped: it never falls.
        key: whether it is a keyframe.
    """

    codec: str
    data: bytes
    timestamp: int
    key: bool


@dataclass(slots=True)
class Step:
    """What came of a packet, or of time.

    Attributes:
        frames: whole, in order, decodable.
        missing: sequence numbers to ask for (RTCP NACK).
        keyframe: whether to ask for a keyframe (RTCP PLI).
    """

    frames: list[EncodedFrame] = field(default_factory=list[EncodedFrame])
    missing: list[int] = field(default_factory=list[int])
    keyframe: bool = False


class FrameAssembler:
    """Orders one client's video packets and makes frames of them."""

    def __init__(self) -> None:
        self.frames_dropped = 0
        self.packets_lost = 0
        self._ssrc: int | None = None
        self._highest = 0
        self._next: int | None = None  # None: a keyframe is looked for
        self._strays = 0
        self._held: dict[int, VideoPacket] = {}
        self._held_bytes = 0
        self._frame = _PartialFrame()
        self._ready: list[EncodedFrame] = []
        self._clock = _MediaClock()
        self._missing = MissingPackets()
        self._requests = KeyframeRequests()
        self._codec = ""
        self._has_parameters = False
        self._dropped_timestamp: int | None = None

    @property
    def keyframes_requested(self) -> int:
        return self._requests.count

    def add(self, packet: VideoPacket, now_ms: float) -> Step:
        """Take a packet as it arrives."""
        self._requests.heard(now_ms)
        sequence = self._unwrap(packet)
        if self._is_welcome(sequence, now_ms):
            self._hold(sequence, packet)
        return self.tick(now_ms)

    def tick(self, now_ms: float) -> Step:
        """Let time pass; to be called at `wake_ms` if no packet comes before."""
        if self._missing:
            self.packets_lost += self._missing.give_up_old(now_ms)
        self._advance(now_ms)
        frames, self._ready = self._ready, []
        missing = self._missing.to_ask(now_ms) if self._missing else []
        return Step(
            frames, [n & 0xFFFF for n in missing], self._requests.to_ask(now_ms)
        )

    def wake_ms(self) -> float | None:
        """When `tick` has something to do; None if never without a packet."""
        times = (self._missing.wake_ms(), self._requests.wake_ms())
        return min((time for time in times if time is not None), default=None)

    def restart(self) -> None:
        """Drop all up to the next keyframe and ask for one: the decoder failed.

        The request is in the next `tick`'s step.
        """
        self._next = None
        self._drop(self._frame.clear())
        self._requests.want()

    # -- numbers ---------------------------------------------------------------------

    def _unwrap(self, packet: VideoPacket) -> int:
        if packet.ssrc != self._ssrc or self._strays > MAX_STRAYS:
            self._begin(packet)
        step = (packet.sequence - self._highest) & 0xFFFF
        return self._highest + step - (0x10000 if step >= 0x8000 else 0)

    def _begin(self, packet: VideoPacket) -> None:
        """Forget a source for another one."""
        self.packets_lost += self._missing.give_up_all()
        self._next = None
        self._drop(self._frame.clear() + self._let_go(list(self._held)))
        self._strays = 0
        self._has_parameters = False
        self._ssrc = packet.ssrc
        self._highest = packet.sequence - 1

    def _is_welcome(self, sequence: int, now_ms: float) -> bool:
        """Whether a packet is new or was missed: not a repetition, not too late."""
        if sequence <= self._highest:
            if self._missing.found(sequence, now_ms):
                return True
            self._strays += 1
            return False
        self._strays = 0
        gap = sequence - self._highest - 1
        if len(self._missing) + gap > MAX_MISSING:
            self.packets_lost += self._missing.give_up_all() + gap
        elif gap:
            self._missing.add(self._highest + 1, sequence, now_ms)
        self._highest = sequence
        return True

    # -- packets held ----------------------------------------------------------------

    def _hold(self, sequence: int, packet: VideoPacket) -> None:
        self._held[sequence] = packet
        self._held_bytes += len(packet.data)
        if len(self._held) > MAX_PACKETS or self._held_bytes > MAX_BYTES:
            self.packets_lost += self._missing.give_up_all()

    def _let_go(self, sequences: list[int]) -> list[VideoPacket]:
        packets = [self._held.pop(sequence) for sequence in sorted(sequences)]
        self._held_bytes -= sum(len(packet.data) for packet in packets)
        return packets

    def _drop(self, packets: list[VideoPacket]) -> None:
        for packet in packets:
            if packet.data and packet.timestamp != self._dropped_timestamp:
                self._dropped_timestamp = packet.timestamp
                self.frames_dropped += 1

    # -- frames ----------------------------------------------------------------------

    def _advance(self, now_ms: float) -> None:
        """Take all that is next in order."""
        while self._next is not None or self._seek():
            assert self._next is not None
            if self._next in self._held:
                self._take(self._let_go([self._next])[0], now_ms)
            elif self._next <= self._highest and self._next not in self._missing:
                # It was given up.
                self.restart()
            else:
                return

    def _seek(self) -> bool:
        """Go on from a keyframe, if one is held."""
        if not self._held:
            return False
        for sequence in sorted(n for n, p in self._held.items() if p.kind.key):
            if self._can_begin_at(sequence):
                self._next = sequence
                self._codec = self._held[sequence].codec
                self.packets_lost += self._missing.give_up_before(sequence)
                self._drop(self._let_go([n for n in self._held if n < sequence]))
                self._requests.came()
                return True
        self._requests.want()
        # The beginning of a keyframe may be among the missing: what follows is kept.
        first = self._missing.lowest
        useless = [n for n in self._held if first is None or n < first]
        self._drop(self._let_go(useless))
        return False

    def _can_begin_at(self, sequence: int) -> bool:
        """Whether a decoder can: not where the parameters before it are missing."""
        packet = self._held[sequence]
        if packet.kind.complete:
            return True
        before = sequence - 1
        while before in self._held and (
            self._held[before].timestamp == packet.timestamp
        ):
            before -= 1
        return self._has_parameters and before not in self._missing

    def _take(self, packet: VideoPacket, now_ms: float) -> None:
        assert self._next is not None
        self._next += 1
        if not packet.data:
            return
        kind = packet.kind
        self._has_parameters |= kind.complete
        if self._frame.ended_by(packet):
            self._complete(now_ms)
        new_codec, self._codec = packet.codec != self._codec, packet.codec
        if self._frame.is_empty and (not kind.starts or (new_codec and not kind.key)):
            self._drop([packet])
            self.restart()
            return
        self._frame.add(packet)
        if self._frame.size > MAX_BYTES:
            self.restart()
        elif packet.marker and self._frame.has_picture:
            self._complete(now_ms)

    def _complete(self, now_ms: float) -> None:
        packets = self._frame.clear()
        last = packets[-1]
        self._ready.append(
            EncodedFrame(
                last.codec,
                b"".join([packet.data for packet in packets]),
                self._clock.unwrap(last.timestamp, now_ms),
                any(packet.kind.key for packet in packets),
            )
        )


class _PartialFrame:
    """The packets of a frame that isn't whole yet.

    Parameters without a picture are kept for the picture, whatever their timestamp
    and marker: a decoder takes them for a broken frame.
    """

    def __init__(self) -> None:
        self._packets: list[VideoPacket] = []
        self.size = 0
        self.has_picture = False

    @property
    def is_empty(self) -> bool:
        return not self._packets

    def ended_by(self, packet: VideoPacket) -> bool:
        """Whether `packet` is another frame's; the marker may have been forgotten."""
        return self.has_picture and packet.timestamp != self._packets[-1].timestamp

    def add(self, packet: VideoPacket) -> None:
        self._packets.append(packet)
        self.size += len(packet.data)
        self.has_picture |= packet.kind.picture

    def clear(self) -> list[VideoPacket]:
        packets, self._packets = self._packets, []
        self.size = 0
        self.has_picture = False
        return packets


class _MediaClock:
    """RTP timestamps without their wrapping, going on across changes of source."""

    def __init__(self) -> None:
        self._last: tuple[int, int, float] | None = None

    def unwrap(self, timestamp: int, now_ms: float) -> int:
        """The media time of a frame that was whole at `now_ms`, at 90 kHz."""
        time = timestamp
        if self._last is not None:
            last_timestamp, last_time, last_ms = self._last
            step = (timestamp - last_timestamp) & 0xFFFFFFFF
            passed = round((now_ms - last_ms) * RTP_CLOCK_HZ / 1000)
            if abs(step - passed) > MAX_CLOCK_STEP_MS * RTP_CLOCK_HZ / 1000:
                step = max(passed, 1)
            time = last_time + step
        self._last = (timestamp, time, now_ms)
        return time

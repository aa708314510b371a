"""Many callers at once, at little cost to this process."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import struct
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.mediastreams import MediaStreamError
from av.audio.frame import AudioFrame

from ..speech import FRAME_S, FRAME_SAMPLES, RATE_HZ, Samples
from .call import call, hang_up
from .wire import RawMedia

SLOTS = 10
"""Callers send in so many groups within 20 ms, not all in the same instant."""
CALLS_AT_ONCE = 4
_RTP_VERSION = 0x80


def opus_packets(samples: Samples) -> list[bytes]:
    """Audio as a browser sends it: Opus, mono, 32 kbit/s, 20 ms a packet."""
    codec = cast("Any", av.CodecContext.create("libopus", "w"))
    codec.sample_rate, codec.layout, codec.format = RATE_HZ, "mono", "s16"
    codec.bit_rate = 32_000
    packets: list[bytes] = []
    for start in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        part = samples[start : start + FRAME_SAMPLES].reshape(1, -1)
        frame = AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, start
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


class _NoTrack(MediaStreamTrack):
    """Keeps aiortc's sender waiting: the packets go out past it."""

    kind = "audio"

    async def recv(self) -> Any:
        await asyncio.get_running_loop().create_future()
        raise MediaStreamError


class _Caller:
    """One session that sends prepared packets and counts what it gets."""

    def __init__(self, pc: RTCPeerConnection, packets: list[bytes], at: int) -> None:
        sender = pc.getSenders()[0]
        self.pc = pc
        self.received = 0
        self.gaps_s: list[float] = []
        self._last_s = time.perf_counter()
        self._media = RawMedia(sender, self._on_packet)
        self._packets = packets
        self._at = at
        answer, offer = pc.remoteDescription.sdp, pc.localDescription.sdp
        self._payload_type = int(_first(r"a=rtpmap:(\d+) opus", answer))
        self._ssrc = int(_first(r"a=ssrc:(\d+)", offer))
        self._sent = 0
        self._sent_before = 0

    @property
    def sent(self) -> int:
        """Packets since the last reset."""
        return self._sent - self._sent_before

    def _on_packet(self, data: bytes) -> None:
        now_s = time.perf_counter()
        self.gaps_s.append(now_s - self._last_s)
        self._last_s = now_s
        self.received += 1

    def reset(self) -> None:
        """Count from here."""
        self.received, self.gaps_s = 0, []
        self._last_s = time.perf_counter()
        self._sent_before = self._sent

    async def send_next(self) -> None:
        """Send the next 20 ms."""
        header = struct.pack(
            ">BBHII",
            _RTP_VERSION,
            self._payload_type,
            self._sent & 0xFFFF,
            self._sent * FRAME_SAMPLES & 0xFFFFFFFF,
            self._ssrc,
        )
        payload = self._packets[(self._at + self._sent) % len(self._packets)]
        self._sent += 1
        # A server that hangs up is noticed by what it no longer delivers.
        with contextlib.suppress(ConnectionError):
            await self._media.send(header + payload)


@dataclass(frozen=True)
class Delivery:
    """How the packets of a load fared.

    Attributes:
        returned: packets that came back, of those sent.
        sent: packets sent, of 50 a second and session: below 1 this process is
            too slow to make the load.
        gap_ms: the median of the sessions' longest gaps between packets.
    """

    returned: float
    sent: float
    gap_ms: float


class Load:
    """A growing number of callers, all with the same audio from other places on.

    Args:
        url: of the server.
        packets: what they send, looped.
    """

    def __init__(self, url: str, packets: list[bytes]) -> None:
        self._url = url
        self._packets = packets
        self._callers: list[_Caller] = []
        self._began_s = time.perf_counter()
        # Seeded: the callers of all candidates talk at the same times.
        self._dice = random.Random(7)

    def __len__(self) -> int:
        return len(self._callers)

    async def grow_to(self, number: int) -> None:
        """Call until there are so many sessions."""
        while len(self) < number:
            some = range(min(CALLS_AT_ONCE, number - len(self)))
            pcs = await asyncio.gather(*(call(self._url, _NoTrack()) for _ in some))
            for pc in pcs:
                at = self._dice.randrange(len(self._packets))
                self._callers.append(_Caller(pc, self._packets, at))

    def reset(self) -> None:
        """Count from here."""
        self._began_s = time.perf_counter()
        for caller in self._callers:
            caller.reset()

    def delivery(self) -> Delivery:
        """What came back since the last reset; there must be callers."""
        due = (time.perf_counter() - self._began_s) / FRAME_S * len(self)
        sent = sum(caller.sent for caller in self._callers)
        received = sum(caller.received for caller in self._callers)
        gaps_s = [max(caller.gaps_s, default=0.0) for caller in self._callers]
        return Delivery(received / sent, sent / due, 1000 * float(np.median(gaps_s)))

    def gaps_ms(self) -> list[float]:
        """Between packets that came since the last reset, of all callers."""
        return [1000 * gap_s for caller in self._callers for gap_s in caller.gaps_s]

    async def run(self) -> None:
        """Send for all callers until cancelled."""
        slot, began_s = 0, time.perf_counter()
        while True:
            due_s = began_s + slot * FRAME_S / SLOTS
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            for caller in self._callers[slot % SLOTS :: SLOTS]:
                await caller.send_next()
            slot += 1

    async def hang_up(self) -> None:
        """End all sessions."""
        await hang_up(caller.pc for caller in self._callers)


@contextlib.asynccontextmanager
async def loading(
    url: str, packets: Sequence[bytes], number: int
) -> AsyncGenerator[Load, None]:
    """`number` callers that send; hung up at the end."""
    load = Load(url, list(packets))
    sending = asyncio.ensure_future(load.run())
    try:
        await load.grow_to(number)
        yield load
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        await load.hang_up()


def _first(pattern: str, sdp: str) -> str:
    found = re.search(pattern, sdp)
    if found is None:
        raise ValueError(f"no {pattern!r} in the description:\n{sdp}")
    return found[1]

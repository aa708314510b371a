"""From RTP packets to the decoded pictures a session gets.

Decoding is done in threads, one frame of a client at a time: 1.4 ms of a core for a
frame of VP8 at 1280x720, 0.6 for H.264, and 0.07 to get there and back. A second
thread for one frame brings VP8 nothing and costs H.264 a tenth more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Protocol

import av
from av.codec.context import Flags
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from ...handlers.threads import threads
from .frame_assembly import RTP_CLOCK_HZ, EncodedFrame, FrameAssembler, Step
from .video_payloads import VideoPacket

logger = logging.getLogger("fastrtc")

MAX_FRAMES = 32
"""Frames that wait for the decoder: 1 s. When a program has stood still, decoding them
all takes 50 ms at 720p, less than a keyframe that is asked for. When there are more,
all up to the next keyframe is dropped."""
MAX_FRAMES_BYTES = 8_000_000
"""The same in bytes."""
MAX_PIXELS = 4096 * 2304
"""Larger pictures are not decoded: a packet could ask for gigabytes."""

_DECODERS = {"VP8": "vp8", "H264": "h264"}


class Feedback(Protocol):
    """How a receiver asks the sender for what it misses."""

    def ask_packets(self, ssrc: int, sequences: list[int]) -> None: ...

    def ask_keyframe(self, ssrc: int) -> None: ...

    def close(self) -> None: ...


class VideoReceiver:
    """Orders, assembles and decodes one client's video.

    Args:
        deliver: gets every picture, as decoded (yuv420p), and its media time in
            seconds, which never falls; called on the event loop.
    """

    def __init__(self, deliver: Callable[[av.VideoFrame, float], None]) -> None:
        self.frames_decoded = 0
        self._deliver = deliver
        self._feedback: Feedback | None = None
        self._ssrc = 0
        self._assembler = FrameAssembler()
        self._frames: deque[EncodedFrame] = deque()
        self._frames_bytes = 0
        self._frames_dropped = 0
        self._needs_keyframe = False
        self._decoder = _Decoder()
        self._decoding: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def frames_dropped(self) -> int:
        """Frames of which something came, and that were not shown."""
        return self._assembler.frames_dropped + self._frames_dropped

    @property
    def keyframes_requested(self) -> int:
        return self._assembler.keyframes_requested

    @property
    def packets_lost(self) -> int:
        """Packets that did not come in time, however often they were asked for."""
        return self._assembler.packets_lost

    def connect(self, feedback: Feedback) -> None:
        """Ask through `feedback` for what is missing."""
        self._feedback = feedback

    def on_packet(self, packet: VideoPacket) -> None:
        """Take a packet as it arrives."""
        if self._closed:
            return
        self._ssrc = packet.ssrc
        self._follow(self._assembler.add(packet, self._now_ms()))

    def close(self) -> None:
        """Stop. A picture that is being decoded is not delivered any more."""
        self._closed = True
        self._frames.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._decoding is not None:
            self._decoding.cancel()
        if self._feedback is not None:
            self._feedback.close()

    # -- what is asked for -----------------------------------------------------------

    def _now_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000

    def _follow(self, step: Step) -> None:
        if self._feedback is not None:
            if step.missing:
                self._feedback.ask_packets(self._ssrc, step.missing)
            if step.keyframe:
                self._feedback.ask_keyframe(self._ssrc)
        self._set_timer()
        for frame in step.frames:
            self._queue(frame)

    def _set_timer(self) -> None:
        """Wake when the assembler wants; an earlier waking does no harm.

        A millisecond later in fact: clocks are rounded, and a loop would turn and turn
        just before the time.
        """
        wake_ms = self._assembler.wake_ms()
        if wake_ms is None:
            return
        when_s = (wake_ms + 1) / 1000
        if self._timer is not None:
            if self._timer.when() <= when_s:
                return
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(when_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._follow(self._assembler.tick(self._now_ms()))

    # -- decoding --------------------------------------------------------------------

    def _queue(self, frame: EncodedFrame) -> None:
        if self._needs_keyframe and not frame.key:
            self._frames_dropped += 1
            return
        self._needs_keyframe = False
        self._frames.append(frame)
        self._frames_bytes += len(frame.data)
        if len(self._frames) > MAX_FRAMES or self._frames_bytes > MAX_FRAMES_BYTES:
            self._skip_to_keyframe(1)
        if self._decoding is None and self._frames:
            self._decoding = asyncio.get_running_loop().create_task(self._decode())

    def _skip_to_keyframe(self, first: int) -> None:
        """Drop what waits before its newest keyframe; without one all, and ask.

        Args:
            first: the first frame that counts as one.
        """
        frames = list(self._frames)
        keyframes = [n for n in range(first, len(frames)) if frames[n].key]
        kept = frames[keyframes[-1] :] if keyframes else []
        self._frames_dropped += len(frames) - len(kept)
        self._frames = deque(kept)
        self._frames_bytes = sum(len(frame.data) for frame in kept)
        if not kept:
            self._needs_keyframe = True
            self._assembler.restart()
            self._follow(self._assembler.tick(self._now_ms()))

    async def _decode(self) -> None:
        """Decode what waits, one frame after the other."""
        try:
            while self._frames:
                frame = self._frames.popleft()
                self._frames_bytes -= len(frame.data)
                await self._decode_one(frame)
        finally:
            self._decoding = None

    async def _decode_one(self, frame: EncodedFrame) -> None:
        try:
            pictures = await threads.run(partial(self._decoder.decode, frame))
        except _BrokenFrameError as error:
            logger.debug("a frame of video could not be decoded: %s", error)
            self._frames_dropped += 1
            self._skip_to_keyframe(0)
            return
        for picture, time_s in pictures:
            if self._closed:
                return
            self.frames_decoded += 1
            self._deliver(picture, time_s)


class _BrokenFrameError(Exception):
    """What came can't be shown."""


class _Decoder:
    """FFmpeg's decoders, that keep a state of their own from frame to frame."""

    def __init__(self) -> None:
        self._codec = ""
        self._context: VideoCodecContext | None = None

    def decode(self, frame: EncodedFrame) -> list[tuple[av.VideoFrame, float]]:
        """Decode a frame, in a thread. VP8 has frames that show nothing."""
        if self._context is None or self._codec != frame.codec:
            self._context, self._codec = _open(frame.codec), frame.codec
        packet = av.Packet(frame.data)
        packet.pts = frame.timestamp
        packet.time_base = Fraction(1, RTP_CLOCK_HZ)
        try:
            pictures = self._context.decode(packet)
        except FFmpegError as error:
            raise _BrokenFrameError(str(error)) from error
        if any(picture.is_corrupt for picture in pictures):
            raise _BrokenFrameError("a part of the picture is missing")
        return [(p, (p.pts or frame.timestamp) / RTP_CLOCK_HZ) for p in pictures]


def _open(codec: str) -> VideoCodecContext:
    context = av.CodecContext.create(_DECODERS[codec], "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    context.flags |= Flags.low_delay
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return context

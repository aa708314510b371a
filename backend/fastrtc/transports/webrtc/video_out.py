"""From a session's pictures to RTP packets."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiortc import MediaStreamTrack, RTCRtpTransceiver
from aiortc.mediastreams import MediaStreamError
from av.video.frame import VideoFrame as Picture

from ...errors import SessionClosedError
from ._aiortc import prepare_video
from .video_codecs import (
    RTP_CLOCK_HZ,
    TIME_BASE,
    H264Encoder,
    VideoEncoder,
    Vp8Encoder,
)

REPEAT_S = 1.0
"""A picture that nothing follows is sent again after this time, and so on: if its last
packet was lost nobody would notice, and its first coding was a hasty one."""
REPEAT_SOON_S = 0.35
"""The same when the client has asked for a keyframe: it is one then, `KEYFRAME_S` being
over, and as often as it asks."""
TICK_S = 1e-6
"""An event loop may fire a timer this much early."""

ENCODERS: dict[str, type[VideoEncoder]] = {
    "video/vp8": Vp8Encoder,
    "video/h264": H264Encoder,
}


class PictureSource(Protocol):
    """What is to be seen, as `session.Screen` gives it."""

    async def next_picture(self) -> tuple[Picture, float]:
        """The next picture, when it is due, and its time on the event loop's clock.

        The picture is yuv420p with even sides, and nobody else's.

        Raises:
            SessionClosedError: the session has ended.
        """
        ...


class VideoTrack(MediaStreamTrack):
    """The track that aiortc's sender reads.

    It gives pictures whose pts are their times on the event loop's clock, in units of
    1/90000 s: `prepare_video` relies on it.
    """

    kind = "video"

    def __init__(self, source: PictureSource) -> None:
        super().__init__()
        self._source = source
        self._coming: asyncio.Task[tuple[Picture, float] | None] | None = None
        self._shown: Picture | None = None
        self._shown_s = 0.0
        self._pts = 0
        self._hurried = False
        self._hurry: asyncio.Future[None] | None = None

    def prepare(
        self,
        transceiver: RTCRtpTransceiver,
        bit_rate: int | None = None,
        frame_rate_hz: float = 30.0,
    ) -> None:
        """Have the transceiver's sender encode this track by our encoders.

        To be called after `setLocalDescription`, before the connection is up.

        Args:
            bit_rate: highest, per second. None: by the pictures' size and rate.
            frame_rate_hz: pictures a second that the source is expected to give.
        """

        def make(mime_type: str) -> VideoEncoder:
            return ENCODERS[mime_type.lower()](bit_rate, frame_rate_hz)

        prepare_video(transceiver, make, self.repeat_soon)

    def repeat_soon(self) -> None:
        """Give the last picture again if nothing follows it within `REPEAT_SOON_S`.

        For a client that has asked for a keyframe.
        """
        self._hurried = True
        if self._hurry is not None and not self._hurry.done():
            self._hurry.set_result(None)

    async def recv(self) -> Picture:
        """The next picture when it is due, or the last one again.

        Raises:
            MediaStreamError: the session has ended.
        """
        if self.readyState != "live":
            raise MediaStreamError
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._take())
        await self._wait_for(self._coming)
        if not self._coming.done() and self._shown is not None:
            return self._stamped(self._shown, asyncio.get_running_loop().time())
        taken, self._coming = await self._coming, None
        if taken is None:
            self.stop()
            raise MediaStreamError
        return self._stamped(*taken)

    def stop(self) -> None:
        """End the track."""
        super().stop()
        self._shown = None
        if self._coming is not None:
            self._coming.cancel()

    async def _take(self) -> tuple[Picture, float] | None:
        try:
            return await self._source.next_picture()
        except SessionClosedError:
            return None

    async def _wait_for(
        self, coming: asyncio.Task[tuple[Picture, float] | None]
    ) -> None:
        """Wait until it is there, or it is time to give the last picture again."""
        loop = asyncio.get_running_loop()
        while not coming.done():
            wait_s = None
            if self._shown is not None:
                after_s = REPEAT_SOON_S if self._hurried else REPEAT_S
                wait_s = self._shown_s + after_s - loop.time()
                if wait_s <= TICK_S:
                    return
            self._hurry = hurry = loop.create_future()
            await asyncio.wait(
                (coming, hurry), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
            )

    def _stamped(self, picture: Picture, time_s: float) -> Picture:
        self._pts = max(round(time_s * RTP_CLOCK_HZ), self._pts + 1)
        picture.pts, picture.time_base = self._pts, TIME_BASE
        self._shown = picture
        self._shown_s = asyncio.get_running_loop().time()
        self._hurried = False
        return picture

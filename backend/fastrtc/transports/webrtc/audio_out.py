"""From a session's playout to RTP packets."""

from __future__ import annotations

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from ...errors import SessionClosedError
from ...session.playout import Playout
from ..opus import EncodedAudio, OpusEncoder


class PlayoutTrack(MediaStreamTrack):
    """The track that aiortc's sender reads.

    It gives encoded packets: aiortc sends those as they are, where it would
    measure a frame's loudness, resample it and encode it in a thread.
    """

    kind = "audio"

    def __init__(self, playout: Playout) -> None:
        super().__init__()
        self._playout = playout
        self._encoder = OpusEncoder()

    async def recv(self) -> EncodedAudio:
        """The next packet, when it is due.

        Raises:
            MediaStreamError: the session has ended.
        """
        try:
            frame = await self._playout.next_frame()
        except SessionClosedError:
            self.stop()
            raise MediaStreamError from None
        return self._encoder.encode(frame)

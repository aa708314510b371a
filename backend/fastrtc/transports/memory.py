"""A client in the same process: for tests, and for programs that want no network.

client = MemoryClient(stream.sessions)
client.say((48_000, audio))
async for frame in client.hear(): ...

With video: `client.show(array)`, `async for array, time_s in client.watch()`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio import StreamResampler, audio_to_int16
from ..errors import SessionClosedError
from ..options import FRAME_MS
from ..outputs import AudioArray
from ..pictures import to_array, to_frame
from ..session import Frame, Session, SessionTable


class MemoryClient:
    """Opens a session and is connected at once. To be made on an event loop.

    Args:
        table: a stream's `sessions`.
        webrtc_id: the session's name; made up if not given.

    Attributes:
        messages: what the server sent, as `{"type", "data"}` dictionaries.

    Raises:
        RefusedError: the stream takes no further session.
    """

    def __init__(self, table: SessionTable, webrtc_id: str | None = None) -> None:
        self.messages: list[dict[str, Any]] = []
        self.session: Session = table.open(webrtc_id or uuid.uuid4().hex)
        self._resampler: StreamResampler | None = None
        self._pending = np.zeros(0, np.int16)
        self.session.start(self)
        self.session.channel.open(self._take_message)
        self.session.connected(table.time_limit_s, self.session.media.kinds)

    def _take_message(self, text: str) -> None:
        self.messages.append(json.loads(text))

    def say(self, audio: tuple[int, AudioArray]) -> None:
        """Hand audio to the handler at once, in frames of 20 ms.

        Args:
            audio: `(sample_rate, array)`, int16 or float32, mono. A last part of
                a frame is kept for the next call.
        """
        rate_hz, array = audio
        wanted_hz = self.session.handler.input_sample_rate
        if self._resampler is None or self._resampler.from_hz != rate_hz:
            self._resampler = StreamResampler(rate_hz, wanted_hz)
        samples = self._resampler.push(audio_to_int16(array).reshape(1, -1))[0]
        self._pending = np.concatenate((self._pending, samples))
        size = wanted_hz * FRAME_MS // 1000
        while self._pending.size >= size:
            frame, self._pending = np.split(self._pending, [size])
            self.session.feed((wanted_hz, frame.reshape(1, -1)))

    async def hear(self) -> AsyncIterator[Frame]:
        """What the bot says, frame by frame as it is due, until the session ends."""
        while True:
            try:
                frame = await self.session.playout.next_frame()
            except SessionClosedError:
                return
            yield frame

    def show(self, picture: object, time_s: float | None = None) -> None:
        """Hand a picture of the user's camera to the handler.

        Args:
            picture: as `pictures.to_frame` takes it: uint8 (height, width, 3), BGR.
            time_s: when it was taken, seconds; now if not given.
        """
        now_s = self.session.loop.time() if time_s is None else time_s
        self.session.feed_video(to_frame(picture, "bgr"), now_s)

    async def watch(self) -> AsyncIterator[tuple[NDArray[np.uint8], float]]:
        """What is shown to the user, until the session ends.

        Yields:
            A picture as it is due, uint8 (height, width, 3), BGR, and its time on
            the event loop's clock.
        """
        while True:
            try:
                frame, time_s = await self.session.screen.next_picture()
            except SessionClosedError:
                return
            yield to_array(frame, "bgr"), time_s

    def type(self, text: str) -> None:
        """Send what the user typed."""
        self.session.receive_text(text)

    async def hang_up(self) -> None:
        """End the session and wait until nothing of it is left."""
        await self.session.close("the client hung up")

    # -- session.Transport -------------------------------------------------------------

    def choose_rate_hz(self, rate_hz: int) -> int:
        return self.session.handler.output_sample_rate

    async def disconnect(self) -> None:
        """Nothing to cut."""

"""One call, as the program that makes it sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..audio import AudioArray
from ..errors import ConfigurationError, OutputError, SessionClosedError
from ..handlers.threads import threads
from ..options import FRAME_MS, MAX_MESSAGE_CHARS
from ..pictures import Color, to_array, to_frame
from ..session import Screen
from .inbox import Inbox
from .lines import CallOptions, Line, LineMaker
from .messages import EndStream, Message, parse_message
from .voice import Voice, parse_clip

if TYPE_CHECKING:
    import av

Heard: TypeAlias = tuple[int, NDArray[np.int16]]

HEARD_S = 30.0
"""Audio that waits to be taken; then the oldest goes."""
SEEN = 2
"""Pictures that wait to be taken; then the older goes."""
READ = 1000
"""Messages that wait to be taken; then the oldest goes."""


class Call:
    """A client's session with a stream; made by `connect`.

    What comes is kept within bounds until it is taken: 30 s of audio, 2 pictures, 1000
    messages; the oldest make room. Each piece is given to one iterator only.

    Attributes:
        webrtc_id: the session's name, for routes of the app's own.
    """

    def __init__(
        self, options: CallOptions, line: LineMaker, rate_hz: int, color: Color
    ) -> None:
        self.webrtc_id = options.webrtc_id
        self._options = options
        self._color: Color = color
        self._voice = Voice(rate_hz)
        self._screen = Screen()
        self._heard: Inbox[NDArray[np.int16]] = Inbox(round(HEARD_S * 1000 / FRAME_MS))
        self._seen: Inbox[av.VideoFrame] = Inbox(SEEN)
        self._read: Inbox[Message] = Inbox(READ)
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._last_words: str | None = None
        self._line: Line = line(options, self._voice, self._screen, self)
        self._closing: asyncio.Task[None] | None = None

    # -- life --------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect; `connect` does it.

        Raises:
            RefusedError: the server doesn't want to.
            UnreachableError: there is no server, or no way to it.
        """
        try:
            await self._line.open()
        except BaseException:
            await self.close()
            raise

    @property
    def session_token(self) -> str | None:
        """Proves to routes of the app's own that they are asked by this client.

        They check it with `Stream.owns(call.webrtc_id, token)`; None where the server
        gives none.
        """
        return self._line.session_token

    @property
    def closed(self) -> bool:
        """Whether the session has ended, whoever ended it."""
        return self._ended.done()

    async def wait_closed(self) -> str:
        """Wait until the session has ended.

        Returns:
            Why, for people.
        """
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """Hang up, and leave nothing behind; may be called more than once."""
        self.on_end("The client hung up.", lost=False)
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._line.close())
        await asyncio.shield(self._closing)

    # -- from the program --------------------------------------------------------------

    async def say(self, clip: tuple[int, AudioArray]) -> None:
        """Say a clip, after those before it, in real time.

        Between clips silence is sent. Returns when all but the last 200 ms has left.

        Args:
            clip: `(sample_rate, array)`: int16 or float32 of shape (samples,),
                (1, samples) or (2, samples), which is mixed down.

        Raises:
            OutputError: it is no clip.
            ConfigurationError: the call can't send audio.
            SessionClosedError: the session has ended.
        """
        self._check("audio")
        spoken = parse_clip(clip)
        if spoken is not None:
            await self._voice.say(spoken)

    def hush(self) -> None:
        """Say nothing of what was to be said and has not left yet."""
        self._voice.hush()

    async def show(self, picture: object) -> None:
        """Show a picture at once; the server's frame rate is how often this is called.

        Waits while two pictures wait for the encoder.

        Args:
            picture: uint8 (height, width, 3) with sides of 2 to 4096, in the order of
                `color`; or whatever else a video handler may give.

        Raises:
            OutputError: it is no picture.
            ConfigurationError: the call can't send video.
            SessionClosedError: the session has ended.
        """
        self._check("video")
        frame = await threads.run(partial(to_frame, picture, self._color))
        await self._screen.room()
        self._check("video")
        self._screen.show(frame, asyncio.get_running_loop().time())

    def send_text(self, text: str) -> None:
        """Send what a user would have typed.

        Raises:
            OutputError: it is longer than 64,000 characters.
            SessionClosedError: the session has ended.
        """
        self._check()
        message = json.dumps({"type": "text", "data": text})
        if len(message) > MAX_MESSAGE_CHARS:
            raise OutputError(f"a text may have {MAX_MESSAGE_CHARS} characters")
        self._line.send_text(message)

    def _check(self, kind: str | None = None) -> None:
        if kind is not None and kind not in self._line.sends:
            raise ConfigurationError(
                f"this call sends no {kind}: its kinds or mode, or the stream's, are "
                "without"
            )
        if self._ended.done():
            raise SessionClosedError(self._ended.result())

    # -- to the program ----------------------------------------------------------------

    async def audio(self) -> AsyncIterator[Heard]:
        """What the app says: `(sample_rate, int16 (1, samples))`, mostly 20 ms each.

        It comes in real time; pauses of the app's are left out. Ends with the session.

        Raises:
            SessionClosedError: the connection was lost.
        """
        async for samples in self._heard.each():
            yield self._options.sample_rate, samples

    async def pictures(self) -> AsyncIterator[NDArray[np.uint8]]:
        """What the app shows: uint8 (height, width, 3). Ends with the session.

        Raises:
            SessionClosedError: the connection was lost.
        """
        async for frame in self._seen.each():
            yield await threads.run(partial(to_array, frame, self._color))

    async def messages(self) -> AsyncIterator[Message]:
        """Captions, events, errors and whatever else the app sends, typed.

        See `fastrtc.client.messages`. Ends with the session.

        Raises:
            SessionClosedError: the connection was lost.
        """
        async for message in self._read.each():
            yield message

    # -- from the line (lines.Listener) ------------------------------------------------

    def on_audio(self, samples: NDArray[np.int16]) -> None:
        self._heard.put(samples)

    def on_picture(self, picture: av.VideoFrame) -> None:
        self._seen.put(picture)

    def on_text(self, text: str) -> None:
        message = parse_message(text)
        if isinstance(message, EndStream):
            self._last_words = message.reason
        self._read.put(message)

    def on_clear(self) -> None:
        self._heard.clear()

    def on_end(self, reason: str, *, lost: bool) -> None:
        if self._ended.done():
            return
        if self._last_words is not None:
            # Who has said goodbye isn't lost.
            reason, lost = self._last_words, False
        self._ended.set_result(reason)
        self._voice.end(SessionClosedError(reason))
        self._screen.close()
        for inbox in (self._heard, self._seen, self._read):
            inbox.end(SessionClosedError(reason) if lost else None)

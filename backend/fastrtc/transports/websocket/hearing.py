"""From a client's payloads to its session: decoded, bounded in rate, in portions."""

from __future__ import annotations

import asyncio

from ...session import Session
from .bounds import AUDIO_BURST_S, AUDIO_SPEED, SLICE_MS
from .codecs import AudioIn, Samples
from .protocol import AudioFormat
from .rate import RateBound


class Hearing:
    """Feeds one client's audio to its session.

    Args:
        session: gets the frames.
        format_: of the payloads, its rate known.
    """

    def __init__(self, session: Session, format_: AudioFormat) -> None:
        handler = session.handler
        self._session = session
        self._rate_hz = handler.input_sample_rate
        self._values_per_s = self._rate_hz * (
            2 if handler.expected_layout == "stereo" else 1
        )
        self._audio_in = AudioIn(format_, self._rate_hz, handler.expected_layout)
        self._rate = RateBound(AUDIO_SPEED, AUDIO_BURST_S, session.loop.time())
        self._held: list[Samples] = []

    async def hear(self, payload: bytes) -> None:
        """Take a payload; waits when the client is far ahead of real time.

        Raises:
            RefusedError: the payload can't be of this format.
        """
        wait_s = None
        for frames in self._audio_in.push(payload):
            if wait_s is not None:
                # Others have their turn between two portions of a long message.
                await asyncio.sleep(wait_s)
            self._held += frames
            self._feed_held()
            seconds = sum(frame.shape[1] for frame in frames) / self._values_per_s
            wait_s = self._rate.spend(seconds, self._session.loop.time())
        if wait_s:
            await asyncio.sleep(wait_s)

    def _feed_held(self) -> None:
        """Hand over what has come, in bursts if the handler is patient (see there)."""
        held_ms = 1000 * sum(f.shape[1] for f in self._held) / self._values_per_s
        if held_ms < min(self._session.handler.patience_ms(), SLICE_MS):
            return
        held, self._held = self._held, []
        for frame in held:
            self._session.feed((self._rate_hz, frame))

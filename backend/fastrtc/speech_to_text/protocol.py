"""What a speech-to-text model is.

A model is any object of one of these shapes; nothing needs to be inherited. Methods
may be coroutine functions (`async def`) everywhere: synchronous ones are called in a
thread, asynchronous ones on the event loop, which they must not block.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, runtime_checkable

from ..audio import AudioArray


class STTModel(Protocol):
    """Turns a clip of speech into text.

    class Cloud:
        async def stt(self, audio):
            sample_rate, array = audio
            answer = await self.client.post(..., content=audio_to_bytes(audio))
            return answer.text
    """

    def stt(self, audio: tuple[int, AudioArray]) -> str | Awaitable[str]:
        """Transcribe one clip. May be called again before an earlier call returned.

        Args:
            audio: `(sample_rate, array)`, the rate in Hz, the array int16 or float32
                of shape (samples,) or (channels, samples).

        Returns:
            The words; "" when there are none.
        """
        ...


class SyncSTTModel(Protocol):
    """An `STTModel` whose `stt` is an ordinary function, as the built-in ones have."""

    def stt(self, audio: tuple[int, AudioArray]) -> str:
        """As `STTModel.stt`."""
        ...


class AsyncSTTModel(Protocol):
    """An `STTModel` whose `stt` is a coroutine function."""

    async def stt(self, audio: tuple[int, AudioArray]) -> str:
        """As `STTModel.stt`."""
        ...


class STTStream(Protocol):
    """One utterance that is transcribed while it is spoken.

    Its methods are called one after the other, never two at once. A stream that is
    given up is simply dropped, without `finish`.
    """

    def push(self, samples: AudioArray) -> str | Awaitable[str | None] | None:
        """Take the next samples.

        Args:
            samples: any number of them, int16 or float32 of shape (samples,) or
                (channels, samples), at the stream's sample rate.

        Returns:
            The text of everything pushed so far, as far as it is known: a later
            partial text may have other words at its end. None when there is nothing
            new to say.
        """
        ...

    def finish(self) -> str | Awaitable[str]:
        """The text of the whole utterance, "" when it has no words. The last call."""
        ...


@runtime_checkable
class StreamingSTTModel(Protocol):
    """Gives partial texts. `streaming` makes one out of any `STTModel`."""

    def open_stream(self, sample_rate_hz: int) -> STTStream:
        """Begin an utterance. Costs little, and may be called on the event loop.

        Args:
            sample_rate_hz: of the samples that will be pushed.
        """
        ...

"""What a text-to-speech model is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Protocol, TypeVar

from ..audio import AudioArray

TTSAudio = tuple[int, AudioArray]
"""`(sample_rate, array)`, the rate in Hz, the array of shape (samples,)."""


class TTSOptions:
    """How to speak; each model has its own subclass."""


OptionsT = TypeVar("OptionsT", bound=TTSOptions)
OptionsT_contra = TypeVar("OptionsT_contra", bound=TTSOptions, contravariant=True)


class TTSModel(Protocol[OptionsT_contra]):
    """Turns text into speech. Any object of this shape can be used."""

    def tts(self, text: str, options: OptionsT_contra | None = None) -> TTSAudio:
        """All of the text as one clip."""
        ...

    def stream_tts(
        self, text: str, options: OptionsT_contra | None = None
    ) -> AsyncGenerator[TTSAudio, None]:
        """The text piece by piece, each as soon as it is there."""
        ...

    def stream_tts_sync(
        self, text: str, options: OptionsT_contra | None = None
    ) -> Generator[TTSAudio, None, None]:
        """The same for code without an event loop."""
        ...

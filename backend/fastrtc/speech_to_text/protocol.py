"""What a speech-to-text model is."""

from __future__ import annotations

from typing import Protocol

from ..audio import AudioArray


class STTModel(Protocol):
    """Turns speech into text. Any object of this shape can be used."""

    def stt(self, audio: tuple[int, AudioArray]) -> str:
        """Transcribe one clip.

        Args:
            audio: `(sample_rate, array)`, the rate in Hz, the array int16 or float32
                of shape (samples,) or (channels, samples).

        Returns:
            The words; "" when there are none.
        """
        ...

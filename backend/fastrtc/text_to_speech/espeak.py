"""eSpeak NG, a small robotic voice of many languages that needs no download.

It is part of the "tts" extra. A second of speech takes about a millisecond.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from .blocking import BlockingTTS
from .protocol import TTSOptions
from .sentences import checked_text, is_speakable

if TYPE_CHECKING:
    from .espeak_library import EspeakLibrary

RATE_WPM = (80, 450)
PITCH = (0, 99)

_load_lock = threading.Lock()


@dataclass
class EspeakTTSOptions(TTSOptions):
    """How eSpeak speaks.

    Attributes:
        voice: a language such as "en-us", "en-gb", "de", "fr-fr", or the name of a
            voice; "+f3" behind a language changes the timbre.
        speed_wpm: words a minute, from 80 to 450.
        pitch: from 0 (low) to 99 (high).
    """

    voice: str = "en-us"
    speed_wpm: int = 175
    pitch: int = 50


class EspeakTTSModel(BlockingTTS[EspeakTTSOptions]):
    """eSpeak NG in this process: int16 at 22,050 Hz.

    All objects share one library, which speaks one text at a time.

    Raises:
        MissingExtraError: the "tts" extra is not installed.
        ModelUnavailableError: its library can't be loaded on this machine.
    """

    def __init__(self) -> None:
        # Two libraries at once would share one set of globals behind two locks.
        with _load_lock:
            self._library = _load_library()

    def tts(
        self, text: str, options: EspeakTTSOptions | None = None
    ) -> tuple[int, NDArray[np.int16]]:
        """All of the text as one clip, int16 of shape (samples,).

        Raises:
            ConfigurationError: the text is no string, there is no such voice, or a
                number is out of range.
        """
        options = options or EspeakTTSOptions()
        _check_range("speed_wpm", options.speed_wpm, RATE_WPM)
        _check_range("pitch", options.pitch, PITCH)
        text = checked_text(text)
        samples = np.zeros(0, np.int16)
        if is_speakable(text):
            samples = self._library.speak(
                text, options.voice, options.speed_wpm, options.pitch
            )
        return self._library.sample_rate_hz, samples


@cache
def _load_library() -> EspeakLibrary:
    from .espeak_library import EspeakLibrary

    return EspeakLibrary()


def _check_range(name: str, value: Any, bounds: tuple[int, int]) -> None:
    low, high = bounds
    if not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ConfigurationError(
            f"{name} of the eSpeak voice is a whole number from {low} to {high}, not "
            f"{value!r}."
        )

"""libespeak-ng by ctypes: the few functions of its C interface that are used.

The library keeps its state in globals, so there is one of it a process, behind a
lock, and it is never unloaded.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._hub import import_extra
from ..errors import ConfigurationError, ModelUnavailableError

# From espeak-ng/speak_lib.h, API revision 12.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
"""The samples go to the callback, and espeak_Synth returns after the last of them."""
_INITIALIZE_DONT_EXIT = 0x8000
"""Without it the library ends the whole process when its data is missing."""
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_RATE, _PITCH = 1, 3
_OK = 0
_CONTINUE = 0

_CHUNK_MS = 200

_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Voice(ctypes.Structure):
    """espeak_VOICE."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class EspeakLibrary:
    """The loaded library. Make one a process.

    Attributes:
        sample_rate_hz: of everything it says.

    Raises:
        MissingExtraError: espeakng-loader is not installed.
        ModelUnavailableError: the library can't be loaded or finds no data.
    """

    def __init__(self) -> None:
        loader = import_extra("espeakng_loader", "tts", "The eSpeak voice")
        self._lock = threading.Lock()
        self._chunks: list[bytes] = []
        self._voice: str | None = None
        self._functions = _load(str(loader.get_library_path()))
        data = str(loader.get_data_path())
        self.sample_rate_hz: int = self._functions.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, _CHUNK_MS, data.encode(), _INITIALIZE_DONT_EXIT
        )
        if self.sample_rate_hz <= 0:
            raise ModelUnavailableError(
                f"eSpeak can't read its data in {data}. It takes paths of at most "
                f"about 150 characters; reinstall espeakng-loader in a folder whose "
                f"path is shorter."
            )
        # Kept, since the library calls it for as long as the process lives.
        self._callback = _SynthCallback(self._collect)
        self._functions.espeak_SetSynthCallback(self._callback)

    def speak(
        self, text: str, voice: str, speed_wpm: int, pitch: int
    ) -> NDArray[np.int16]:
        """Synthesize a text, int16 of shape (samples,).

        Raises:
            ConfigurationError: there is no such voice.
        """
        encoded = text.replace("\0", " ").encode()
        with self._lock:
            self._set_voice(voice)
            self._functions.espeak_SetParameter(_RATE, speed_wpm, 0)
            self._functions.espeak_SetParameter(_PITCH, pitch, 0)
            self._chunks.clear()
            result = self._functions.espeak_Synth(
                encoded,
                len(encoded) + 1,
                0,
                _POSITION_CHARACTER,
                0,
                _CHARS_UTF8,
                None,
                None,
            )
            data = b"".join(self._chunks)
            self._chunks.clear()
        if result != _OK:
            raise RuntimeError(f"eSpeak could not speak the text (error {result}).")
        return np.frombuffer(data, np.int16)

    def _set_voice(self, voice: str) -> None:
        if voice == self._voice:
            return
        self._voice = None
        name = voice.encode()
        # "de" and "en-us" are names of voices, "en-gb" and "fr-fr" only languages.
        found = bool(name) and (
            self._functions.espeak_SetVoiceByName(name) == _OK
            or self._functions.espeak_SetVoiceByProperties(_Voice(languages=name))
            == _OK
        )
        if not found:
            raise ConfigurationError(
                f'eSpeak has no voice "{voice}": use a language such as "en-us", '
                f'"en-gb" or "de".'
            )
        self._voice = voice

    def _collect(self, samples: Any, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return _CONTINUE


def _load(path: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ModelUnavailableError(
            f"The eSpeak library {path} can't be loaded on this machine ({error}). "
            f"Reinstall espeakng-loader for this platform."
        ) from error
    c_int, c_char_p, c_void_p = ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p
    library.espeak_Initialize.argtypes = [c_int, c_int, c_char_p, c_int]
    library.espeak_SetSynthCallback.argtypes = [_SynthCallback]
    library.espeak_SetSynthCallback.restype = None
    library.espeak_SetVoiceByName.argtypes = [c_char_p]
    library.espeak_SetVoiceByProperties.argtypes = [ctypes.POINTER(_Voice)]
    library.espeak_SetParameter.argtypes = [c_int, c_int, c_int]
    library.espeak_Synth.argtypes = [
        c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        c_void_p,
        c_void_p,
    ]
    return library

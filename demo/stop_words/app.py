"""A bot that sleeps until it hears its name. Nothing of it needs the network.

PocketSphinx listens for the name and understands the command, eSpeak NG answers.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from fastrtc import ReplyOnStopWords, Stream, get_hf_turn_credentials, get_tts_model
from fastrtc.audio import resample
from fastrtc.keyword_spotting import Hit
from fastrtc.stream import hosted_environment

Audio = tuple[int, NDArray[np.int16]]
RATE_HZ = 16_000
FRAME_MS = 10


class PocketSphinxSpotter:
    """A `KeywordSpotter`: hears a few phrases and nothing else.

    Args:
        phrases: lower case, of words in PocketSphinx's dictionary.
        threshold: how sure it must be: from 1e-50, hears it everywhere, to 1.

    Raises:
        ValueError: a word is not in the dictionary, and would never be heard.
    """

    def __init__(self, *phrases: str, threshold: float = 1e-20) -> None:
        self._list = "".join(f"{phrase} /{threshold:g}/\n" for phrase in phrases)
        decoder = self._decoder()
        for word in " ".join(phrases).split():
            if decoder.lookup_word(word) is None:
                raise ValueError(f"PocketSphinx doesn't know the word {word!r}")

    def _decoder(self) -> Decoder:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "phrases")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self._list)
            return Decoder(kws=path, lm=None, samprate=RATE_HZ, loglevel="FATAL")

    def open_stream(self, sample_rate_hz: int) -> PocketSphinxStream:
        """Listen to one user."""
        return PocketSphinxStream(self._decoder())


class PocketSphinxStream:
    """One user, listened to; its decoder is at work on one utterance."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._begin()

    def _begin(self) -> None:
        self._decoder.start_utt()
        self._samples = 0

    def reset(self) -> None:
        """What comes now doesn't follow what came last."""
        self._decoder.end_utt()
        self._begin()

    def push(self, samples: NDArray[np.int16]) -> list[Hit]:
        """Take int16 (n,) at 16 kHz."""
        self._decoder.process_raw(samples.tobytes(), False, False)
        self._samples += samples.size
        if self._decoder.hyp() is None:
            return []
        heard_ms = 1000 * self._samples / RATE_HZ
        hits = [
            Hit(part.word.strip(), heard_ms - FRAME_MS * part.end_frame, part.prob)
            for part in self._decoder.seg()
        ]
        # They would be given again until the utterance ends.
        self.reset()
        return hits


class Words:
    """Writes down what was said, with the small model that PocketSphinx comes with."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=RATE_HZ, loglevel="FATAL")
        self._lock = threading.Lock()

    def stt(self, audio: Audio) -> str:
        """The text of a clip, "" when there is none."""
        rate_hz, samples = audio
        clip = resample(samples, rate_hz, RATE_HZ)
        with self._lock:
            self._decoder.start_utt()
            self._decoder.process_raw(clip.tobytes(), full_utt=True)
            self._decoder.end_utt()
            heard = self._decoder.hyp()
        return "" if heard is None else heard.hypstr


words = Words()
voice = get_tts_model("espeak")


def answer(audio: Audio) -> Iterator[Audio]:
    """Say what was understood."""
    text = words.stt(audio)
    yield from voice.stream_tts_sync(f"You said: {text}." if text else "Pardon?")


stream = Stream(
    ReplyOnStopWords(answer, ["computer"], spotter=PocketSphinxSpotter("computer")),
    modality="audio",
    mode="send-receive",
    # Each listener has a decoder of its own in memory.
    concurrency_limit=10,
    # A Space is reached through a TURN server only; at home none is needed.
    rtc_configuration=get_hf_turn_credentials if hosted_environment() else None,
    ui_args={
        "title": "Computer!",
        "subtitle": 'Say "computer" and a command. You will hear it repeated.',
    },
)

demo = stream.ui

if __name__ == "__main__":
    demo.launch()

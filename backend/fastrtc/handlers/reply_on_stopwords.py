"""ReplyOnStopWords: the bot answers what follows a stop word."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from ..messages import create_message
from ..options import AlgoOptions
from ..pause_detection import ModelOptions, PauseDetectionModel
from ..speech_to_text import STTModel, get_stt_model
from .base import AudioFrame
from .calls import call
from .listening import Utterance
from .reply_on_pause import ReplyFnGenerator, ReplyOnPause

MAX_WAITING = 8
"""Turns that wait for a slow recogniser at most; further ones are not looked at."""
MARGIN_MS = 250
"""Kept before the estimated end of the stop word: better a bit of the word than
a command without its first sound."""


class ReplyOnStopWords(ReplyOnPause):
    """Calls `fn` with what the user says after a stop word.

    Each of the user's turns is transcribed, off the event loop. A turn with a stop
    word in it wakes the bot: what follows the word in the same breath goes to `fn`,
    or else the next turn does. Then it waits for a stop word again.

    Args:
        fn: as in `ReplyOnPause`.
        stop_words: one or several words each; case and punctuation don't matter.
        stt_model: anything with `stt((sample_rate, array)) -> str`; by default
            Moonshine, which needs the "stopword" extra.

    The remaining arguments are those of `ReplyOnPause`.

    Raises:
        ConfigurationError: (a ValueError) no stop word was given.
        MissingExtraError: (an ImportError) Moonshine is wanted and not installed.
    """

    def __init__(
        self,
        fn: ReplyFnGenerator,
        stop_words: Sequence[str],
        startup_fn: Callable[..., Any] | None = None,
        algo_options: AlgoOptions | None = None,
        model_options: ModelOptions | None = None,
        can_interrupt: bool = True,
        expected_layout: Literal["mono", "stereo"] = "mono",
        output_sample_rate: int = 24_000,
        output_frame_size: int | None = None,
        input_sample_rate: int = 48_000,
        model: PauseDetectionModel | None = None,
        needs_args: bool = False,
        stt_model: STTModel | None = None,
    ) -> None:
        super().__init__(
            fn,
            startup_fn,
            algo_options,
            model_options,
            can_interrupt,
            expected_layout,
            output_sample_rate,
            output_frame_size,
            input_sample_rate,
            model,
            needs_args,
        )
        words = [stop_words] if isinstance(stop_words, str) else list(stop_words)
        self._matcher = StopWordMatcher(words)
        self.stop_words = words
        self.stt_model = stt_model or get_stt_model("moonshine/base")
        self._awake = False
        self._waiting = 0
        self._recognising = asyncio.Lock()

    def copy(self) -> ReplyOnStopWords:
        return ReplyOnStopWords(
            self.fn,
            self.stop_words,
            self.startup_fn,
            self.algo_options,
            self.model_options,
            self.can_interrupt,
            self.expected_layout,
            self.output_sample_rate,
            None,
            self.input_sample_rate,
            self.model,
            self.needs_args,
            self.stt_model,
        )

    def stop_word_detected(self, text: str) -> bool:
        """Whether a transcript has a stop word in it."""
        return self._matcher.find(text) is not None

    def _on_utterance(self, utterance: Utterance) -> None:
        self.state.started_talking = False
        if self._waiting < MAX_WAITING:
            self._waiting += 1
            self._attached().spawn(self._in_turn(utterance))

    async def _in_turn(self, utterance: Utterance) -> None:
        """One turn after the other: whether it is answered depends on those before."""
        try:
            async with self._recognising:
                if self._awake:
                    self._awake = False
                    super()._on_utterance(utterance)
                else:
                    await self._look_for_stop_word(utterance)
        finally:
            self._waiting -= 1

    async def _look_for_stop_word(self, utterance: Utterance) -> None:
        audio: AudioFrame = (utterance.sample_rate_hz, utterance.audio)
        try:
            text = str(await call(self.stt_model.stt, audio))
        except Exception as error:
            self._attached().report("speech recognition", error)
            return
        found = self._matcher.find(text)
        if found is None:
            return
        self._attached().channel.send(create_message("stopword", ""))
        if found >= 1.0:
            self._awake = True
            return
        rest = self._after(utterance, found)
        super()._on_utterance(Utterance(utterance.sample_rate_hz, rest))

    def _after(self, utterance: Utterance, fraction: float) -> NDArray[np.int16]:
        margin = MARGIN_MS * utterance.sample_rate_hz // 1000
        start = max(0, int(utterance.audio.shape[1] * fraction) - margin)
        return utterance.audio[:, start - start % 2 :]


class StopWordMatcher:
    """Finds stop words in transcripts.

    Args:
        stop_words: as the user gave them.

    Raises:
        ConfigurationError: there is none.
    """

    def __init__(self, stop_words: Sequence[str]) -> None:
        split = [_words(text) for text in stop_words]
        split = [words for words in split if words]
        if not split:
            raise ConfigurationError('stop_words needs a word, such as ["computer"]')
        phrases = (r"\W+".join(map(re.escape, words)) for words in split)
        self._pattern = re.compile(rf"\b(?:{'|'.join(phrases)})\b", re.IGNORECASE)

    def find(self, text: str) -> float | None:
        """Where the first stop word ends, as a fraction of the text.

        Returns:
            1.0 when nothing but punctuation follows; None when there is none.
        """
        match = self._pattern.search(text)
        if match is None:
            return None
        if not _words(text[match.end() :]):
            return 1.0
        return match.end() / len(text)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)

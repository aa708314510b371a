"""Stop words in transcripts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import ConfigurationError

DIGIT_LETTERS = 4
"""A digit is spoken as a word, and the English ones have about four letters."""


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

    def end(self, text: str) -> int | None:
        """The index in `text` after its first stop word; None when there is none."""
        match = self._pattern.search(text)
        return None if match is None else match.end()

    def find(self, text: str) -> float | None:
        """Where the first stop word ends, as a fraction of the text.

        Returns:
            1.0 when nothing but punctuation follows; None when there is none.
        """
        end = self.end(text)
        if end is None:
            return None
        return end / len(text) if has_words(text[end:]) else 1.0


def has_words(text: str) -> bool:
    """Whether there is more than punctuation."""
    return bool(_words(text))


def continues(text: str, earlier: str) -> int:
    """How much of `text` is an earlier transcript, word for word.

    Returns:
        The index after it, 0 when `text` doesn't begin with it.
    """
    words = [word.casefold() for word in _words(earlier)]
    spans = list(re.finditer(r"\w+", text))[: len(words)]
    if not words or [span.group().casefold() for span in spans] != words:
        return 0
    return spans[-1].end()


def spoken_length(text: str) -> int:
    """How long it takes to say, in letters."""
    letters = sum(len(word) for word in _words(text))
    digits = sum(char.isdigit() for char in text)
    return letters + (DIGIT_LETTERS - 1) * digits


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)

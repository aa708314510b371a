"""Cutting a text into sentences, so that the first is heard while the rest is made."""

from __future__ import annotations

import re
from typing import Any

from ..errors import ConfigurationError

MAX_CHARS = 300
"""About 20 s of speech. A longer sentence, or a text without full stops, is cut in
smaller pieces, since a piece can't be interrupted while it is made."""

FIRST_CHARS = 60
"""About 4 s of speech: a longer first sentence is worth being cut at a clause."""

CLAUSE_CHARS = 15
"""A clause on either side of the cut has so many characters at least; shorter ones
("Yes, …") sound chopped."""

# Written as escapes, since many of these marks look like ASCII ones.
_CLOSERS = "\"'\u201d\u2019)\\]"
_CJK_MARKS = "\u3002\uff01\uff1f"
_CJK_CLOSERS = "\u201d\u2019\u300d\u300f\uff09"
_OPENERS = "\"'\u201c\u2018(\\["

_BOUNDARY = re.compile(
    rf"(?<=[.!?\u2026])[{_CLOSERS}]*\s+"
    # Chinese and Japanese put no space between sentences.
    rf"|(?<=[{_CJK_MARKS}])[{_CJK_CLOSERS}]*\s*"
    # A paragraph ends a sentence that has no mark, such as a heading.
    r"|\n[^\S\n]*\n"
)

_ABBREVIATION = re.compile(
    rf"(?<![^\s{_OPENERS}])"
    r"(?:(?i:mr|mrs|ms|dr|prof|st|sr|jr|vs|fig|approx|dept|inc|ltd|co|cf|al|e\.g|i\.e)"
    r"|[A-HJ-Z])\.$"  # an initial; "I." more often ends a sentence
)
_LONGEST_ABBREVIATION = len("approx.")

_CLAUSE = re.compile(
    # Not within numbers such as 3,000 or 12:30, since a space must follow.
    rf"[,;:][{_CLOSERS}]*\s+"
    r"|\s+[\u2013\u2014-]+\s+|\u2014+"
    r"|[\u3001\uff0c\uff1b\uff1a]"
)


def checked_text(text: Any) -> str:
    """A text as it was given, but for what can't be written as UTF-8.

    Half of a surrogate pair, as it is left when a text is cut in UTF-16, becomes "?".

    Raises:
        ConfigurationError: it is no string.
    """
    if not isinstance(text, str):
        raise ConfigurationError(
            f"Text-to-speech speaks a string, not a {type(text).__name__}."
        )
    return text.encode("utf-8", "replace").decode()


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, without those that hold nothing to say.

    A full stop after a common abbreviation or an initial ends no sentence. Sentences
    of over 300 characters come in pieces.

    Raises:
        ConfigurationError: it is no string.
    """
    text = checked_text(text)
    sentences: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        before = max(start, boundary.start() - _LONGEST_ABBREVIATION)
        if _ABBREVIATION.search(text, before, boundary.start()):
            continue
        sentences += _short_pieces(text[start : boundary.end()].strip())
        start = boundary.end()
    sentences += _short_pieces(text[start:].strip())
    return [sentence for sentence in sentences if is_speakable(sentence)]


def split_first_clause(sentence: str) -> list[str]:
    """A sentence as its first clause and the rest, when it is long; else whole.

    The clause keeps its comma, by which a voice knows that it is to go on.
    """
    if len(sentence) <= FIRST_CHARS:
        return [sentence]
    for mark in _CLAUSE.finditer(sentence, CLAUSE_CHARS - 1):
        if mark.end() > len(sentence) - CLAUSE_CHARS:
            break
        return [sentence[: mark.end()].strip(), sentence[mark.end() :].strip()]
    return [sentence]


def is_speakable(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(character.isalnum() for character in text)


def _short_pieces(sentence: str) -> list[str]:
    """A sentence in pieces of at most MAX_CHARS, cut at a clause, or else a space."""
    pieces: list[str] = []
    start = 0
    while len(sentence) - start > MAX_CHARS:
        end = _cut(sentence, start, start + MAX_CHARS)
        pieces.append(sentence[start:end].strip())
        start = end
    pieces.append(sentence[start:].strip())
    return pieces


def _cut(text: str, start: int, limit: int) -> int:
    middle = (start + limit) // 2
    clauses = [mark.end() for mark in _CLAUSE.finditer(text, middle, limit)]
    if clauses:
        return clauses[-1]
    space = text.rfind(" ", middle, limit)
    return space + 1 if space >= 0 else limit

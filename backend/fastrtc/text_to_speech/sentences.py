"""Cutting a text into sentences, so that the first is heard while the rest is made."""

from __future__ import annotations

import re

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
    r"|\s*\n\s*\n\s*"
)

_ABBREVIATION = re.compile(
    rf"(?<![^\s{_OPENERS}])"
    r"(?:(?i:mr|mrs|ms|dr|prof|st|sr|jr|vs|fig|approx|dept|inc|ltd|co|cf|al|e\.g|i\.e)"
    r"|[A-HJ-Z])\.$"  # an initial; "I." more often ends a sentence
)


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, without those that hold nothing to say.

    A full stop after a common abbreviation or an initial ends no sentence.
    """
    sentences: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        if _ABBREVIATION.search(text, start, boundary.start()):
            continue
        sentences.append(text[start : boundary.end()].strip())
        start = boundary.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if is_speakable(sentence)]


def is_speakable(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(character.isalnum() for character in text)

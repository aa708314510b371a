"""Fragments of SDP that carry trickled candidates (RFC 8840, 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"[a-z]=.*")


@dataclass(frozen=True)
class Fragment:
    """What a client adds to its offer.

    Attributes:
        ufrag: of the ICE session that it speaks of; None when it doesn't say.
        candidates: in the form of the wire contract, with `candidate`, `sdpMid` and
            `sdpMLineIndex`; an empty text is the end of them.
    """

    ufrag: str | None
    candidates: list[dict[str, Any]]


def parse_fragment(text: str) -> Fragment | None:
    """Read a fragment; None when it is none.

    Candidates without an `m=` line before them belong to the first section, which
    carries all the others of a bundle.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not all(_LINE.fullmatch(line) for line in lines):
        return None
    section, mid = -1, None
    candidates: list[dict[str, Any]] = []
    for line in lines:
        if line.startswith("m="):
            section, mid = section + 1, None
        elif line.startswith("a=mid:"):
            mid = line.removeprefix("a=mid:")
        elif line == "a=end-of-candidates":
            candidates.append(_candidate("", mid, section))
        elif line.startswith("a=candidate:"):
            candidates.append(_candidate(line.removeprefix("a="), mid, section))
    return Fragment(ice_ufrag(text), candidates)


def _candidate(text: str, mid: str | None, section: int) -> dict[str, Any]:
    # The sections of a fragment need not be numbered as those of the offer are.
    index = max(section, 0) if mid is None else None
    return {"candidate": text, "sdpMid": mid, "sdpMLineIndex": index}


def ice_ufrag(text: str) -> str | None:
    """The first `ice-ufrag` of an SDP or a fragment."""
    for line in text.splitlines():
        if line.startswith("a=ice-ufrag:"):
            return line.removeprefix("a=ice-ufrag:").strip()
    return None

"""What is checked of an offer before aiortc reads it.

aiortc takes every line of an offer seriously: it searches lists for each `ssrc`,
looks up hosts one after the other, and loses its transports when a group names a
section that isn't there. What no browser sends is refused here, in microseconds.
"""

from __future__ import annotations

from ...errors import RefusedError
from ...options import MAX_CANDIDATES

MAX_LINES = 1_000
"""A browser's offer with audio and video has about 250; three cameras, 600."""
MAX_SSRC_LINES = 128
"""A browser's offer has two to four a track; aiortc's time grows with the square."""
TRANSPORTED = ("audio", "video", "application")


def check_offer(sdp: str) -> None:
    """Refuse an offer that would cost too much, or break aiortc.

    Raises:
        RefusedError: `invalid_offer`, with what is wrong.
    """
    if not _is_text(sdp):
        raise _invalid("The sdp is no text: it holds half characters.")
    lines = sdp.splitlines()
    for prefix, most in (
        ("", MAX_LINES),
        ("a=ssrc", MAX_SSRC_LINES),
        ("a=candidate:", MAX_CANDIDATES),
    ):
        if sum(line.startswith(prefix) for line in lines) > most:
            raise _invalid(f"The sdp has more than {most} lines {prefix}".rstrip())
    if not any(line.startswith("a=fingerprint:") for line in lines):
        raise _invalid("The sdp has no fingerprint, which encryption needs.")
    _check_bundle(lines)


def offered_kinds(sdp: str) -> set[str]:
    """The kinds of media that an offer has sections for: "audio", "video"."""
    lines = (line for line in sdp.splitlines() if line.startswith("m="))
    return {line[2:].partition(" ")[0] for line in lines} & {"audio", "video"}


def _is_text(sdp: str) -> bool:
    try:
        sdp.encode()
    except UnicodeEncodeError:
        # JSON can spell halves of characters; the answer could not be sent.
        return False
    return True


def _check_bundle(lines: list[str]) -> None:
    """The first section of a bundle lends the others its transport: it must exist."""
    kind, carried = "", set[str]()
    for line in lines:
        if line.startswith("m="):
            kind = line[2:].partition(" ")[0]
        elif line.startswith("a=mid:") and kind in TRANSPORTED:
            carried.add(line.removeprefix("a=mid:"))
    for line in lines:
        mids = line.split()[1:2] if line.startswith("a=group:BUNDLE") else []
        if not carried.issuperset(mids):
            raise _invalid("The sdp bundles its media with a section it doesn't have.")


def _invalid(text: str) -> RefusedError:
    return RefusedError("invalid_offer", text if text.endswith(".") else text + ".")

"""What a video function may give."""

from __future__ import annotations

from typing import cast

from ..errors import OutputError
from ..outputs import NOTHING, AdditionalOutputs, Caption, CloseStream, Emission
from .conversion import Color, expected, to_frame


def parse_picture_emission(value: object, color: Color) -> Emission:
    """The normal form of anything a video function, `video_emit` or generator gives.

    Raises:
        OutputError: the value is of no allowed form; the text says what is.
    """
    if value is None:
        return NOTHING
    if isinstance(value, AdditionalOutputs):
        return Emission(outputs=value)
    if isinstance(value, CloseStream):
        return Emission(close=value)
    if isinstance(value, Caption):
        return Emission(caption=value)
    if not isinstance(value, tuple):
        return Emission(picture=to_frame(value, color))
    items = cast("tuple[object, ...]", value)
    last = items[-1] if len(items) == 2 else None
    if not isinstance(last, (AdditionalOutputs, CloseStream, Caption)):
        raise OutputError(expected(items))
    picture = None if items[0] is None else to_frame(items[0], color)
    if isinstance(last, AdditionalOutputs):
        return Emission(picture=picture, outputs=last)
    if isinstance(last, Caption):
        return Emission(picture=picture, caption=last)
    return Emission(picture=picture, close=last)

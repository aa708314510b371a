"""Frames: their colours, their pixels and other formats of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import (
    ColorRange,
    Colorspace,
    Interpolation,
    VideoReformatter,
)
from numpy.typing import NDArray

# AVColorSpace, as in ITU-T H.273, of a frame's tag.
_BT709_TAG = 1
_SMPTE170M_TAG = 6
# A thread pool for one conversion of 1 ms costs more than it saves. Older PyAV
# converts on the calling thread anyway and has no such argument.
_ONE_THREAD: dict[str, Any] = (
    {"threads": 1} if int(av.__version__.partition(".")[0]) >= 17 else {}
)


def matrix(frame: av.VideoFrame) -> Colorspace:
    is_bt709 = frame.colorspace == _BT709_TAG
    return Colorspace.ITU709 if is_bt709 else Colorspace.ITU601


def color_range(frame: av.VideoFrame) -> ColorRange:
    is_full = frame.color_range == ColorRange.JPEG
    return ColorRange.JPEG if is_full else ColorRange.MPEG


def _reformat(frame: av.VideoFrame, **options: Any) -> av.VideoFrame:
    # A frame's own reformat() keeps its state in the frame, which another thread
    # may be converting too.
    return VideoReformatter().reformat(frame, **options, **_ONE_THREAD)


def to_rgb(frame: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
    # PyAV before 17 keeps BT.601 for a BT.709 frame unless another matrix is asked
    # for; the result has no matrix, so asking for BT.601 is harmless everywhere.
    return _reformat(
        frame,
        format=pixel_format,
        src_colorspace=matrix(frame),
        dst_colorspace=Colorspace.ITU601,
        src_color_range=color_range(frame),
    )


def to_yuv420p(frame: av.VideoFrame) -> av.VideoFrame:
    """The wire's form of a frame of red, green and blue or of grey."""
    return _reformat(
        frame,
        format="yuv420p",
        # The mean of each 2 x 2 pixels, symmetrical under mirroring and turning.
        interpolation=Interpolation.AREA,
        src_colorspace=Colorspace.ITU601,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )


def pixels(frame: av.VideoFrame, plane: int, channels: int = 1) -> NDArray[np.uint8]:
    """The pixels of a plane, in place: (height, width) or (height, width, channels)."""
    of = frame.planes[plane]
    shape: Sequence[int] = (of.height, of.width, channels)
    strides: Sequence[int] = (of.line_size, channels, 1)
    pixels = np.ndarray(shape, np.uint8, cast("Any", of), strides=strides)
    return pixels if channels > 1 else pixels[:, :, 0]


def tagged(frame: av.VideoFrame) -> av.VideoFrame:
    """The frame, after it was told that its colours are the wire's."""
    frame.colorspace = _SMPTE170M_TAG
    frame.color_range = ColorRange.MPEG
    return frame

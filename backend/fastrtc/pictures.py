"""Pictures between the network and user code: `av.VideoFrame` and numpy arrays.

On the wire and inside the server a picture is yuv420p in BT.601 colours and limited
range, which is what browsers take from a VP8 or H.264 stream that says nothing
else. User code sees and gives arrays. Everything here may be called from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast

import av
import numpy as np
from av.video.reformatter import (
    ColorRange,
    Colorspace,
    Interpolation,
    VideoReformatter,
)
from numpy.typing import NDArray

from .errors import OutputError
from .outputs import NOTHING, AdditionalOutputs, Caption, CloseStream, Emission

Color: TypeAlias = Literal["bgr", "rgb"]

MAX_SIDE_PX = 4096
MIN_SIDE_PX = 2

_OTHER: dict[Color, Color] = {"bgr": "rgb", "rgb": "bgr"}
_PIXEL_FORMATS: dict[tuple[Color, int], str] = {
    ("bgr", 1): "gray",
    ("rgb", 1): "gray",
    ("bgr", 3): "bgr24",
    ("rgb", 3): "rgb24",
    ("bgr", 4): "bgra",
    ("rgb", 4): "rgba",
}
# AVColorSpace, as in ITU-T H.273, of a frame's tag.
_BT709_TAG = 1
_SMPTE170M_TAG = 6
# A thread pool for one conversion of 1 ms costs more than it saves. Older PyAV
# converts on the calling thread anyway and has no such argument.
_ONE_THREAD: dict[str, Any] = (
    {"threads": 1} if int(av.__version__.partition(".")[0]) >= 17 else {}
)
# Of each thread, the frame it loads arrays into.
_own = threading.local()
# So many rows of float32 at 1280 pixels stay in the cache of a core.
_ROWS_AT_ONCE = 32


def to_array(frame: av.VideoFrame, color: Color) -> NDArray[np.uint8]:
    """A frame as uint8 of shape (height, width, 3), channels in the order of `color`.

    The array is contiguous, writable and the caller's own. The frame's colour matrix
    and range are those it is tagged with, BT.601 and limited if it is not.
    """
    converted = _to_rgb(frame, _PIXEL_FORMATS[color, 3])
    pixels = _pixels(converted, 0, 3)
    if converted is frame or not pixels.flags.c_contiguous:
        return pixels.copy()
    return pixels


def to_frame(picture: object, color: Color) -> av.VideoFrame:
    """A picture of user code as a yuv420p frame that shares no memory with it.

    Args:
        picture: an array of shape (height, width), (height, width, 1),
            (height, width, 3) or (height, width, 4) with sides of 2 to 4096; a
            fourth channel (alpha) is dropped. uint8; or uint16, of which the upper
            8 bits are taken; or float32 from 0 to 1, where values outside are
            clipped and NaN is black. Also anything numpy can see as such an array
            (``__array__`` or ``__array_interface__``, for example a torch tensor
            in main memory), a PIL image, or an `av.VideoFrame`.
        color: the order of the array's channels. A PIL image is always RGB.

    The last column of an odd width and the last row of an odd height are cut off:
    yuv420p has one colour sample for 2 x 2 pixels. Views that are mirrored, turned
    or have their channels reversed need no copy of the caller's: they cost little
    more than plain arrays.

    Raises:
        OutputError: the value is of no allowed form; the text says what is.
    """
    if isinstance(picture, av.VideoFrame):
        return _own_copy(picture)
    array, color = _as_array(picture, color)
    _check(array)
    array = array[: array.shape[0] & ~1, : array.shape[1] & ~1]
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.shape[2] == 3 and array.strides[2] < 0:
        array, color = array[:, :, ::-1], _OTHER[color]
    # The planes of yuv420p are half the bytes of the array and its elements are
    # single bytes, so they are mirrored and turned, not the array.
    turned = abs(array.strides[0]) < abs(array.strides[1])
    if turned:
        array = array.swapaxes(0, 1)
    mirrored = array.strides[1] < 0
    if mirrored:
        array = array[:, ::-1]
    frame = _to_yuv420p(_load(array, _PIXEL_FORMATS[color, array.shape[2]]))
    if mirrored or turned:
        frame = _reorient(frame, mirrored, turned)
    return _tagged(frame)


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
        raise OutputError(_expected(_describe(items)))
    picture = None if items[0] is None else to_frame(items[0], color)
    if isinstance(last, AdditionalOutputs):
        return Emission(picture=picture, outputs=last)
    if isinstance(last, Caption):
        return Emission(picture=picture, caption=last)
    return Emission(picture=picture, close=last)


# -- what user code gave -----------------------------------------------------


def _as_array(picture: object, color: Color) -> tuple[NDArray[Any], Color]:
    if isinstance(picture, np.ndarray):
        return cast("NDArray[Any]", picture), color
    source: Any = picture
    if type(picture).__module__.split(".")[0] == "PIL" and hasattr(picture, "convert"):
        # Palettes, CMYK and single bits are no arrays of colours by themselves.
        source, color = source.convert("RGB"), "rgb"
    elif isinstance(picture, type) or not (
        hasattr(source, "__array__") or hasattr(source, "__array_interface__")
    ):
        raise OutputError(_expected(_describe(picture)))
    try:
        return np.asarray(source), color
    except Exception as error:
        name = type(picture).__name__
        raise OutputError(f"numpy can't read this {name}: {error}") from error


def _check(array: NDArray[Any]) -> None:
    shape = array.shape
    if len(shape) not in (2, 3) or shape[2:] not in ((), (1,), (3,), (4,)):
        raise OutputError(
            "a picture must have the shape (height, width), (height, width, 1), "
            f"(height, width, 3) or (height, width, 4), not {shape}"
        )
    if not any(array.dtype == known for known in (np.uint8, np.uint16, np.float32)):
        raise OutputError(
            f"a picture must be uint8, uint16 or float32 from 0 to 1, not {array.dtype}"
        )
    _check_sides(array.shape[1], array.shape[0])


def _check_sides(width: int, height: int) -> None:
    if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in (width, height)):
        raise OutputError(
            f"a picture's sides must be {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels long, "
            f"not {width} x {height} (width x height)"
        )


def _describe(value: object) -> str:
    if not isinstance(value, tuple):
        return f"a {type(value).__name__}"
    items = cast("tuple[object, ...]", value)
    return f"({', '.join(type(item).__name__ for item in items)})"


def _expected(found: str) -> str:
    return (
        f"got {found}, expected None, a picture (an array of shape "
        "(height, width, 3), a PIL image or an av.VideoFrame), AdditionalOutputs, "
        "CloseStream, Caption, or a picture paired with one of the last three"
    )


# -- frames ------------------------------------------------------------------


def _matrix(frame: av.VideoFrame) -> Colorspace:
    is_bt709 = frame.colorspace == _BT709_TAG
    return Colorspace.ITU709 if is_bt709 else Colorspace.ITU601


def _range(frame: av.VideoFrame) -> ColorRange:
    is_full = frame.color_range == ColorRange.JPEG
    return ColorRange.JPEG if is_full else ColorRange.MPEG


def _reformat(frame: av.VideoFrame, **options: Any) -> av.VideoFrame:
    # A frame's own reformat() keeps its state in the frame, which another thread
    # may be converting too.
    return VideoReformatter().reformat(frame, **options, **_ONE_THREAD)


def _to_rgb(frame: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
    # PyAV before 17 keeps BT.601 for a BT.709 frame unless another matrix is asked
    # for; the result has no matrix, so asking for BT.601 is harmless everywhere.
    return _reformat(
        frame,
        format=pixel_format,
        src_colorspace=_matrix(frame),
        dst_colorspace=Colorspace.ITU601,
        src_color_range=_range(frame),
    )


def _to_yuv420p(frame: av.VideoFrame) -> av.VideoFrame:
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


def _pixels(frame: av.VideoFrame, plane: int, channels: int = 1) -> NDArray[np.uint8]:
    """The pixels of a plane, in place: (height, width) or (height, width, channels)."""
    of = frame.planes[plane]
    shape: Sequence[int] = (of.height, of.width, channels)
    strides: Sequence[int] = (of.line_size, channels, 1)
    pixels = np.ndarray(shape, np.uint8, cast("Any", of), strides=strides)
    return pixels if channels > 1 else pixels[:, :, 0]


def _load(array: NDArray[Any], pixel_format: str) -> av.VideoFrame:
    """The array, (height, width, channels), as a frame of 8 bits a channel.

    The frame has memory with the padding swscale wants: over bare numpy memory it
    reads past the end at most widths (seen with a guard page). It is the thread's,
    and good until the thread's next call.
    """
    height, width, channels = array.shape
    frame = _scratch(width, height, pixel_format)
    target = _pixels(frame, 0, channels)
    source = array if channels > 1 else array[:, :, 0]
    if source.dtype == np.uint16:
        np.right_shift(source, 8, out=target, casting="unsafe")
    elif source.dtype == np.float32:
        _scale(source, target)
    else:
        target[...] = source
    return frame


def _scratch(width: int, height: int, pixel_format: str) -> av.VideoFrame:
    frame = cast("av.VideoFrame | None", getattr(_own, "frame", None))
    if frame is None or (frame.width, frame.height, frame.format.name) != (
        width,
        height,
        pixel_format,
    ):
        frame = _own.frame = av.VideoFrame(width, height, pixel_format)
    return frame


def _scale(source: NDArray[np.float32], target: NDArray[np.uint8]) -> None:
    scaled = np.empty((_ROWS_AT_ONCE, *source.shape[1:]), np.float32)
    # The conversion of NaN, which gives 0, would warn; so would huge values.
    with np.errstate(invalid="ignore", over="ignore"):
        for first in range(0, len(source), _ROWS_AT_ONCE):
            rows = source[first : first + _ROWS_AT_ONCE]
            work = scaled[: len(rows)]
            np.multiply(rows, np.float32(255), out=work)
            np.clip(work, 0, 255, out=work)
            np.add(work, np.float32(0.5), out=work)
            target[first : first + _ROWS_AT_ONCE] = work


def _reorient(frame: av.VideoFrame, mirrored: bool, turned: bool) -> av.VideoFrame:
    """The yuv420p frame mirrored left to right, then with rows and columns swapped."""
    width, height = frame.width, frame.height
    size = (height, width) if turned else (width, height)
    result = av.VideoFrame(*size, "yuv420p")
    for plane in range(3):
        source, target = _pixels(frame, plane), _pixels(result, plane)
        if turned:
            target[...] = (source[:, ::-1] if mirrored else source).T
        elif source.shape[1] % 8 == 0:
            # Eight pixels a step: three times as fast as single bytes.
            words = target.view(np.uint64)
            words[...] = source.view(np.uint64)[:, ::-1]
            words.byteswap(inplace=True)
        else:
            target[...] = source[:, ::-1]
    return result


def _own_copy(frame: av.VideoFrame) -> av.VideoFrame:
    _check_sides(frame.width, frame.height)
    ready = (
        frame.format.name == "yuv420p"
        and _matrix(frame) == Colorspace.ITU601
        and _range(frame) == ColorRange.MPEG
    )
    # By way of RGB, since PyAV before 17 doesn't convert the range of yuv420p.
    source = frame if ready else _to_yuv420p(_to_rgb(frame, "rgb24"))
    copy = av.VideoFrame(frame.width & ~1, frame.height & ~1, "yuv420p")
    for plane in range(3):
        target = _pixels(copy, plane)
        target[...] = _pixels(source, plane)[: target.shape[0], : target.shape[1]]
    return _tagged(copy)


def _tagged(frame: av.VideoFrame) -> av.VideoFrame:
    frame.colorspace = _SMPTE170M_TAG
    frame.color_range = ColorRange.MPEG
    return frame

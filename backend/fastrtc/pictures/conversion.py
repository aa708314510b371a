"""Arrays of frames, and frames of whatever may be a picture."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from ..errors import OutputError
from .frames import color_range, matrix, pixels, tagged, to_rgb, to_yuv420p
from .loading import load

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


def to_array(frame: av.VideoFrame, color: Color) -> NDArray[np.uint8]:
    """A frame as uint8 of shape (height, width, 3), channels in the order of `color`.

    The array is contiguous, writable and the caller's own. The frame's colour matrix
    and range are those it is tagged with, BT.601 and limited if it is not.
    """
    converted = to_rgb(frame, _PIXEL_FORMATS[color, 3])
    array = pixels(converted, 0, 3)
    if converted is frame or not array.flags.c_contiguous:
        return array.copy()
    return array


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
    return load(array, _PIXEL_FORMATS[color, array.shape[2]])


def _own_copy(frame: av.VideoFrame) -> av.VideoFrame:
    _check_sides(frame.width, frame.height)
    ready = (
        frame.format.name == "yuv420p"
        and matrix(frame) == Colorspace.ITU601
        and color_range(frame) == ColorRange.MPEG
    )
    # By way of RGB, since PyAV before 17 doesn't convert the range of yuv420p.
    source = frame if ready else to_yuv420p(to_rgb(frame, "rgb24"))
    copy = av.VideoFrame(frame.width & ~1, frame.height & ~1, "yuv420p")
    for plane in range(3):
        target = pixels(copy, plane)
        target[...] = pixels(source, plane)[: target.shape[0], : target.shape[1]]
    return tagged(copy)


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
        raise OutputError(expected(picture))
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


def expected(value: object) -> str:
    """The text of an error about a value of no allowed form."""
    return (
        f"got {_describe(value)}, expected None, a picture (an array of shape "
        "(height, width, 3), a PIL image or an av.VideoFrame), AdditionalOutputs, "
        "CloseStream, Caption, or a picture paired with one of the last three"
    )

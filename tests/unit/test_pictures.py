"""fastrtc.pictures: frames to arrays and back, and what a video function may give."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from fastrtc import AdditionalOutputs, CloseStream
from fastrtc.errors import OutputError
from fastrtc.outputs import NOTHING, Emission
from fastrtc.pictures import Color, loading, parse_picture_emission, to_array, to_frame

# RGB, and Y, U, V in limited range: ITU-R BT.601, as 75 % and 100 % colour bars.
COLOURS = [
    ((255, 255, 255), (235, 128, 128)),
    ((0, 0, 0), (16, 128, 128)),
    ((255, 0, 0), (81, 90, 240)),
    ((0, 255, 0), (145, 54, 34)),
    ((0, 0, 255), (41, 240, 110)),
    ((191, 191, 0), (162, 44, 142)),
]
FULL_RANGE, LIMITED_RANGE = 2, 1
BT709, SMPTE170M = 1, 6


def flat(rgb: Any, color: Color = "rgb", width: int = 64, height: int = 48) -> Any:
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = rgb if color == "rgb" else rgb[::-1]
    return picture


def smooth(width: int = 320, height: int = 240) -> Any:
    """Every colour somewhere, different in all directions, no sharp edge."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 128 + 100 * np.sin(x / 60) * np.cos(y / 40)
    return np.stack([x * 255 / width, y * 255 / height, waves], -1).astype(np.uint8)


def blocks(width: int = 64, height: int = 48, channels: int = 3) -> Any:
    """Random 2 x 2 blocks: nothing is lost where four pixels share one colour."""
    small = np.random.default_rng(1).integers(
        0, 256, (height // 2, width // 2, channels), np.uint8
    )
    return small.repeat(2, 0).repeat(2, 1)


def plane_bytes(plane: Any) -> NDArray[np.uint8]:
    return np.frombuffer(plane, np.uint8)


def planes(frame: av.VideoFrame) -> list[NDArray[np.int64]]:
    assert frame.format.name == "yuv420p"
    return [
        plane_bytes(plane)
        .reshape(plane.height, plane.line_size)[:, : plane.width]
        .astype(np.int64)
        for plane in frame.planes
    ]


def yuv(y: int, u: int, v: int, width: int = 64, height: int = 48) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (y, u, v), strict=True):
        plane_bytes(plane)[:] = value
    return frame


def largest_difference(one: av.VideoFrame, other: av.VideoFrame) -> int:
    pairs = zip(planes(one), planes(other), strict=True)
    return max(int(abs(a - b).max()) for a, b in pairs)


# -- to_array ----------------------------------------------------------------


@pytest.mark.parametrize("color", ["bgr", "rgb"])
@pytest.mark.parametrize(("rgb", "parts"), COLOURS)
def test_the_camera_s_colours_are_the_handler_s(
    rgb: Any, parts: Any, color: Color
) -> None:
    """Lost otherwise: faces would be blue, white grey and black not quite black."""
    array = to_array(yuv(*parts), color)
    assert array.dtype == np.uint8
    assert array.shape == (48, 64, 3)
    assert abs(array.astype(int) - flat(rgb, color)).max() <= 4


def test_a_stream_that_names_its_range_and_matrix_is_believed() -> None:
    """Lost otherwise: phones that send full range or BT.709 would look wrong."""
    full = yuv(255, 128, 128)
    full.color_range = FULL_RANGE
    assert to_array(full, "rgb").min() >= 253
    grey = yuv(100, 128, 128)
    grey.color_range = FULL_RANGE
    assert abs(to_array(grey, "rgb").astype(int) - 100).max() <= 2
    red = yuv(63, 102, 240)
    red.colorspace = BT709
    assert abs(to_array(red, "rgb").astype(int) - [255, 0, 0]).max() <= 4
    assert (red.colorspace, full.color_range) == (BT709, FULL_RANGE)


@pytest.mark.parametrize("width", [2, 16, 64, 642, 641])
def test_the_array_is_the_caller_s_own(width: int) -> None:
    """Lost otherwise: drawing into a frame would fail, or change other people's."""
    frame = av.VideoFrame.from_ndarray(flat((9, 99, 199), width=width), "rgb24")
    for source in (frame, frame.reformat(format="yuv420p")):
        array = to_array(source, "rgb")
        assert array.flags.c_contiguous
        assert array.flags.writeable
        array[:] = 0
        again = to_array(source, "rgb").astype(int)
        assert again.shape == (48, width, 3)
        assert abs(again - [9, 99, 199]).max() <= 4


def test_many_threads_may_convert_one_frame() -> None:
    """Lost otherwise: two readers of one camera would crash the process."""
    frame = to_frame(smooth(1280, 720), "rgb")
    colors: list[Color] = ["rgb", "bgr"] * 20
    expected = {color: to_array(frame, color) for color in colors[:2]}
    with ThreadPoolExecutor(4) as pool:
        arrays = pool.map(lambda color: to_array(frame, color), colors)
        for color, array in zip(colors, arrays, strict=True):
            assert (array == expected[color]).all()


# -- to_frame ----------------------------------------------------------------


@pytest.mark.parametrize("color", ["bgr", "rgb"])
@pytest.mark.parametrize(("rgb", "parts"), COLOURS)
def test_the_handler_s_colours_are_the_viewer_s(
    rgb: Any, parts: Any, color: Color
) -> None:
    """Lost otherwise: what a handler returns would be shown in other colours."""
    frame = to_frame(flat(rgb, color), color)
    for plane, part in zip(planes(frame), parts, strict=True):
        assert abs(plane - part).max() <= 2
    assert frame.color_range == LIMITED_RANGE
    assert frame.colorspace == SMPTE170M


@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_there_and_back_loses_little(color: Color) -> None:
    """Lost otherwise: a picture would fade each time it goes through a handler."""
    picture = smooth()
    back = to_array(to_frame(picture, color), color).astype(int)
    assert abs(back - picture).mean() < 2.5
    assert abs(back - picture).max() <= 8
    assert abs((back - picture).mean()) < 2.5


@pytest.mark.parametrize("color", ["bgr", "rgb"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("lines", [np.s_[:, ::2, :3], np.s_[::2, :, :3]])
def test_four_pixels_share_their_mean_colour(
    color: Color, channels: int, lines: Any
) -> None:
    """Lost otherwise: thin coloured lines would vanish or flicker when they move."""
    array = np.zeros((48, 64, channels), np.uint8)
    array[lines] = (255, 0, 0) if color == "rgb" else (0, 0, 255)
    _, u, v = planes(to_frame(array, color))
    assert abs(u - (90 + 128) // 2).max() <= 2
    assert abs(v - (240 + 128) // 2).max() <= 2


VIEWS: dict[str, Callable[[Any], Any]] = {
    "up and down": lambda a: a[::-1],
    "left and right": lambda a: a[:, ::-1],
    "both": lambda a: a[::-1, ::-1],
    "every axis": np.flip,
    "channels": lambda a: a[:, :, ::-1],
    "quarter turn": np.rot90,
    "three quarter turn": lambda a: np.rot90(a, 3),
    "transposed": lambda a: a.swapaxes(0, 1),
    "Fortran order": np.asfortranarray,
    "crop": lambda a: a[2:-4, 6:-8],
    "mirrored crop": lambda a: a[2:-4, 6:-8][:, ::-1],
    "every second": lambda a: a[::2, ::2],
    "one channel": lambda a: a[:, ::-1, 1],
    "one pixel": lambda a: np.broadcast_to(a[0, 0], a.shape),
    "channels first": lambda a: a.transpose(2, 0, 1).copy().transpose(1, 2, 0),
    "read only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_any_view_shows_what_it_holds(view: Any, dtype: Any) -> None:
    """Lost otherwise: np.flip(frame) would show garbage, or not be flipped."""
    picture = blocks().repeat(2, 0).repeat(2, 1)
    if dtype == np.uint16:
        picture = picture.astype(np.uint16) << 8
    elif dtype == np.float32:
        picture = picture.astype(np.float32) / 255
    array = view(picture)
    plain = np.ascontiguousarray(array)
    assert largest_difference(to_frame(array, "rgb"), to_frame(plain, "rgb")) <= 2
    assert largest_difference(to_frame(array, "bgr"), to_frame(plain, "bgr")) <= 2


def test_a_mirrored_picture_is_mirrored() -> None:
    """Lost otherwise: left and right would be what they were before the handler."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:8, :24] = (255, 0, 0)
    for axis, y, x in ((0, 47, 0), (1, 0, 63), ((0, 1), 47, 63)):
        back = to_array(to_frame(np.flip(picture, axis), "rgb"), "rgb").astype(int)
        assert abs(back[y, x] - [255, 0, 0]).max() <= 4
        assert back[24, 32].max() <= 4
        assert back[47 - y, 63 - x].max() <= 4


def test_the_array_may_be_used_again() -> None:
    """Lost otherwise: a handler with one buffer would send its next picture twice."""
    for make in (np.uint8, np.float32):
        array = np.ones((48, 64, 3), make)
        frame = to_frame(array, "bgr")
        before = [plane.copy() for plane in planes(frame)]
        array[:] = 0
        array[:] = 255 if make is np.uint8 else 0.5
        for plane, old in zip(planes(frame), before, strict=True):
            assert (plane == old).all()


@pytest.mark.parametrize(
    ("shape", "size"),
    [((49, 65), (64, 48)), ((49, 64), (64, 48)), ((3, 3), (2, 2)), ((2, 5), (4, 2))],
)
@pytest.mark.parametrize("view", ["plain", "left and right", "transposed"])
def test_an_odd_row_and_column_are_cut_off_at_the_end(
    shape: Any, size: Any, view: str
) -> None:
    """Lost otherwise: odd sizes would crash the encoder or show a green edge."""
    array = np.zeros((*shape, 3), np.uint8)
    if view == "transposed":
        array = np.zeros((shape[1], shape[0], 3), np.uint8).swapaxes(0, 1)
    elif view != "plain":
        array = VIEWS[view](array)
    array[size[1] :] = 255
    array[:, size[0] :] = 255
    frame = to_frame(array, "bgr")
    assert (frame.width, frame.height) == size
    assert planes(frame)[0].max() <= 17


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1)])
def test_grey_is_shown_as_grey(shape: Any) -> None:
    """Lost otherwise: edge detectors and masks would have to be stacked by hand."""
    grey = np.linspace(0, 255, 48 * 64).astype(np.uint8).reshape(shape)
    three = np.repeat(grey.reshape(48, 64, 1), 3, 2)
    assert largest_difference(to_frame(grey, "bgr"), to_frame(three, "bgr")) <= 1
    assert planes(to_frame(grey, "bgr"))[0][-1, -1] == 235


@pytest.mark.parametrize("color", ["bgr", "rgb"])
@pytest.mark.parametrize("axis", [(), 1, 2])
def test_alpha_is_dropped(color: Color, axis: Any) -> None:
    """Lost otherwise: pictures with transparency would come in wrong colours."""
    array = np.flip(np.flip(blocks(channels=4), axis), axis)
    array[..., 3] = 7
    plain = np.ascontiguousarray(array[..., :3])
    assert largest_difference(to_frame(array, color), to_frame(plain, color)) <= 2


def test_four_channels_in_reverse_are_read_in_reverse() -> None:
    """Lost otherwise: a view's first channel would be taken for its alpha."""
    array = blocks(channels=4)[..., ::-1]
    plain = np.ascontiguousarray(array)
    assert largest_difference(to_frame(array, "rgb"), to_frame(plain, "rgb")) == 0


@pytest.mark.parametrize(
    ("value", "luma"),
    [
        (0.0, 16),
        (1.0, 235),
        (0.5, 126),
        (-3.0, 16),
        (200.0, 235),
        (np.inf, 235),
        (-np.inf, 16),
        (np.nan, 16),
        (3e38, 235),
    ],
)
def test_float32_is_zero_to_one_and_clipped(value: float, luma: int) -> None:
    """Lost otherwise: a model's picture would wrap around at its brightest spots."""
    array = np.full((40, 64, 3), value, np.float32)
    assert abs(planes(to_frame(array, "bgr"))[0] - luma).max() <= 1
    assert abs(planes(to_frame(array[..., 0], "bgr"))[0] - luma).max() <= 1


@pytest.mark.parametrize(("value", "same_as"), [(100.4, 100), (100.6, 101)])
def test_float32_is_rounded(value: float, same_as: int) -> None:
    """Lost otherwise: every pass through a float model would darken the picture."""
    given = to_frame(np.full((48, 64), value / 255, np.float32), "bgr")
    expected = to_frame(np.full((48, 64), same_as, np.uint8), "bgr")
    assert largest_difference(given, expected) == 0


def test_float32_and_uint16_equal_uint8() -> None:
    """Lost otherwise: rows would be missing or shifted in these types."""
    picture = blocks(64, 98)
    expected = to_frame(picture, "bgr")
    as_float = picture.astype(np.float32) / 255
    as_words = picture.astype(np.uint16) * 256 + 255
    assert largest_difference(to_frame(as_float, "bgr"), expected) == 0
    assert largest_difference(to_frame(as_words, "bgr"), expected) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect is called by number")
def test_nothing_past_the_end_of_the_array_is_read() -> None:
    """Lost otherwise: the server would die of a picture that ends with its page."""
    program = """
import ctypes, mmap
import numpy as np
from fastrtc.pictures import to_frame
for width in (2, 6, 14, 34, 66, 642):
    for channels in (1, 3, 4):
        size = width * 4 * channels
        pages = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        memory = mmap.mmap(-1, pages + mmap.PAGESIZE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        end = ctypes.c_void_p(start + pages)
        assert ctypes.CDLL(None).mprotect(end, mmap.PAGESIZE, 0) == 0
        array = np.frombuffer(memory, np.uint8, size, pages - size)
        for color in ("bgr", "rgb"):
            to_frame(array.reshape(4, width, channels), color)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


# -- memory that is used again -----------------------------------------------


def address(frame: av.VideoFrame) -> int:
    return frame.planes[0].buffer_ptr


def test_memory_is_used_again_but_never_while_somebody_has_it() -> None:
    """Lost otherwise: a picture would change while it is encoded; or each would cost
    the system 1,000 pages."""
    held = [to_frame(flat((n, 0, 0)), "rgb") for n in range(0, 250, 50)]
    before = [[plane.copy() for plane in planes(frame)] for frame in held]
    assert len({address(frame) for frame in held}) == len(held)
    free = address(held.pop())
    again = to_frame(flat((0, 9, 99)), "rgb")
    assert address(again) == free
    for frame, old in zip(held, before, strict=False):
        for plane, same in zip(planes(frame), old, strict=True):
            assert (plane == same).all()


def test_a_frame_outlives_the_thread_that_made_it() -> None:
    """Lost otherwise: the last picture of a generator would crash the process."""
    with ThreadPoolExecutor(1) as pool:
        frame = pool.submit(to_frame, flat((255, 0, 0)), "rgb").result()
    to_frame(flat((0, 0, 0)), "rgb")
    for plane, part in zip(planes(frame), (81, 90, 240), strict=True):
        assert abs(plane - part).max() <= 2


def test_many_threads_may_make_frames() -> None:
    """Lost otherwise: two users would see each other's pictures."""
    sizes = [(48, 64), (64, 48), (48, 64)]

    def differences(seed: int) -> int:
        picture = blocks(*sizes[seed % 3])
        picture[:] = picture + np.uint8(seed)
        mirrored = np.ascontiguousarray(picture[:, ::-1])
        one, other = to_frame(mirrored, "bgr"), to_frame(picture[:, ::-1], "bgr")
        back = to_array(one, "bgr").astype(int) - to_array(other, "bgr")
        return int(abs(back).max())

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(differences, range(200))) <= 2


def test_a_picture_that_was_broken_off_is_not_shown_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lost otherwise: after one interrupt all pictures of a thread would come late by
    one, for good, and the first to another user."""

    class Interrupted:
        def __init__(self, graph: Any) -> None:
            self._graph = graph
            self.vpull = graph.vpull

        def vpush(self, frame: av.VideoFrame) -> None:
            self._graph.vpush(frame)
            if plane_bytes(frame.planes[0]).max() == 255:
                raise KeyboardInterrupt

    make = loading._graph
    monkeypatch.setattr(loading, "_graph", lambda *form: Interrupted(make(*form)))
    black, white = flat((0, 0, 0)), flat((255, 255, 255))
    grey = flat((128, 128, 128))
    monkeypatch.setattr(loading, "_own", threading.local())
    to_frame(black, "rgb")
    with pytest.raises(KeyboardInterrupt):
        to_frame(white, "rgb")
    for luma, picture in ((16, black), (126, grey)):
        assert abs(planes(to_frame(picture, "rgb"))[0] - luma).max() <= 1


@pytest.mark.parametrize("view", ["up and down", "left and right", "quarter turn"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_older_pyav_without_pools_gives_the_same(
    monkeypatch: pytest.MonkeyPatch, view: str, channels: int
) -> None:
    """Lost otherwise: whoever has to keep an older PyAV would have no video."""
    picture = VIEWS[view](blocks(38, 26, channels))
    usual = to_frame(picture, "bgr")
    monkeypatch.setattr(loading, "_HAS_POOLS", False)
    monkeypatch.setattr(loading, "_own", threading.local())
    assert largest_difference(to_frame(picture, "bgr"), usual) == 0


# -- other kinds of picture --------------------------------------------------


class Tensor:
    """As torch does it: numpy asks for an array."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.array is None:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        return self.array


class Interface:
    def __init__(self, array: Any) -> None:
        self.__array_interface__ = array.__array_interface__
        self.array = array


@pytest.mark.parametrize("kind", [Tensor, Interface])
def test_what_numpy_can_read_is_a_picture(kind: Any) -> None:
    """Lost otherwise: a model's tensor would have to be unpacked by hand."""
    picture = blocks()
    given = to_frame(kind(picture), "bgr")
    assert largest_difference(given, to_frame(picture, "bgr")) == 0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "1", "CMYK"])
@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_a_pil_image_is_rgb_whatever_the_stream_is(mode: str, color: Color) -> None:
    """Lost otherwise: images from files would come with red and blue swapped."""
    image = PIL.Image.fromarray(flat((255, 0, 0))).convert(mode)
    expected = to_frame(np.asarray(image.convert("RGB")), "rgb")
    assert largest_difference(to_frame(image, color), expected) == 0
    if mode == "RGB":
        assert abs(planes(expected)[2] - 240).max() <= 2


@pytest.mark.parametrize(
    ("pixel_format", "expected"),
    [
        ("rgb24", (81, 90, 240)),
        ("bgra", (81, 90, 240)),
        ("yuv420p", (81, 90, 240)),
        ("yuv444p", (81, 90, 240)),
        ("yuv420p10le", (81, 90, 240)),
        ("yuvj420p", (81, 90, 240)),
        ("gray", (82, 128, 128)),
    ],
)
def test_a_generator_may_yield_frames_of_any_format(
    pixel_format: str, expected: Any
) -> None:
    """Lost otherwise: frames decoded from a file would have to become arrays first."""
    red = av.VideoFrame.from_ndarray(flat((255, 0, 0)), "rgb24")
    given = red.reformat(format=pixel_format)
    frame = to_frame(given, "bgr")
    for plane, part in zip(planes(frame), expected, strict=True):
        assert abs(plane - part).max() <= 2
    assert frame.color_range == LIMITED_RANGE


def test_a_frame_s_range_and_matrix_become_the_wire_s() -> None:
    """Lost otherwise: an HD film would be shown in slightly wrong colours."""
    red = yuv(63, 102, 240)
    red.colorspace = BT709
    film = to_frame(red, "bgr")
    for plane, part in zip(planes(film), (81, 90, 240), strict=True):
        assert abs(plane - part).max() <= 3
    white = yuv(255, 128, 128)
    white.color_range = FULL_RANGE
    assert abs(planes(to_frame(white, "bgr"))[0] - 235).max() <= 1
    by_name = av.VideoFrame(64, 48, "yuvj420p")
    for plane, value in zip(by_name.planes, (255, 128, 128), strict=True):
        plane_bytes(plane)[:] = value
    assert abs(planes(to_frame(by_name, "bgr"))[0] - 235).max() <= 1
    assert to_array(by_name, "rgb").min() >= 253


@pytest.mark.parametrize("pixel_format", ["yuv420p", "rgb24"])
def test_a_given_frame_is_copied_and_made_even(pixel_format: str) -> None:
    """Lost otherwise: a frame yielded twice would lose its own time stamps."""
    given = av.VideoFrame.from_ndarray(flat((0, 0, 255), width=65, height=49), "rgb24")
    given = given.reformat(format=pixel_format)
    given.pts = 77
    frame = to_frame(given, "bgr")
    assert frame is not given
    assert (frame.width, frame.height, given.pts) == (64, 48, 77)
    plane_bytes(given.planes[0])[:] = 0
    assert abs(planes(frame)[0] - 41).max() <= 2


# -- what is not allowed -----------------------------------------------------

PICTURE = flat((1, 2, 3))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("text", "got a str, expected None, a picture"),
        ([[1, 2], [3, 4]], "got a list"),
        (np.ndarray, "got a type"),
        (AdditionalOutputs, "got a type"),
        (3, "got a int"),
        (np.uint8(3), r"not \(\)"),
        (np.zeros(9, np.uint8), r"not \(9,\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"not \(1, 4, 4, 3\)"),
        (np.zeros((3, 48, 64), np.uint8), r"must have the shape .* not \(3, 48, 64\)"),
        (np.zeros((48, 64, 2), np.uint8), r"not \(48, 64, 2\)"),
        (np.zeros((48, 64, 0), np.uint8), r"not \(48, 64, 0\)"),
        (PICTURE.astype(np.float64), "uint8, uint16 or float32 .* not float64"),
        (PICTURE.astype(np.int64), "not int64"),
        (PICTURE > 1, "not bool"),
        (PICTURE.astype(object), "not object"),
        (np.zeros((0, 64, 3), np.uint8), "2 to 4096 pixels long, not 64 x 0"),
        (np.zeros((48, 1, 3), np.uint8), "not 1 x 48"),
        (np.broadcast_to(PICTURE[0, 0], (4097, 8, 3)), "not 8 x 4097"),
        (np.broadcast_to(PICTURE[0, 0], (8, 10**6, 3)), "not 1000000 x 8"),
        (av.VideoFrame(4098, 2, "gray"), "not 4098 x 2"),
        (av.VideoFrame(0, 0, "yuv420p"), "not 0 x 0"),
        (Tensor(None), "numpy can't read this Tensor: can't convert cuda:0"),
        ((24_000, np.zeros((1, 9), np.int16)), r"got \(int, ndarray\)"),
        ((PICTURE,), r"got \(ndarray\)"),
        ((PICTURE, PICTURE), r"got \(ndarray, ndarray\)"),
        ((PICTURE, None), r"got \(ndarray, NoneType\)"),
        ((PICTURE, AdditionalOutputs(), CloseStream()), "got .ndarray, Additional"),
        (("text", AdditionalOutputs(1)), "got a str"),
        ((CloseStream(), AdditionalOutputs(1)), "got a CloseStream"),
        ((), r"got \(\)"),
    ],
)
def test_what_is_not_allowed_gets_an_error_that_says_what_is(
    value: object, says: str
) -> None:
    """Lost otherwise: a wrong return value would be a black picture or a crash."""
    with pytest.raises(OutputError, match=says):
        parse_picture_emission(value, "bgr")


def test_the_largest_and_the_smallest_picture_are_allowed() -> None:
    """Lost otherwise: the stated bounds would not be the real ones."""
    for shape in ((2, 4096), (4096, 2), (2, 2)):
        frame = to_frame(np.zeros(shape, np.uint8), "bgr")
        assert (frame.height, frame.width) == shape


# -- parse_picture_emission --------------------------------------------------


def test_nothing_outputs_and_ends() -> None:
    """Lost otherwise: a handler could neither skip a frame nor hang up."""
    outputs, close = AdditionalOutputs(1), CloseStream("bye")
    assert parse_picture_emission(None, "bgr") is NOTHING
    assert parse_picture_emission(outputs, "bgr") == Emission(outputs=outputs)
    assert parse_picture_emission(close, "bgr") == Emission(close=close)
    both = parse_picture_emission((None, outputs), "bgr")
    assert both == Emission(outputs=outputs)


@pytest.mark.parametrize("last", [None, AdditionalOutputs(1), CloseStream()])
@pytest.mark.parametrize("color", ["bgr", "rgb"])
def test_a_picture_alone_or_with_either(last: Any, color: Color) -> None:
    """Lost otherwise: a detector could not send its picture and its result."""
    picture = flat((255, 0, 0), color)
    value = picture if last is None else (picture, last)
    emission = parse_picture_emission(value, color)
    assert emission.picture is not None
    assert abs(planes(emission.picture)[0] - 81).max() <= 2
    assert not emission.empty
    assert emission.clip is None
    if last is not None:
        assert last in (emission.outputs, emission.close)


def test_a_frame_goes_through_as_a_picture() -> None:
    """Lost otherwise: a generator that decodes a file would be refused."""
    outputs = AdditionalOutputs(1)
    emission = parse_picture_emission((yuv(81, 90, 240), outputs), "bgr")
    assert emission.picture is not None
    assert emission.outputs is outputs

"""People who never were: drawn pictures for cameras and bots in screenshots."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import av
from PIL import Image, ImageColor, ImageDraw, ImageFilter

FPS = 15


class Colours(NamedTuple):
    """Of a picture, as names or hexadecimal numbers."""

    wall: str
    light: str
    clothes: str
    hair: str
    skin: str


USER = Colours("#8d9b83", "#dcd6c4", "#3d4a3a", "#4a3527", "#dfae8c")
BOT = Colours("#31456e", "#b79c86", "#20304f", "#1f1d2b", "#e9bf9f")
SCALE = 2
"""Drawn so much larger, for smooth edges."""


def portrait(width: int, height: int, colours: Colours) -> Image.Image:
    """Somebody before a wall with a window, RGB."""
    w, h = width * SCALE, height * SCALE
    image = Image.blend(
        Image.new("RGB", (w, h), colours.wall),
        Image.new("RGB", (w, h), colours.light),
        0.25,
    )
    light = (
        Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).resize((w, h))
    )
    image.paste(Image.new("RGB", (w, h), colours.light), mask=light.resize((w, h)))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle(_box(w * 0.2, h * 0.3, h * 0.2, h * 0.2), 8, "#f4f1ea")
    draw.rectangle(_box(w * 0.2, h * 0.3, 3, h * 0.2), colours.wall)
    image = image.filter(ImageFilter.GaussianBlur(h / 60))
    _person(ImageDraw.Draw(image), w / 2, h, colours)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _person(draw: ImageDraw.ImageDraw, x: float, h: float, colours: Colours) -> None:
    draw.ellipse(_box(x, h * 0.43, h * 0.2, h * 0.24), colours.hair)
    draw.ellipse(_box(x, h * 1.12, h * 0.44, h * 0.4), colours.clothes)
    neck = _box(x, h * 0.68, h * 0.075, h * 0.11)
    draw.rounded_rectangle(neck, h * 0.06, _shaded(colours.skin))
    draw.ellipse(_box(x, h * 0.47, h * 0.155, h * 0.2), colours.skin)
    draw.chord(_box(x, h * 0.4, h * 0.17, h * 0.17), 180, 360, colours.hair)
    for side in (-1, 1):
        eye_x = x + side * h * 0.06
        draw.ellipse(_box(eye_x, h * 0.47, h * 0.014, h * 0.018), "#2a2320")
    mouth = _box(x, h * 0.54, h * 0.06, h * 0.045)
    draw.arc(mouth, 25, 155, "#8d4a3e", width=max(2, round(h / 110)))


def _shaded(colour: str) -> tuple[int, ...]:
    return tuple(round(part * 0.88) for part in ImageColor.getrgb(colour))


def _box(
    x: float, y: float, half_width: float, half_height: float
) -> tuple[float, float, float, float]:
    return (x - half_width, y - half_height, x + half_width, y + half_height)


def write_film(path: Path, image: Image.Image) -> None:
    """One second of a picture, as Chromium takes it for a camera (Y4M)."""
    frame = av.VideoFrame.from_image(image)
    planes = frame.reformat(format="yuv420p").to_ndarray().tobytes()
    head = f"YUV4MPEG2 W{image.width} H{image.height} F{FPS}:1 Ip A1:1 C420mpeg2\n"
    path.write_bytes(head.encode() + FPS * (b"FRAME\n" + planes))

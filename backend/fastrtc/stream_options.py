"""What a stream is told beside its handler, checked as early as can be."""

from __future__ import annotations

import os
import sys
from typing import Literal, cast

from typing_extensions import NotRequired, TypedDict

from .errors import ConfigurationError

ConcurrencyLimit = int | Literal["default"] | None


class UIArgs(TypedDict):
    """How the default page looks; every key may be left out.

    Keys:
        title, subtitle: text or HTML above the component.
        icon: path or URL of an image shown instead of the wave.
        icon_button_color, pulse_color: CSS colours.
        icon_radius: corner radius of the icon, percent of its size.
        send_input_on: send inputs when they change, or when they are submitted.
        hide_title: no title and subtitle.
        full_screen: fill the page; default True.
        variant: `"textbox"`, to type as well as speak.
    """

    title: NotRequired[str]
    subtitle: NotRequired[str]
    icon: NotRequired[str]
    icon_button_color: NotRequired[str]
    pulse_color: NotRequired[str]
    icon_radius: NotRequired[int]
    send_input_on: NotRequired[Literal["submit", "change"]]
    hide_title: NotRequired[bool]
    full_screen: NotRequired[bool]
    variant: NotRequired[Literal["textbox"]]


def as_limit(concurrency_limit: ConcurrencyLimit) -> int | None:
    """A session limit from the argument of that name.

    Raises:
        ConfigurationError: it is no positive int, "default" or None.
    """
    if concurrency_limit is None:
        return None
    if concurrency_limit == "default":
        return 1
    value = cast("object", concurrency_limit)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(
            'concurrency_limit must be a positive int, "default" (1) or None (no '
            f"limit), not {value!r}"
        )
    return value


def as_bit_rate(video_bit_rate: int | None) -> int | None:
    """A checked bit rate.

    Raises:
        ConfigurationError: it is no int of 50,000 or more.
    """
    value = cast("object", video_bit_rate)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 50_000:
        raise ConfigurationError(
            "video_bit_rate is in bits per second, from 50_000 on, for example "
            f"2_000_000, not {value!r}"
        )
    return value


def check_variant(variant: str | None) -> None:
    """Refuse looks of the page that are not there.

    Raises:
        ConfigurationError: it is neither "wave" nor "textbox".
    """
    if variant not in (None, "wave", "textbox"):
        raise ConfigurationError(
            f'variant must be "wave" or "textbox", not {variant!r}'
        )


def hosted_environment() -> str | None:
    """The hosted service this process runs on that blocks direct connections."""
    if os.environ.get("SYSTEM") == "spaces":
        return "Hugging Face Spaces"
    if "google.colab" in sys.modules:
        return "Google Colab"
    return None

"""The older import name of `fastrtc`: everything is there."""

from typing import Any

import fastrtc
from fastrtc import *  # noqa: F403 - this package is fastrtc by another name


def __getattr__(name: str) -> Any:
    """Names that fastrtc imports when they are asked for."""
    return getattr(fastrtc, name)


__all__ = fastrtc.__all__  # pyright: ignore[reportUnsupportedDunderAll]

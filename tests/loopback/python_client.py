"""What the tests of `fastrtc.client` share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray

from fastrtc.client import (
    Call,
)

from .support import PATIENCE_S

T = TypeVar("T")
TRANSPORTS: Any = ["webrtc", "websocket"]
BOTH = pytest.mark.parametrize("transport", TRANSPORTS)


async def first(items: AsyncIterator[T], wanted: Any = lambda _: True) -> T:
    """The first item that is wanted, within patience."""

    async def find() -> T:
        async for item in items:
            if wanted(item):
                return item
        raise AssertionError("it ended first")

    return await asyncio.wait_for(find(), PATIENCE_S)


async def hear(call: Call, seconds: float) -> NDArray[np.int16]:
    """So much of what it says next."""
    heard: list[Any] = []
    rate_hz = 0

    async def listen() -> None:
        nonlocal rate_hz
        async for rate_hz, samples in call.audio():
            heard.append(samples)
            if sum(part.shape[1] for part in heard) >= seconds * rate_hz:
                return

    await asyncio.wait_for(listen(), PATIENCE_S)
    return np.concatenate(heard, axis=1)[0]


def kind_of(kind: type) -> Any:
    return lambda message: isinstance(message, kind)

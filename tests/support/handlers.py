"""Handlers and clips that tests of several rooms use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastrtc.handlers.base import AsyncStreamHandler, StreamHandler
from fastrtc.outputs import Clip


def tone(
    seconds: float, rate_hz: int = 24_000, hz: float = 440.0, channels: int = 1
) -> NDArray[np.int16]:
    """A sine of amplitude 8000, int16 (channels, samples)."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = (8000 * np.sin(2 * np.pi * hz * t)).astype(np.int16)
    return np.repeat(wave.reshape(1, -1), channels, axis=0)


def clip(seconds: float, rate_hz: int = 24_000, channels: int = 1) -> Clip:
    """A tone as the playout takes it."""
    return Clip(rate_hz, tone(seconds, rate_hz, channels=channels))


def ramp(samples: int, rate_hz: int = 24_000, first: int = 1) -> Clip:
    """A clip whose every sample is its own number, to be counted."""
    values = np.arange(first, first + samples, dtype=np.int16)
    return Clip(rate_hz, values.reshape(1, -1))


class SyncHandler(StreamHandler):
    """A StreamHandler of functions; what is not given does nothing."""

    def __init__(
        self,
        emit: Callable[[SyncHandler], Any] | None = None,
        receive: Callable[[SyncHandler, Any], Any] | None = None,
        start_up: Callable[[SyncHandler], Any] | None = None,
        shutdown: Callable[[SyncHandler], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._functions = (emit, receive, start_up, shutdown)
        self._kwargs = kwargs

    def emit(self) -> Any:
        function = self._functions[0]
        return None if function is None else function(self)

    def receive(self, frame: Any) -> Any:
        function = self._functions[1]
        return None if function is None else function(self, frame)

    def start_up(self) -> Any:
        function = self._functions[2]
        return None if function is None else function(self)

    def shutdown(self) -> Any:
        function = self._functions[3]
        return None if function is None else function(self)

    def copy(self) -> SyncHandler:
        return SyncHandler(*self._functions, **self._kwargs)


class AsyncHandler(AsyncStreamHandler):
    """The same with coroutine functions."""

    def __init__(
        self,
        emit: Callable[[AsyncHandler], Any] | None = None,
        receive: Callable[[AsyncHandler, Any], Any] | None = None,
        start_up: Callable[[AsyncHandler], Any] | None = None,
        shutdown: Callable[[AsyncHandler], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._functions = (emit, receive, start_up, shutdown)
        self._kwargs = kwargs

    async def emit(self) -> Any:
        function = self._functions[0]
        return None if function is None else await function(self)

    async def receive(self, frame: Any) -> Any:
        function = self._functions[1]
        return None if function is None else await function(self, frame)

    async def start_up(self) -> Any:
        function = self._functions[2]
        return None if function is None else await function(self)

    async def shutdown(self) -> Any:
        function = self._functions[3]
        return None if function is None else await function(self)

    def copy(self) -> AsyncHandler:
        return AsyncHandler(*self._functions, **self._kwargs)

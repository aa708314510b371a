"""The handlers that users derive from."""

from __future__ import annotations

import asyncio
import copy as copying
import warnings
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from ..errors import ArgsTimeoutError, ConfigurationError, SessionClosedError
from ..options import ARGS_TIMEOUT_S
from ..outputs import EmitType, VideoEmitType
from ..pictures import Color
from .link import Channel, Link

AudioFrame: TypeAlias = tuple[int, NDArray[np.int16]]
VideoFrame: TypeAlias = NDArray[np.uint8]
WEBRTC_VALUE = "__webrtc_value__"
FRAMES_PER_S = 50
MAX_FPS = 120


class StreamHandlerBase(ABC):
    """What all handlers share. One copy serves one session.

    Args:
        expected_layout: of the frames `receive` gets; stereo is interleaved.
        output_sample_rate: of what `emit` gives, Hz, a multiple of 50.
        output_frame_size: no longer used: frames are 20 ms. Kept for old programs.
        input_sample_rate: of the frames `receive` gets, Hz.
        fps: frames per second of emitted video.

    Attributes:
        latest_args: the values of the additional inputs, from index 1 on. Index 0
            is `"__webrtc_value__"`, or a `WebRTCData` in the textbox variant.
        args_set: an asyncio.Event, set once the inputs have come.

    Raises:
        ConfigurationError: (a ValueError) `output_sample_rate` is no multiple of 50.
    """

    receives_on_loop: ClassVar[bool] = False
    """`receive` never blocks, so it is called on the event loop itself."""

    starts_on_loop: ClassVar[bool] = False
    """The same of `start_up`."""

    pushes: ClassVar[bool] = False
    """Output is pushed to the session; `emit` is not asked for any."""

    expected_layout: Literal["mono", "stereo"] = "mono"
    output_sample_rate: int = 24_000
    input_sample_rate: int = 48_000
    output_frame_size: int = 24_000 // FRAMES_PER_S
    fps: int = 30
    color: Color = "bgr"
    """Order of the channels of the pictures that `video_receive` gets and
    `video_emit` gives: "bgr", or "rgb"."""

    latest_args: list[Any]
    args_set: asyncio.Event
    channel_set: asyncio.Event
    phone_mode: bool
    _link: Link | None
    _detached: bool

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        # Here and not in __init__: handlers that forget super().__init__() work.
        self = super().__new__(cls)
        self._reset_session_state()
        return self

    def __init__(
        self,
        expected_layout: Literal["mono", "stereo"] = "mono",
        output_sample_rate: int = 24_000,
        output_frame_size: int | None = None,
        input_sample_rate: int = 48_000,
        fps: int = 30,
    ) -> None:
        if expected_layout not in ("mono", "stereo"):
            raise ConfigurationError(
                f'expected_layout must be "mono" or "stereo", not {expected_layout!r}'
            )
        if output_sample_rate <= 0 or output_sample_rate % FRAMES_PER_S:
            raise ConfigurationError(
                f"output_sample_rate must be a multiple of 50, got {output_sample_rate}"
            )
        if input_sample_rate <= 0:
            raise ConfigurationError(
                f"input_sample_rate must be positive, got {input_sample_rate}"
            )
        self.expected_layout = expected_layout
        self.output_sample_rate = output_sample_rate
        self.input_sample_rate = input_sample_rate
        self.fps = fps
        self.output_frame_size = output_sample_rate // FRAMES_PER_S
        if output_frame_size not in (None, self.output_frame_size):
            warnings.warn(
                f"output_frame_size={output_frame_size} has no effect: frames are "
                f"20 ms, {self.output_frame_size} samples at {output_sample_rate} Hz.",
                UserWarning,
                stacklevel=2,
            )

    def _reset_session_state(self) -> None:
        self.latest_args = []
        self.args_set = asyncio.Event()
        self.channel_set = asyncio.Event()
        self.phone_mode = False
        self._link = None
        self._detached = False

    # -- the session -------------------------------------------------------------

    def attach(self, link: Link) -> None:
        """Called once, before anything else, by the session this copy serves."""
        self._link = link

    def detach(self) -> None:
        """Called once when the session has ended; whoever waits for it is woken."""
        self._detached = True
        self.args_set.set()

    @property
    def channel(self) -> Channel | None:
        """The message channel to the client, None before the session starts."""
        return self._link.channel if self._link else None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop the session runs on."""
        return self._attached().loop

    @property
    def clear_queue(self) -> Callable[[], None]:
        """Call it to drop all audio that waits to be heard; from any thread."""
        return self._clear

    def _clear(self) -> None:
        self._on_loop(self._attached().clear)

    def _on_loop(self, action: Callable[[], object]) -> None:
        """Do it on the session's loop: at once if this is it, else soon."""
        if _running_loop() is self.loop:
            action()
        else:
            self.loop.call_soon_threadsafe(action)

    def _attached(self) -> Link:
        if self._link is None:
            raise SessionClosedError(
                f"This {type(self).__name__} serves no session: only the copy that "
                "was made for a client does."
            )
        return self._link

    # -- messages ----------------------------------------------------------------

    async def send_message(self, msg: str) -> None:
        """Send a text to the client; `create_message` makes well-formed ones."""
        self._attached().channel.send(msg)

    def send_message_sync(self, msg: str) -> None:
        """The same from a thread."""
        self._attached().channel.send(msg)

    # -- inputs ------------------------------------------------------------------

    def set_args(self, args: list[Any]) -> None:
        """Take the values of the additional inputs.

        Raises:
            TypeError: `args` is no list.
            ConfigurationError: (a ValueError) it is empty.
        """
        if not isinstance(cast("object", args), list):
            raise TypeError("args must be a list")
        if not args:
            raise ConfigurationError("args cannot be empty")
        if hasattr(args[0], "webrtc_id"):
            self.latest_args = list(args)
        else:
            self.latest_args = [WEBRTC_VALUE, *args]
        self.args_set.set()

    async def fetch_args(self) -> None:
        """Ask the page for its inputs, without waiting for them."""
        self._attached().request_inputs()

    async def wait_for_args(self, timeout_s: float = ARGS_TIMEOUT_S) -> None:
        """Wait until the inputs are there; over the phone there are none.

        Raises:
            ArgsTimeoutError: nothing came in `timeout_s` seconds.
            SessionClosedError: the session ended meanwhile.
        """
        if self.phone_mode:
            self.args_set.set()
        try:
            if not self.args_set.is_set():
                await self.fetch_args()
                await asyncio.wait_for(self.args_set.wait(), timeout_s)
        except asyncio.TimeoutError:
            raise ArgsTimeoutError(
                f"No inputs came in {timeout_s:g} s: the page has none, or nobody "
                "calls set_input for this webrtc_id."
            ) from None
        if self._detached:
            raise SessionClosedError("The session ended while its inputs were awaited.")

    def wait_for_args_sync(self, timeout_s: float = ARGS_TIMEOUT_S) -> None:
        """The same from a thread.

        Raises:
            ArgsTimeoutError: nothing came in `timeout_s` seconds.
            SessionClosedError: the session ended meanwhile.
            ConfigurationError: called on the event loop, which would wait for itself.
        """
        if _running_loop() is self.loop:
            raise ConfigurationError(
                "wait_for_args_sync() would block the event loop it waits for: "
                "await self.wait_for_args() instead"
            )
        loop = self.loop
        asyncio.run_coroutine_threadsafe(self.wait_for_args(timeout_s), loop).result()

    def fresh_copy(self) -> StreamHandlerBase:
        """A shallow copy with the session's own state made new."""
        made = copying.copy(self)
        made._reset_session_state()
        return made

    # -- for users to define -----------------------------------------------------

    def reset(self) -> None:
        """Forget that inputs have come."""
        self.args_set.clear()

    def greet(self) -> Any:
        """Speak first: what it gives is heard when the client is connected.

        A generator function, an async one, or one that returns a single value, of
        what `emit` gives. `emit` is asked when it has ended; `clear_queue` ends it.
        """
        return None

    def receive_text(self, text: str) -> Any:
        """Take what the user typed instead of saying it; may be a coroutine function.

        Nothing becomes of it unless a handler defines this. `ReplyOnPause` answers.
        """
        return None

    def receive_dtmf(self, digit: str) -> Any:
        """Take a key the caller pressed on the telephone; may be a coroutine function.

        Nothing becomes of it unless a handler defines this. Keys come one after the
        other, and in order with `receive_text`.

        Args:
            digit: one of `0123456789*#ABCD`.
        """
        return None

    def patience_ms(self) -> float:
        """How much more of the user's audio may gather before `receive` gets it.

        The frames are the same and come in bursts, which costs less CPU. For
        handlers that know that nothing they hear before then makes them act.
        """
        return 0.0

    def shutdown(self) -> Any:
        """Called once when the session ends; may be a coroutine function."""
        return None

    @abstractmethod
    def copy(self) -> StreamHandlerBase:
        """A fresh handler for a new session."""


class StreamHandler(StreamHandlerBase):
    """A handler with ordinary methods. They may block: each runs in a thread."""

    def start_up(self) -> Any:
        """Called once when the session starts, beside `receive` and `emit`."""

    @abstractmethod
    def receive(self, frame: AudioFrame) -> Any:
        """Take 20 ms of the user's audio.

        Args:
            frame: `(sample_rate, array)`, int16 of shape (1, samples).
        """

    @abstractmethod
    def emit(self) -> EmitType | Awaitable[EmitType]:
        """Give the next piece of audio for the user; None when there is none.

        Asked again at once after it gave something; after None, when the next
        frame was received or 10 ms later. It may block.
        """


class AsyncStreamHandler(StreamHandlerBase):
    """A handler with coroutine methods. They must not block the event loop."""

    async def start_up(self) -> None:
        """Called once when the session starts, beside `receive` and `emit`."""

    @abstractmethod
    async def receive(self, frame: AudioFrame) -> None:
        """Take 20 ms of the user's audio: `(sample_rate, int16 (1, samples))`."""

    @abstractmethod
    async def emit(self) -> EmitType:
        """Give the next piece of audio for the user; None when there is none."""


class AudioVideoStreamHandler(StreamHandler):
    """The same with video both ways."""

    @abstractmethod
    def video_receive(self, frame: VideoFrame) -> Any:
        """Take a video frame: uint8 (height, width, 3), BGR."""

    @abstractmethod
    def video_emit(self) -> VideoEmitType:
        """Give the next video frame: uint8 (height, width, 3), BGR."""


class AsyncAudioVideoStreamHandler(AsyncStreamHandler):
    """The same with video both ways, as coroutines."""

    @abstractmethod
    async def video_receive(self, frame: VideoFrame) -> None:
        """Take a video frame: uint8 (height, width, 3), BGR."""

    @abstractmethod
    async def video_emit(self) -> VideoEmitType:
        """Give the next video frame: uint8 (height, width, 3), BGR."""


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def copy_handler(handler: StreamHandlerBase) -> StreamHandlerBase:
    """A copy for a new session, whatever the user's `copy` returns.

    Raises:
        ConfigurationError: `copy` returned something else than a handler, or one
            whose `fps` can't be.
    """
    made = cast("object", handler.copy())
    if not isinstance(made, StreamHandlerBase):
        raise ConfigurationError(
            f"{type(handler).__name__}.copy() must return a handler, "
            f"not {type(made).__name__}"
        )
    if made is handler:
        made = handler.fresh_copy()
    elif made.args_set is handler.args_set:
        # Of copy.copy(self), which shares them.
        made = made.fresh_copy()
    check_fps(made.fps)
    return made


def check_fps(fps: object) -> None:
    """Refuse frames per second that can't be.

    Raises:
        ConfigurationError: it is no number above 0, up to 120.
    """
    if isinstance(fps, bool) or not isinstance(fps, int | float):
        raise ConfigurationError(f"fps must be a number, not {fps!r}")
    if not 0 < fps <= MAX_FPS:
        raise ConfigurationError(
            f"fps must be above 0 and at most {MAX_FPS}, not {fps}"
        )

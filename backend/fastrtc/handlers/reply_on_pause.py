"""ReplyOnPause: the user talks, pauses, and a function answers."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError
from ..messages import LogEvent, create_message
from ..options import AlgoOptions
from ..outputs import EmitType
from ..pause_detection import ModelOptions, PauseDetectionModel, get_silero_model
from .base import WEBRTC_VALUE, AudioFrame, StreamHandler
from .listening import Heard, Listener, Started, Utterance
from .replies import Reply
from .threads import threads

ReplyFnGenerator: TypeAlias = Callable[..., Any]

_NOT_CALLED = {"emit", "determine_pause", "process_audio"}
"""Methods that subclasses of FastRTC's ReplyOnPause could override to some effect."""


@dataclass
class AppState:
    """Where the conversation stands; read it, the handler writes it.

    Attributes:
        sampling_rate: of the user's audio, Hz.
        started_talking: the user's turn is in progress.
        responding: the bot's turn is in progress, until its audio was heard.
        stream: the audio of the user's last turn, int16 (samples,).
    """

    stream: NDArray[np.int16] | None = None
    sampling_rate: int = 0
    pause_detected: bool = False
    started_talking: bool = False
    responding: bool = False
    responded_audio: bool = False
    stopped: bool = False
    buffer: NDArray[np.int16] | None = None

    def new(self) -> AppState:
        """A state of the same kind for the next turn."""
        return AppState()


class ReplyOnPause(StreamHandler):
    """Calls `fn` with what the user said, each time the user pauses.

    Args:
        fn: a generator function, an async one, or anything that is called like
            one (a bound method, a partial, a callable object, a function that
            returns an iterator). Its first argument is `(sample_rate, array)`,
            int16 of shape (1, samples); further ones get the additional inputs.
            It yields what `emit` of a StreamHandler gives.
        startup_fn: a function of the same kind, without the audio argument, that
            speaks first.
        algo_options: when a turn starts and ends.
        model_options: options of the voice activity model.
        can_interrupt: the bot falls silent when the user starts to speak. If
            not, the user's audio is ignored until the reply has been heard.
        model: a voice activity model of one's own.
        needs_args: `fn` takes additional inputs though its signature doesn't say.

    The remaining arguments are those of `StreamHandler`.
    """

    receives_on_loop: ClassVar[bool] = True
    starts_on_loop: ClassVar[bool] = True
    pushes: ClassVar[bool] = True

    def __init__(
        self,
        fn: ReplyFnGenerator,
        startup_fn: Callable[..., Any] | None = None,
        algo_options: AlgoOptions | None = None,
        model_options: ModelOptions | None = None,
        can_interrupt: bool = True,
        expected_layout: Literal["mono", "stereo"] = "mono",
        output_sample_rate: int = 24_000,
        output_frame_size: int | None = None,
        input_sample_rate: int = 48_000,
        model: PauseDetectionModel | None = None,
        needs_args: bool = False,
    ) -> None:
        super().__init__(
            expected_layout, output_sample_rate, output_frame_size, input_sample_rate
        )
        if not callable(fn):
            raise ConfigurationError(f"fn must be callable, not {type(fn).__name__}")
        self.fn = fn
        self.startup_fn = startup_fn
        self.algo_options = algo_options or AlgoOptions()
        self.model_options = model_options
        self.can_interrupt = can_interrupt
        self.model: PauseDetectionModel = model or get_silero_model()
        self.needs_args = needs_args
        self.state = AppState()
        self._reply: Reply | None = None
        self._parameters = _Parameters(fn)
        self._listener: Listener | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """What a subclass defines itself may block, so it is called in a thread."""
        super().__init_subclass__(**kwargs)
        cls.receives_on_loop = cls.receive is ReplyOnPause.receive
        cls.starts_on_loop = cls.start_up is ReplyOnPause.start_up
        for name in _NOT_CALLED & vars(cls).keys():
            warnings.warn(
                f"{cls.__name__}.{name} is never called: replies are pushed, and turns "
                "are judged by pause_detection and AlgoOptions.",
                UserWarning,
                stacklevel=2,
            )

    def copy(self) -> ReplyOnPause:
        return ReplyOnPause(
            self.fn,
            self.startup_fn,
            self.algo_options,
            self.model_options,
            self.can_interrupt,
            self.expected_layout,
            self.output_sample_rate,
            None,
            self.input_sample_rate,
            self.model,
            self.needs_args,
        )

    # -- the user's turn -----------------------------------------------------------

    def receive(self, frame: AudioFrame) -> Any:
        """Take 20 ms of the user's audio.

        Returns:
            None, or with a slow voice activity model a coroutine to await.
        """
        if self.state.responding and not self.can_interrupt:
            return None
        listener = self._listener
        if listener is None:
            listener = self._listener = self._open_listener()
        if listener.fast:
            heard = listener.push(frame[1])
            if heard:
                self._on_loop(partial(self._act, heard))
            return None
        return self._receive_slowly(listener, frame[1])

    def _open_listener(self) -> Listener:
        return Listener(
            self.model,
            self.model_options,
            self.algo_options,
            self.input_sample_rate,
            2 if self.expected_layout == "stereo" else 1,
        )

    async def _receive_slowly(
        self, listener: Listener, frame: NDArray[np.int16]
    ) -> None:
        self._act(await threads.run(lambda: listener.push(frame)))

    def _act(self, heard: list[Heard]) -> None:
        for event in heard:
            if isinstance(event, Started):
                self._on_started()
            else:
                self._on_utterance(event)

    def _on_started(self) -> None:
        self.state.started_talking = True
        self._log("started_talking")
        self.interrupt()

    def _on_utterance(self, utterance: Utterance) -> None:
        self.state.started_talking = False
        self.state.sampling_rate = utterance.sample_rate_hz
        self.state.stream = utterance.audio[0]
        self._log("pause_detected")
        self._start_reply((utterance.sample_rate_hz, utterance.audio))

    # -- the bot's turn ------------------------------------------------------------

    def interrupt(self) -> float:
        """Silence the bot and end its reply.

        Returns:
            Milliseconds of the reply that were heard.
        """
        if not self.state.responding:
            return 0.0
        self.state.responding = False
        if self._reply is not None:
            self._reply.stop()
            self._reply = None
        return self._attached().clear()

    def trigger_response(self) -> None:
        """Reply now, without waiting for a pause; from any thread."""
        self._on_loop(self._reply_now)

    def _reply_now(self) -> None:
        self.interrupt()
        if self._listener is not None:
            self._listener.reset()
        self._start_reply((self.input_sample_rate, np.zeros((1, 0), np.int16)))

    def _start_reply(self, audio: AudioFrame) -> None:
        self.interrupt()
        self._begin(Reply(self.fn, self._attached(), self._on_outputs, audio))

    def _begin(self, reply: Reply) -> None:
        self.state.responding = True
        self._reply = reply
        link = self._attached()
        reply.task = link.spawn(self._run(reply, link.generation))

    async def _run(self, reply: Reply, generation: int) -> None:
        link = self._attached()
        try:
            await reply.run(generation, lambda: self._arguments(reply.audio))
            if generation == link.generation:
                await link.played_out()
        finally:
            if reply is self._reply:
                self._reply = None
                self.state.responding = False
                self._log("response_ended")

    async def _arguments(self, audio: AudioFrame | None) -> tuple[Any, ...]:
        await self._await_inputs()
        values = tuple(self.latest_args[1:])
        if audio is None:
            return self._startup_arguments(values)
        first: Any = audio
        if self.latest_args and hasattr(self.latest_args[0], "webrtc_id"):
            first = self.latest_args[0]
            first.audio = audio
        if not self._needs_additional_inputs:
            return (first,)
        return (first, *self._parameters.fit(values))

    def _startup_arguments(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """As many of the inputs as `startup_fn` takes, which may be none."""
        if not self._needs_additional_inputs or self.startup_fn is None:
            return ()
        return values[: _Parameters(self.startup_fn, skip=0).most]

    async def _await_inputs(self) -> None:
        if not self._needs_additional_inputs:
            return
        announced = self._attached().inputs_announced
        if announced or self._parameters.required:
            await self.wait_for_args()

    @property
    def _needs_additional_inputs(self) -> bool:
        return self.needs_args or self._parameters.additional > 0

    def _on_outputs(self, values: tuple[Any, ...]) -> None:
        if self.phone_mode:
            self.latest_args = [WEBRTC_VALUE, *values]

    # -- life ------------------------------------------------------------------------

    def start_up(self) -> Any:
        if self.startup_fn is None:
            return
        reply = Reply(self.startup_fn, self._attached(), self._on_outputs, None)
        self._on_loop(partial(self._begin, reply))

    def reset(self) -> None:
        """Forget the turn in progress and that inputs have come."""
        super().reset()
        self.state = self.state.new()
        if self._listener is not None:
            self._listener.reset()

    async def emit(self) -> EmitType:
        """Nothing: replies are pushed to the session as they are made."""
        return None

    def _log(self, event: LogEvent) -> None:
        self._attached().channel.send(create_message("log", event))


class _Parameters:
    """How many additional inputs a function takes, after the first `skip` arguments."""

    def __init__(self, fn: Callable[..., Any], skip: int = 1) -> None:
        self.required = 0
        self.additional = 0
        self.most = 0
        try:
            parameters = list(inspect.signature(fn).parameters.values())
        except (TypeError, ValueError):
            return
        kinds = (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        positional = [p for p in parameters if p.kind in kinds][skip:]
        variable = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
        self.required = sum(p.default is inspect.Parameter.empty for p in positional)
        self.additional = len(positional) + (1 if variable else 0)
        self.most = 10**6 if variable else len(positional)

    def fit(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """The values, if they are of a number the function can take.

        Raises:
            ConfigurationError: there are too few or too many.
        """
        if self.required <= len(values) <= self.most or not self.additional:
            return values
        raise ConfigurationError(
            f"the reply function takes {self.required} to {self.most} additional "
            f"inputs, {len(values)} came"
        )


__all__ = ["AlgoOptions", "AppState", "ReplyFnGenerator", "ReplyOnPause"]

"""ReplyOnPause: the user talks, pauses, and a function answers."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..end_of_turn import EndOfTurnModel, SilenceOnly, get_end_of_turn_model
from ..errors import ConfigurationError, ModelTimeoutError, WebRTCError
from ..messages import LogEvent, create_message
from ..options import VAD_TIMEOUT_S, AlgoOptions
from ..outputs import EmitType
from ..pause_detection import ModelOptions, PauseDetectionModel, get_silero_model
from ..turns import BotHeld, SpeechResumed
from .asking import Asker
from .base import WEBRTC_VALUE, AudioFrame, StreamHandler
from .bot_turn import BotTurn
from .calls import call, to_its_end
from .link import Link
from .listening import Heard, Listener, Paused, Started, Utterance
from .parameters import Parameters
from .replies import ReplyEnded
from .threads import threads
from .typed_text import (
    Said,
    first_argument,
    page_value,
    take_text,
    takes_webrtc_data,
)

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
            It yields what `emit` of a StreamHandler gives. If its first parameter
            is annotated as `WebRTCData`, or the page has a textbox, it gets a
            `WebRTCData` instead, and is called with what the user types as well.
        startup_fn: a function of the same kind, without the audio argument, that
            speaks first.
        algo_options: when a turn starts and ends, and what interrupts the bot.
        model_options: options of the voice activity model.
        can_interrupt: the bot falls silent when the user starts to speak. If
            not, the user's audio is ignored until the reply has been heard.
        model: a voice activity model of one's own.
        needs_args: `fn` takes additional inputs though its signature doesn't say.
        end_of_turn_model: asked at each pause whether the user has finished. None:
            Smart Turn, or nobody if `model` is one of your own. `SilenceOnly()`:
            nobody.
        on_reply_ended: called with a `ReplyEnded` when a reply has been heard to
            its end, or was interrupted: then it says how much was heard. May be a
            coroutine function, or block.

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
        *,
        end_of_turn_model: EndOfTurnModel | SilenceOnly | None = None,
        on_reply_ended: Callable[[ReplyEnded], Any] | None = None,
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
        if end_of_turn_model is None:
            # A detector of one's own may have ideas of its own about pauses.
            asks = model is None
            end_of_turn_model = get_end_of_turn_model() if asks else SilenceOnly()
        self.end_of_turn_model = end_of_turn_model
        self.model: PauseDetectionModel = model or get_silero_model()
        self.needs_args = needs_args
        self.on_reply_ended = on_reply_ended
        self.state = AppState()
        self._bot: BotTurn | None = None
        self._parameters = Parameters(fn)
        self._takes_webrtc_data = takes_webrtc_data(fn)
        self._listener: Listener | None = None
        self._asker: Asker | None = None
        self._pause_number = 0

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
            end_of_turn_model=self.end_of_turn_model,
            on_reply_ended=self.on_reply_ended,
        )

    # -- the user's turn -----------------------------------------------------------

    def receive(self, frame: AudioFrame) -> Any:
        """Take 20 ms of the user's audio.

        Returns:
            None, or with a slow voice activity model a coroutine to await.
        """
        listener = self._listener
        if listener is None:
            listener = self._listener = self._open_listener()
        if self._deaf:
            listener.reset()
            return None
        bot_speaks = self.state.responding
        samples = listener.gather(frame[1], bot_speaks=bot_speaks)
        if samples is None:
            return None
        if not listener.fast:
            return self._judge_slowly(listener, samples)
        heard = listener.decide(listener.meter.push(samples), bot_speaks=bot_speaks)
        if heard:
            self._on_loop(partial(self._act, heard))
        return None

    def patience_ms(self) -> float:
        """See `StreamHandlerBase`: the listener acts at the end of a gathering only."""
        listener = self._listener
        if listener is None or not listener.fast or not self.receives_on_loop:
            return 0.0
        if self._deaf:
            return 0.0
        return listener.patience_ms(bot_speaks=self.state.responding)

    @property
    def _deaf(self) -> bool:
        """What the user says now is ignored."""
        return self._detached or (self.state.responding and not self.can_interrupt)

    def _open_listener(self) -> Listener:
        return Listener(
            self.model,
            self.model_options,
            self.algo_options,
            self.input_sample_rate,
            2 if self.expected_layout == "stereo" else 1,
            asked=self._asks,
        )

    @property
    def _asks(self) -> bool:
        """Somebody is asked at each pause whether the turn is over."""
        return not isinstance(self.end_of_turn_model, SilenceOnly)

    async def _judge_slowly(
        self, listener: Listener, samples: NDArray[np.int16]
    ) -> None:
        """With a model that may take long, fail or hang; then it heard no speech."""
        judged = [(1000 * samples.size / listener.meter.sample_rate_hz, 0.0)]
        try:
            judging = threads.run(lambda: listener.meter.push(samples))
            judged = await asyncio.wait_for(judging, VAD_TIMEOUT_S)
        except asyncio.TimeoutError:
            error = ModelTimeoutError(
                f"{type(self.model).__name__}.vad() took over {VAD_TIMEOUT_S:g} s"
            )
            self._attached().report("voice activity model", error)
        except Exception as error:
            self._attached().report("voice activity model", error)
        self._act(listener.decide(judged, bot_speaks=self.state.responding))

    def _act(self, heard: list[Heard]) -> None:
        for event in heard:
            # The bot may have begun to speak since it was heard.
            if self._deaf:
                return
            if isinstance(event, Started):
                self._ask_page()
                self._on_started()
            elif isinstance(event, Utterance):
                self._on_utterance(event)
            elif isinstance(event, Paused):
                self._on_paused(event)
            elif isinstance(event, SpeechResumed):
                self._on_resumed()
            elif isinstance(event, BotHeld):
                self._hold()
            else:
                self._speaker.release()

    def _on_started(self) -> None:
        self.state.started_talking = True
        self._log("started_talking")
        self.interrupt()

    def _on_paused(self, pause: Paused) -> None:
        self._pause_number = pause.number
        if not isinstance(self.end_of_turn_model, SilenceOnly):
            self._attached().spawn(self._ask(pause))

    async def _ask(self, pause: Paused) -> None:
        if self._asker is None:
            assert not isinstance(self.end_of_turn_model, SilenceOnly)
            self._asker = Asker(self.end_of_turn_model, self._attached())
        listener = self._listener
        finished = await self._asker.finished(
            (pause.sample_rate_hz, pause.audio),
            lambda: pause.number == self._pause_number,
        )
        if finished is not None and listener is not None:
            self._act(listener.answer(pause.number, finished))

    def _on_resumed(self) -> None:
        """The user goes on: what was asked and prepared is out of date."""
        self._pause_number = 0
        self._speaker.discard()

    def _on_utterance(self, utterance: Utterance) -> None:
        audio: AudioFrame = (utterance.sample_rate_hz, utterance.audio)
        if utterance.early:
            self._speaker.prepare(self.fn, audio)
            return
        self._pause_number = 0
        self.state.started_talking = False
        self.state.sampling_rate = utterance.sample_rate_hz
        self.state.stream = utterance.audio[0]
        self._log("pause_detected")
        self._speaker.confirm(self.fn, audio)

    # -- the bot's turn ------------------------------------------------------------

    def interrupt(self) -> float:
        """Silence the bot and end its reply; on the event loop only.

        Returns:
            Milliseconds of the reply that were heard.
        """
        return 0.0 if self._bot is None else self._bot.interrupt()

    def _clear(self) -> None:
        """Nothing waits to be heard but a reply, which ends without its audio."""
        self._on_loop(self.interrupt)

    def trigger_response(self) -> None:
        """Reply now, without waiting for a pause; from any thread.

        The reply is to what was typed, if the page's value says so, else to nothing.
        """
        self._on_loop(self._reply_now)

    def _reply_now(self) -> None:
        nothing = (self.input_sample_rate, np.zeros((1, 0), np.int16))
        self._reply_to(take_text(self.latest_args) or nothing)

    async def receive_text(self, text: str) -> None:
        """Reply to what the user typed, if it is more than spaces.

        It interrupts the bot, also with `can_interrupt=False`: nobody types by
        mistake. What the user was saying is dropped.

        Raises:
            WebRTCError: the reply function takes audio only.
        """
        if not self._takes_text:
            raise WebRTCError("This app takes no typed text.") from ConfigurationError(
                "the reply function is called with typed text if its first parameter "
                "is annotated so: def reply(message: WebRTCData). Then it always "
                "gets one; what was said is its .audio."
            )
        if text.strip():
            # The page may have told it by its value as well.
            take_text(self.latest_args)
            self._reply_to(text)

    @property
    def _takes_text(self) -> bool:
        return self._takes_webrtc_data or page_value(self.latest_args) is not None

    def _reply_to(self, said: Said) -> None:
        if self._detached:
            return
        self._forget_turn()
        self._speaker.begin(self.fn, said)

    def _forget_turn(self) -> None:
        """The user's turn in progress, and the bot's."""
        self.interrupt()
        self._pause_number = 0
        self.state.started_talking = False
        if self._listener is not None:
            self._listener.reset()

    def _hold(self) -> None:
        self._speaker.hold()

    @property
    def _speaker(self) -> BotTurn:
        assert self._bot is not None
        return self._bot

    # -- what the bot's turn asks (bot_turn.Bot) -----------------------------------

    def on_responding(self, responding: bool) -> None:
        """Called when the bot takes the turn, and when it gives it back."""
        self.state.responding = responding

    def on_ended(self, ended: ReplyEnded) -> None:
        """Called when a reply is over; tells `on_reply_ended`."""
        if self.on_reply_ended is not None:
            self._attached().spawn(self._tell(self.on_reply_ended, ended))

    async def _tell(self, listener: Callable[[ReplyEnded], Any], event: Any) -> None:
        try:
            # The end of a session cancels this, and is one of the things to tell.
            await to_its_end(call(listener, event))
        except Exception as error:
            self._attached().report("on_reply_ended", error)

    def on_outputs(self, values: tuple[Any, ...]) -> None:
        """Called with AdditionalOutputs: over the phone they are the next inputs."""
        if self.phone_mode:
            self.latest_args = [WEBRTC_VALUE, *values]

    async def arguments(self, said: Said | None) -> tuple[Any, ...]:
        """What a reply function is called with, after the inputs have come."""
        await self._await_inputs()
        values = tuple(self.latest_args[1:])
        if said is None:
            return self._startup_arguments(values)
        first: Any = said
        if isinstance(said, str) or self._takes_text:
            webrtc_id = self._attached().context.webrtc_id
            first = first_argument(said, page_value(self.latest_args), webrtc_id)
        if not self._needs_additional_inputs:
            return (first,)
        return (first, *self._parameters.fit(values))

    def _startup_arguments(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """As many of the inputs as `startup_fn` takes, which may be none."""
        if not self._needs_additional_inputs or self.startup_fn is None:
            return ()
        return values[: Parameters(self.startup_fn, skip=0).most]

    def _ask_page(self) -> None:
        """Have a page of one's own send its inputs while the user speaks.

        Pages that announce their inputs send them whenever they change.
        """
        link = self._attached()
        if self._needs_additional_inputs and not link.inputs_announced:
            link.request_inputs()

    async def _await_inputs(self) -> None:
        if not self._needs_additional_inputs:
            return
        announced = self._attached().inputs_announced
        if announced or self._parameters.required:
            await self.wait_for_args()

    @property
    def _needs_additional_inputs(self) -> bool:
        return self.needs_args or self._parameters.additional > 0

    # -- life ------------------------------------------------------------------------

    def start_up(self) -> Any:
        if self.startup_fn is not None:
            self._on_loop(partial(self._speaker.begin, self.startup_fn, None))

    def attach(self, link: Link) -> None:
        super().attach(link)
        self._bot = BotTurn(self, link)

    def detach(self) -> None:
        super().detach()
        if self._bot is not None:
            self._bot.close()

    def reset(self) -> None:
        """Forget the turn in progress and that inputs have come."""
        super().reset()
        if self._link is not None:
            self._on_loop(self._start_anew)

    def _start_anew(self) -> None:
        self._forget_turn()
        self.state = self.state.new()

    async def emit(self) -> EmitType:
        """Nothing: replies are pushed to the session as they are made."""
        return None

    def _log(self, event: LogEvent) -> None:
        self._attached().channel.send(create_message("log", event))


__all__ = ["AlgoOptions", "AppState", "ReplyEnded", "ReplyFnGenerator", "ReplyOnPause"]

"""ReplyOnStopWords: the bot answers what follows a stop word."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from ..end_of_turn import EndOfTurnModel, SilenceOnly
from ..errors import ConfigurationError
from ..keyword_spotting import KeywordSpotter
from ..messages import create_message
from ..options import AlgoOptions
from ..pause_detection import ModelOptions, PauseDetectionModel
from ..speech_to_text import STTModel, get_stt_model
from .listening import Listener, Paused, Utterance
from .replies import ReplyEnded
from .reply_on_pause import ReplyFnGenerator, ReplyOnPause
from .stop_words.matcher import StopWordMatcher
from .stop_words.spotting import SpotterWatch
from .stop_words.tape import TapingListener
from .stop_words.transcripts import TranscriptWatch
from .stop_words.turn import Turn, Word
from .stop_words.watch import Watch

MAX_WAITING = 8
"""Turns that wait for a slow model at most; then the oldest is forgotten, because
what was said long ago is no longer meant."""

COMMAND_WITHIN_S = 8.0
"""How long the bot listens after the word alone, as long as voice assistants do."""


class ReplyOnStopWords(ReplyOnPause):
    """Calls `fn` with what the user says after a stop word.

    While the bot sleeps, each stretch of speech is searched for a stop word, off the
    event loop. When one is heard the page gets a `stopword` message at once. What
    follows the word in the same breath goes to `fn` when the turn ends; after the
    word alone the next turn does. Then the bot sleeps again.

    Talk without a stop word neither holds nor interrupts the bot while it replies.
    With `can_interrupt` a stop word does, as soon as it is heard. While the bot is
    awake it is interrupted by speech, as in `ReplyOnPause`. Typed text needs no stop
    word.

    Args:
        fn: as in `ReplyOnPause`.
        stop_words: one or several words each; case and punctuation don't matter. With
            a spotter: the keywords that count, or none for all that it knows.
        stt_model: anything with `stt((sample_rate, array)) -> str`, which may be a
            coroutine function; by default Moonshine, which needs the "stopword"
            extra. It gets 16 kHz, int16 of shape (1, samples): the turn so far, its
            last 16 s at most, at each pause in which new speech has come.
        spotter: a `KeywordSpotter`, which takes the place of `stt_model`.
        stay_awake_s: so long after a reply, the greeting included, a turn may begin
            that needs no stop word.
        command_within_s: so long after the word alone the next turn may begin.

    The remaining arguments are those of `ReplyOnPause`.

    Raises:
        ConfigurationError: (a ValueError) no stop word was given, or an argument
            makes no sense.
        MissingExtraError: (an ImportError) Moonshine is wanted and not installed.
    """

    def __init__(
        self,
        fn: ReplyFnGenerator,
        stop_words: Sequence[str],
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
        stt_model: STTModel | None = None,
        *,
        spotter: KeywordSpotter | None = None,
        stay_awake_s: float = 0.0,
        command_within_s: float = COMMAND_WITHIN_S,
        end_of_turn_model: EndOfTurnModel | SilenceOnly | None = None,
        on_reply_ended: Callable[[ReplyEnded], Any] | None = None,
    ) -> None:
        super().__init__(
            fn,
            startup_fn,
            algo_options,
            model_options,
            can_interrupt,
            expected_layout,
            output_sample_rate,
            output_frame_size,
            input_sample_rate,
            model,
            needs_args,
            end_of_turn_model=end_of_turn_model,
            on_reply_ended=on_reply_ended,
        )
        _check("stay_awake_s", stay_awake_s)
        _check("command_within_s", command_within_s)
        words = [stop_words] if isinstance(stop_words, str) else list(stop_words)
        needed = spotter is None or bool(words)
        self._matcher = StopWordMatcher(words) if needed else None
        self.stop_words = words
        self.spotter = spotter
        self.stt_model = _stt_model(stt_model, spotter)
        self.stay_awake_s = stay_awake_s
        self.command_within_s = command_within_s
        self._watch: Watch | None = None
        self._turns: deque[Turn] = deque()
        self._turn: Turn | None = None
        self._pause: Paused | None = None
        self._awake_until_s = -math.inf

    def copy(self) -> ReplyOnStopWords:
        return ReplyOnStopWords(
            self.fn,
            self.stop_words,
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
            self.stt_model,
            spotter=self.spotter,
            stay_awake_s=self.stay_awake_s,
            command_within_s=self.command_within_s,
            end_of_turn_model=self.end_of_turn_model,
            on_reply_ended=self.on_reply_ended,
        )

    def stop_word_detected(self, text: str) -> bool:
        """Whether a transcript has a stop word in it."""
        return self._matcher is not None and self._matcher.end(text) is not None

    # -- what is listened to -------------------------------------------------------

    def _open_listener(self) -> Listener:
        listener = TapingListener(
            self.model,
            self.model_options,
            self.algo_options,
            self.input_sample_rate,
            self._channels,
            asked=self._asks,
            pauses=True,
            on_audio=partial(self._on_loop, self._on_audio),
            on_reset=partial(self._on_loop, self._drop_turn),
        )
        self._watch = self._open_watch(listener)
        self._on_loop(self._watch.prepare)
        return listener

    def _open_watch(self, listener: TapingListener) -> Watch:
        common = (
            self._attached(),
            listener.tape,
            self._turns,
            self._on_word,
            self._conclude,
        )
        if self.spotter is not None:
            return SpotterWatch(*common, spotter=self.spotter, matcher=self._matcher)
        assert self.stt_model is not None
        assert self._matcher is not None
        return TranscriptWatch(
            *common,
            model=self.stt_model,
            matcher=self._matcher,
            detected=self.stop_word_detected,
        )

    @property
    def _channels(self) -> int:
        return 2 if self.expected_layout == "stereo" else 1

    @property
    def _awake(self) -> bool:
        """A turn that begins now is for the bot."""
        conversing = self.stay_awake_s > 0 and self.state.responding
        return conversing or self.loop.time() < self._awake_until_s

    # -- the user's turn -------------------------------------------------------------

    def _on_started(self) -> None:
        self._drop_turn()
        self._begin_turn()
        if self._turn is not None and self._turn.awake:
            super()._on_started()
            return
        self.state.started_talking = True
        self._log("started_talking")

    def _begin_turn(self) -> None:
        if len(self._turns) == MAX_WAITING:
            self._turns.popleft()
        begin, awake = self._taping.turn_begin(), self._awake
        # The command after the word alone is one turn.
        self._awake_until_s = -math.inf
        self._turn = Turn(begin, self.loop.time(), awake)
        self._turns.append(self._turn)

    def _drop_turn(self) -> None:
        """Forget the turn in progress."""
        turn, self._turn = self._turn, None
        self._pause = None
        if turn is not None:
            self._turns.remove(turn)

    def _on_audio(self) -> None:
        if self._watch is not None:
            self._watch.audio()

    def _on_paused(self, pause: Paused) -> None:
        turn, watch = self._turn, self._watch
        if turn is None or watch is None:
            return
        self._pause = pause
        watch.paused(turn)
        self._ask_whether_finished(turn)

    def _ask_whether_finished(self, turn: Turn) -> None:
        """A bot that sleeps need not know it."""
        if self._pause is not None and turn.for_bot:
            super()._on_paused(self._pause)

    @property
    def _taping(self) -> TapingListener:
        assert isinstance(self._listener, TapingListener)
        return self._listener

    def _on_resumed(self) -> None:
        super()._on_resumed()
        self._pause = None
        if self._turn is not None:
            self._turn.fresh = True
            self._turn.resumed_at = self._taping.tape.end

    def _on_utterance(self, utterance: Utterance) -> None:
        turn, watch = self._turn, self._watch
        if turn is None or watch is None:
            return
        if utterance.early:
            if turn.for_bot and turn is self._turns[0]:
                super()._on_utterance(turn.command(utterance, self._channels))
            return
        self._turn = self._pause = None
        self.state.started_talking = False
        turn.utterance, turn.end = utterance, watch.tape.end
        watch.ended(turn)
        if self._taping.talking:
            # It was cut at its greatest length.
            self._begin_turn()
        self._conclude()

    # -- what was heard --------------------------------------------------------------

    def _on_word(self, turn: Turn, word: Word) -> None:
        self._attached().channel.send(create_message("stopword", ""))
        if self.can_interrupt:
            self.interrupt()
        if turn is self._turn:
            self._ask_whether_finished(turn)

    def _conclude(self) -> None:
        """Answer the turns that are over and known, or not, one after the other."""
        watch = self._watch
        while watch is not None and self._turns:
            turn = self._turns[0]
            if turn.utterance is None or not (turn.decided or watch.finished(turn)):
                return
            self._turns.popleft()
            if turn.for_bot:
                command = turn.command(turn.utterance, self._channels)
                super()._on_utterance(command)
            elif turn.word is not None:
                self._await_command()

    def _await_command(self) -> None:
        """The word was all that was said: the next turn is the command."""
        if not self._turns:
            self._awake_until_s = self.loop.time() + self.command_within_s
            return
        # It has begun meanwhile, or even ended.
        self._turns[0].awake = True
        if self.can_interrupt:
            self.interrupt()

    # -- the bot's turn --------------------------------------------------------------

    def on_ended(self, ended: ReplyEnded) -> None:
        """As in `ReplyOnPause`; it may stay awake for a while."""
        if self.stay_awake_s > 0:
            self._awake_until_s = self.loop.time() + self.stay_awake_s
        super().on_ended(ended)

    def _hold(self) -> None:
        if self._awake:
            super()._hold()

    def _forget_turn(self) -> None:
        """Those that wait for a slow model too, and that the word was said."""
        super()._forget_turn()
        self._turns.clear()
        self._turn = self._pause = None
        self._awake_until_s = -math.inf


def _check(name: str, seconds: float) -> None:
    if not seconds >= 0:
        raise ConfigurationError(f"{name} is a number of seconds, 0 or more: {seconds}")


def _stt_model(
    stt_model: STTModel | None, spotter: KeywordSpotter | None
) -> STTModel | None:
    if spotter is not None:
        _check_has("spotter", spotter, "open_stream")
        if stt_model is not None:
            raise ConfigurationError("Give stt_model or spotter, not both.")
        return None
    if stt_model is None:
        return get_stt_model("moonshine/base")
    _check_has("stt_model", stt_model, "stt")
    return stt_model


def _check_has(name: str, model: object, method: str) -> None:
    if not callable(getattr(model, method, None)):
        kind = type(model).__name__
        raise ConfigurationError(f"{name} needs a method {method}, which {kind} lacks")


__all__ = ["ReplyOnStopWords", "StopWordMatcher"]

"""Every default and bound, with its unit and its reason."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, fields, replace

from .errors import ConfigurationError

# -- time ---------------------------------------------------------------------

FRAME_MS = 20
"""Length of the frames on the wire: what browsers send, and Opus's sweet spot."""

EMIT_RETRY_MS = 10
"""How long after an `emit` that returned None it is asked again, unless a frame
comes in before. Half a frame: late enough to cost nothing, early enough that a
handler which only polls its own queue adds no audible delay."""

SETUP_TIMEOUT_S = 30.0
"""From the offer to the connection; a browser has given up by then."""

PENDING_CANDIDATES_S = 10.0
"""How long candidates are kept that came before their offer."""

GATHERING_TIMEOUT_S = 0.5
"""How long the answer waits for a STUN or TURN server. aioice alone would wait
5 s for a server that is silent; one that answers does so within 200 ms."""

ARGS_TIMEOUT_S = 60.0
"""How long `wait_for_args` waits for the page before it raises."""

PAGE_INPUTS_S = 2.0
"""How long a reply waits for the inputs that a page has announced, before the
components' defaults are used: a page's round trip, with room for a bad network."""

CLOSE_GRACE_S = 2.0
"""How long user code may take to end after it was told to, before it is left."""

OUTPUTS_GRACE_S = 2.0
"""How long CloseStream waits for the page to fetch the outputs before it."""

VIDEO_QUEUE_FRAMES = 5
"""Pictures that wait for a slow video handler, unless it skips frames: 170 ms at 30
frames a second, which bridges one slow call. Then the oldest goes."""

RECONNECT_GRACE_S = 30.0
"""How long a session whose client was lost waits for it to come back: long enough to
change from Wi-Fi to mobile in a lift."""

EMIT_ERRORS_IN_A_ROW = 10
"""So many errors of `emit` one after the other end the session: it is broken."""

VIDEO_ERRORS_IN_A_ROW = 30
"""The same for a function of pictures, which is called more often."""

ERROR_MESSAGE_INTERVAL_S = 1.0
"""At most one error message in this time reaches the page from one place."""

# -- bounds -------------------------------------------------------------------

MAX_WEBRTC_ID_CHARS = 128
MAX_SDP_CHARS = 64 * 1024
"""A browser's offer with audio, video and 20 candidates has about 8,000."""
MAX_CANDIDATE_CHARS = 1024
MAX_BODY_BYTES = 96 * 1024
"""The longest SDP with its escapes; more would stall the loop while it is parsed."""
MAX_CANDIDATES = 64
"""Candidates a session; a phone on Wi-Fi, 5G and a VPN has about 20."""
MAX_PENDING_IDS = 256
"""Ids whose candidates or inputs are kept before their offer came."""
MAX_PENDING_MESSAGES = 64
"""Messages kept until the data channel opens; the oldest go first."""
MAX_MESSAGE_CHARS = 64 * 1024
"""Messages from a client that are longer are dropped."""

INPUT_QUEUE_FRAMES = 100
"""2 s of audio waiting for a slow `receive`; then the oldest goes, because a
conversation prefers the present."""

INPUT_QUEUE_TEXTS = 32
"""Typed texts waiting for a slow `receive_text`; then the oldest goes."""

PLAYOUT_REPLY_S = 30.0
"""How far ahead of playback a reply may be generated; then it waits. Far, so
that outputs yielded after the audio don't wait for its end."""

OUTPUTS_AHEAD_S = 1.0
"""The same for a generator in receive mode: enough to bridge a slow step, and little
enough that what it yields beside the audio comes with it."""

PLAYOUT_EMIT_S = 0.5
"""The same for `emit`: handlers have queues of their own, and what they decide
now should be heard soon."""

MAX_OUTPUTS = 1000
"""AdditionalOutputs kept for slow readers; the oldest go first."""

MAX_OUTPUTS_BYTES = 64 * 1024 * 1024
"""The same in bytes, of the arrays and texts in them: 24 pictures of 720p. Once
more for all the sessions that have ended, together."""

# -- audio --------------------------------------------------------------------

REORDER_HOLD_MS = 60
"""How long a missing packet holds up those behind it. Reordering on the internet
is mostly within 40 ms; waiting longer delays more turns than it saves words."""

OPUS_BIT_RATE = 48_000
"""Per second and channel; speech is transparent from about 32,000 on."""

OPUS_COMPLEXITY = 5
"""Of 0 to 10. Costs two thirds of 10, and only golden ears tell them apart."""

VAD_SAMPLE_RATE_HZ = 16_000
VAD_WINDOW_SAMPLES = 512
"""Silero's window, 32 ms."""


# -- turn taking --------------------------------------------------------------

FINISHED_SILENCE_MS = 200.0
"""Silence that ends a turn which the end-of-turn model holds for finished. The
detector of speech lags behind by another 76 ms; people leave each other about 200."""

UNDECIDED_SILENCE_MS = 480.0
"""Silence that ends a turn when no model says anything of it: longer than most stops
inside fluent sentences (up to about 300 ms)."""

SURE_PROBABILITY = 0.97
"""Probability beyond doubt. Only speech that reaches it at some moment starts a turn or
holds the bot: words of 200 ms reach 0.98 to 1.00, coughs mostly 0.4 to 0.95."""

MAX_TURN_S = 300.0
"""A turn is cut at this length whatever the options say: a radio beside the microphone
must not fill the memory. Five minutes of 48 kHz are 29 MB."""

MAX_PRE_ROLL_MS = 10_000.0
"""So much audio is kept of each silent user at most."""

RESUMED_MS = 60.0
"""Speech after a pause that counts as going on; a click is shorter."""

END_OF_TURN_THRESHOLD = 0.7
"""Probability from which on the end-of-turn model is taken to say "finished". With
ours, of recorded sentences, one of twelve has to wait, and one of four of those cut in
the middle is taken for finished; on the pauses of the benchmark, 0.5 cuts off a third
more, and 0.9 makes every fifth word or noisy sentence wait."""

SINGLE_WORD_MS = 500.0
"""A turn no longer than this is a single word. Smart Turn takes half of recorded ones
for unfinished, "no" as well as "well": silence decides."""

TURN_AUDIO_S = 8.0
"""How much of a turn's end the end-of-turn model is shown: what it was trained on."""

END_OF_TURN_TIMEOUT_S = 2.0
"""An end-of-turn model that takes longer is reported; silence decides meanwhile."""

VAD_TIMEOUT_S = 5.0
"""A voice activity model of a user's that takes longer for one call is reported."""

HOLD_LIMIT_S = 2.0
"""How long the bot holds its breath at most, should the user's audio stop coming."""


@dataclass
class AlgoOptions:
    """When a turn starts, when it ends, and when it interrupts the bot.

    The first four fields are FastRTC's. They are read as a window that slides by
    32 ms, where FastRTC judged blocks of `audio_chunk_duration` one by one.

    Attributes:
        audio_chunk_duration: length of the sliding window, seconds. Silences that
            are not set otherwise grow and shrink with it.
        started_talking_threshold: so much speech within the window starts a turn,
            seconds.
        speech_threshold: less speech than this within the window is a pause,
            seconds.
        max_continuous_speech_s: a turn is cut at this length, seconds; at 300 in any
            case.
        min_silence_ms: no turn ends before so much silence. None: 200 ms when the
            end-of-turn model says that the user has finished, and 480 ms when no
            model is there or none answers in time, both for a window of 0.6 s.
        max_silence_ms: so much silence ends a turn that the end-of-turn model holds
            for unfinished: longer than a thought, shorter than a loss of patience.
            Each time it was waited for in vain the next wait is shorter, each time
            it was worth it longer again.
        ask_after_ms: the end-of-turn model is asked after so much silence, early
            enough for the answer to be there at `min_silence_ms`. Once: measured on
            recorded speech, it takes more pauses for ends the longer they last.
        min_speech_ms: so much speech in one piece starts a turn as well: short
            answers have less than `started_talking_threshold`.
        pre_roll_ms: audio kept from before a turn's first speech, so that its first
            sound is not lost.
        interrupt_after_ms: so much speech while the bot speaks interrupts it: more
            than a cough has, less than a word of protest.
        interrupt_level_db: speech that is quieter than the user's own was, by more than
            this, holds and interrupts nothing: the bot's echo in the microphone is
            20 dB below and more, somebody else in the room mostly 15.
        hold_after_ms: so much speech makes the bot hold its breath, until it is known
            whether it is an interruption.
        resume_after_false_interruption_ms: after so much silence a held bot goes on.
        preemptive_after_ms: after so much silence the reply function is called, its
            audio held back until the turn has ended, and dropped when the user goes
            on. None: only when the turn has ended.
    """

    audio_chunk_duration: float = 0.6
    started_talking_threshold: float = 0.2
    speech_threshold: float = 0.1
    max_continuous_speech_s: float = math.inf
    min_silence_ms: float | None = None
    max_silence_ms: float = 1000.0
    ask_after_ms: float = 96.0
    min_speech_ms: float = 96.0
    pre_roll_ms: float = 400.0
    interrupt_after_ms: float = 192.0
    interrupt_level_db: float = -14.0
    hold_after_ms: float = 64.0
    resume_after_false_interruption_ms: float = 300.0
    preemptive_after_ms: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if not isinstance(value, (int, float)) or math.isnan(value):
                raise ConfigurationError(f"{field.name} must be a number, not {value}")
            if value < 0 and field.name != "interrupt_level_db":
                raise ConfigurationError(f"{field.name} can't be negative: {value}")
        if self.audio_chunk_duration == 0 or math.isinf(self.audio_chunk_duration):
            raise ConfigurationError("audio_chunk_duration must be above 0 and finite")
        if self.pre_roll_ms > MAX_PRE_ROLL_MS:
            raise ConfigurationError(
                f"pre_roll_ms is at most {MAX_PRE_ROLL_MS:g}, not {self.pre_roll_ms}"
            )


@dataclass
class SileroVadOptions:
    """How Silero's speech probabilities are read.

    Attributes:
        threshold: a window with at least this probability is speech. Speech goes
            on until the probability falls below `threshold - 0.15`.
        min_speech_duration_ms: shorter bursts are dropped. In a live stream it takes
            the place of `AlgoOptions.min_speech_ms` when it is not 250.
        max_speech_duration_s: longer speech is split; in a live stream the turn is
            cut.
        min_silence_duration_ms: speech is joined over shorter gaps. In a live stream
            it takes the place of `AlgoOptions.min_silence_ms` when it is not 2000.
        window_size_samples: no longer acts: the model's window is 512 samples.
        speech_pad_ms: speech is widened by this at both ends; in a live stream it
            takes the place of `AlgoOptions.pre_roll_ms` when it is not 400.
    """

    threshold: float = 0.5
    min_speech_duration_ms: int = 250
    max_speech_duration_s: float = math.inf
    min_silence_duration_ms: int = 2000
    window_size_samples: int = 1024
    speech_pad_ms: int = 400

    def __post_init__(self) -> None:
        if self.window_size_samples != SileroVadOptions.window_size_samples:
            warnings.warn(
                "window_size_samples no longer acts: the model takes 512 samples.",
                UserWarning,
                stacklevel=3,
            )

    def applied_to(self, options: AlgoOptions) -> AlgoOptions:
        """`options` with what was set here in their place.

        A field counts as set when it is not its default, because FastRTC's defaults
        never acted in a live stream: 250 ms of speech are more than a short word has.
        """
        changes: dict[str, float] = {}
        if self.min_speech_duration_ms != SileroVadOptions.min_speech_duration_ms:
            changes["min_speech_ms"] = float(self.min_speech_duration_ms)
            changes["started_talking_threshold"] = self.min_speech_duration_ms / 1000
        if self.min_silence_duration_ms != SileroVadOptions.min_silence_duration_ms:
            changes["min_silence_ms"] = float(self.min_silence_duration_ms)
        if self.speech_pad_ms != SileroVadOptions.speech_pad_ms:
            changes["pre_roll_ms"] = float(self.speech_pad_ms)
        longest_s = min(options.max_continuous_speech_s, self.max_speech_duration_s)
        return replace(options, max_continuous_speech_s=longest_s, **changes)

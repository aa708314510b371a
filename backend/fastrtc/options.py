"""Every default and bound, with its unit and its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass

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

EMIT_ERRORS_IN_A_ROW = 10
"""So many errors of `emit` one after the other end the session: it is broken."""

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

PLAYOUT_REPLY_S = 30.0
"""How far ahead of playback a reply may be generated; then it waits. Far, so
that outputs yielded after the audio don't wait for its end."""

PLAYOUT_EMIT_S = 0.5
"""The same for `emit`: handlers have queues of their own, and what they decide
now should be heard soon."""

MAX_OUTPUTS = 1000
"""AdditionalOutputs kept for slow readers; the oldest go first."""

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


@dataclass
class AlgoOptions:
    """When a turn starts and when it ends.

    The first four fields are FastRTC's. They are read as a window that slides by
    32 ms, where FastRTC judged blocks of `audio_chunk_duration` one by one.

    Attributes:
        audio_chunk_duration: length of the sliding window, seconds.
        started_talking_threshold: so much speech within the window starts a turn,
            seconds.
        speech_threshold: less speech than this within the window is a pause,
            seconds.
        max_continuous_speech_s: a turn is cut at this length, seconds.
        min_silence_ms: so much silence in one piece is a pause as well, which is
            how a pause is found in most cases. 480 ms is longer than the stops
            inside fluent sentences (up to about 300 ms) and, with the 76 ms the
            voice detector lags behind, still answers sooner than a full window.
        pre_roll_ms: audio kept from before the turn's start, so that its first
            sound is not lost. The start is noticed `started_talking_threshold`
            late; this is what is kept beyond that.
    """

    audio_chunk_duration: float = 0.6
    started_talking_threshold: float = 0.2
    speech_threshold: float = 0.1
    max_continuous_speech_s: float = math.inf
    min_silence_ms: float = 480.0
    pre_roll_ms: float = 400.0


@dataclass
class SileroVadOptions:
    """How Silero's speech probabilities are read.

    Attributes:
        threshold: a window with at least this probability is speech. Speech goes
            on until the probability falls below `threshold - 0.15`.
        min_speech_duration_ms: shorter bursts are dropped by `vad()` on a whole
            clip. In a live stream `AlgoOptions.started_talking_threshold` decides.
        max_speech_duration_s: `vad()` splits longer speech.
        min_silence_duration_ms: `vad()` joins speech over shorter gaps. In a live
            stream `AlgoOptions.min_silence_ms` decides.
        window_size_samples: kept for older programs; the model's is 512 and fixed.
        speech_pad_ms: `vad()` widens each piece of speech by this at both ends.
    """

    threshold: float = 0.5
    min_speech_duration_ms: int = 250
    max_speech_duration_s: float = math.inf
    min_silence_duration_ms: int = 2000
    window_size_samples: int = 1024
    speech_pad_ms: int = 400

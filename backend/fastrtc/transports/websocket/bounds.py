"""Every bound of the WebSocket door, with its unit and its reason."""

from __future__ import annotations

# -- time ---------------------------------------------------------------------

START_TIMEOUT_S = 10.0
"""From the handshake to `start`, whatever else is sent in between."""

IDLE_TIMEOUT_S = 60.0
"""Without any message of a client that is expected to send: a microphone sends fifty
a second, and who has none can ping. A client may ask for another limit."""

MIN_IDLE_TIMEOUT_S, MAX_IDLE_TIMEOUT_S = 5.0, 3600.0
"""What it may ask for."""

SEND_TIMEOUT_S = 10.0
"""How long one message may wait for a client that doesn't read; then the session
ends. Twice what a phone takes to change from one network to another."""

FLUSH_S = 1.0
"""How long the last messages may take to leave before the socket is closed."""

# -- sizes --------------------------------------------------------------------

MAX_AUDIO_BYTES = 192_000
"""Of one message, decoded: 2 s of PCM16 at 48 kHz."""

MAX_OPUS_BYTES = 8_000
"""Of one Opus packet; 120 ms at the highest rate have 7,650."""

MAX_EVENT_CHARS = 264_000
"""Of one JSON message: the most audio a message may hold, in base64."""

MAX_PLAIN_CHARS = 16_384
"""Of one JSON message that is more than one long string. Longer ones would keep the
event loop for milliseconds while they are parsed."""

MAX_PLAIN_MARKS = 64
"""Commas, colons and brackets a longer message may have: `media` has five."""

MAX_TEXT_CHARS = 8_000
"""Of what a user typed."""

MAX_BEHIND_MS = 500
"""Audio that waits for a slow socket; then the oldest goes: a conversation prefers
the present."""

MAX_WAITING_TEXTS = 2_000
"""Texts that wait for a slow socket. They can't be left out, so one more ends the
session. An app may send hundreds in one go, before the first can leave."""

# -- rates --------------------------------------------------------------------

AUDIO_SPEED = 8.0
"""How much faster than real time audio is taken, after the burst. Then reading waits,
and the socket's own flow control makes the client wait: nothing is lost."""

AUDIO_BURST_S = 1.0
"""Seconds of audio taken at once."""

MESSAGES_PER_S = 500.0
"""The same for messages; a worklet that sends each of its 128 samples has 375."""

MESSAGE_BURST = 1_000.0

MAX_EARLY_MESSAGES = 100
"""Before `start`, which a client sends first."""

SLICE_MS = 120
"""Audio that is decoded and handed over in one go: its cost, voice detection
included, is 1 ms, the longest anything may keep the event loop."""

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
"""Sample rates a client may ask for, multiples of 50, so that a frame is whole."""

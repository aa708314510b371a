"""All rows of the table, in its order."""

from __future__ import annotations

from .row import Row, p95, total
from .turn_rows import TURN_ROWS
from .video_rows import VIDEO_ROWS
from .websocket_rows import WEBSOCKET_ROWS

ROWS = (
    Row(
        "echo_cpu_ms",
        "echo: CPU of a session, ms a second",
        digits=1,
        meaning="ten sessions that all send and all get their audio back",
    ),
    Row(
        "echo_delivered",
        "echo: packets that came back, of those sent",
        digits=2,
        better="more",
        meaning="below 1 the server saves CPU by leaving audio out",
    ),
    Row(
        "echo_gap_ms",
        "echo: longest gap between packets, ms",
        meaning="of the median session, while ten run",
    ),
    Row(
        "echo_ms",
        "echo: latency p50, ms",
        meaning="from handing a tone to the client's sender until the client plays "
        "it, 80 ms after the packet came",
    ),
    Row("echo_ms", "echo: latency p95, ms", p95),
    Row("echo_lost", "echo: tones that didn't come back", total),
    Row(
        "listening_cpu_ms",
        "ReplyOnPause: CPU of a session, ms a second",
        digits=1,
        meaning="ten sessions that talk and pause, not all at once, replies included",
    ),
    Row(
        "idle_cpu_ms",
        "ReplyOnPause: CPU of a single idle session, ms a second",
        digits=1,
        meaning="it hears the noise of a quiet room; 1000 is a whole core",
    ),
    Row("listening_mib", "ReplyOnPause: memory with ten sessions, MiB"),
    Row(
        "sessions_a_core",
        "ReplyOnPause: sessions a core before replies suffer",
        better="more",
        meaning="the last step at which four conversations beside the load got all "
        "replies, their p95 at most twice that without load, in one of two tries",
    ),
    Row(
        "reply_ms",
        "end of speech to reply p50, ms",
        meaning="with a reply function that answers at once and two conversations at "
        "a time; of the utterances that were answered after their end",
    ),
    Row("reply_ms", "end of speech to reply p95, ms", p95),
    Row(
        "reply_early",
        "utterances cut off early",
        total,
        out_of="reply_turns",
        meaning="answered in a pause of up to 400 ms, before their end",
    ),
    Row("reply_missed", "utterances without a reply", total, out_of="reply_turns"),
    Row(
        "interruption_ms",
        "bot silent after an interruption's onset p50, ms",
        meaning="the user talks over the bot for 6 s; until the last that is heard",
    ),
    Row("interruption_ms", "bot silent after an interruption's onset p95, ms", p95),
    Row("interruption_failed", "interruptions with no bot to interrupt", total),
    *TURN_ROWS,
    *VIDEO_ROWS,
    *WEBSOCKET_ROWS,
    Row("import_s", "import, s", digits=2, meaning="files in the system's cache"),
    Row(
        "import_page_s",
        "import with the Gradio component, s",
        digits=2,
        meaning="`from fastrtc import WebRTC`; nearly all of it is Gradio, 6 with ours "
        "and 5 with FastRTC",
    ),
    Row(
        "size_mb",
        "installed, MB",
        meaning="all packages of a fresh environment but pip",
    ),
    Row(
        "others_cores",
        "cores that other programs used meanwhile",
        digits=2,
        meaning="the median of all measurements; much more than 0 makes every time "
        "above too long and the steps of the ramp too low",
    ),
)

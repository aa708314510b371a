"""The rows of the table about video."""

from __future__ import annotations

from .row import Row, most, p95, total


def _flip_rows(name: str, label: str, meaning: str) -> tuple[Row, ...]:
    metric, label = f"video_{name}", f"video, {label}"
    return (
        Row(f"{metric}_cpu_ms", f"{label}: CPU, ms a returned picture", digits=2),
        Row(f"{metric}_fps", f"{label}: pictures returned a second", better="more"),
        Row(f"{metric}_ms", f"{label}: lag p50, ms", meaning=meaning),
        Row(f"{metric}_ms", f"{label}: lag p95, ms", p95),
        Row(
            f"{metric}_mbps",
            f"{label}: Mbit/s returned",
            digits=2,
            better="more",
            meaning="more bits are better pictures, and cost the encoder more",
        ),
        Row(
            f"{metric}_wrong",
            f"{label}: pictures whose number can't be read where it belongs",
            total,
            out_of=f"{metric}_pictures",
        ),
    )


def _slow_rows(name: str, label: str, meaning: str) -> tuple[Row, ...]:
    metric, label = f"video_{name}", f"video, {label}"
    return (
        Row(f"{metric}_fps", f"{label}: pictures returned a second", better="more"),
        Row(f"{metric}_ms", f"{label}: lag p50, ms", meaning=meaning),
        Row(f"{metric}_ms", f"{label}: lag p95, ms", p95),
        Row(f"{metric}_ms", f"{label}: longest lag, ms", most),
        Row(
            f"{metric}_late_ms",
            f"{label}: event loop late at most, ms",
            most,
            digits=1,
            meaning="a timer of 1 ms on the server's loop, up to 1 ms of it its own; "
            "what else runs on the loop's core counts, the function's own thread too",
        ),
        Row(f"{metric}_late_p99_ms", f"{label}: event loop late p99, ms", digits=1),
        Row(
            f"{metric}_turn_cpu_ms",
            f"{label}: longest turn of the event loop, ms of CPU",
            most,
            digits=1,
            meaning="what the loop did in one go, whoever else had the core",
        ),
        Row(
            f"{metric}_gap_p99_ms",
            f"{label}: gap p99 between packets of an echo session beside it, ms",
            meaning="20 ms if nothing disturbs it; at the client",
        ),
    )


VIDEO_ROWS = (
    Row(
        "video_sent_fps",
        "video, flipped: pictures sent a second",
        better="more",
        meaning="30 unless the client was too slow",
    ),
    *_flip_rows(
        "mirror",
        "mirrored",
        "1280x720 at 30 pictures a second, one session, by a `VideoStreamHandler`; "
        "from handing an encoded picture to the client's sender until the last packet "
        "of its answer is back",
    ),
    *_flip_rows("upside_down", "upside down", "the same by a plain function"),
    *_slow_rows(
        "sleep",
        "a function that sleeps 100 ms",
        "`skip_frames=True`, 1280x720 at 30 pictures a second, after it has run for "
        "some seconds",
    ),
    *_slow_rows(
        "work",
        "a function that computes for 100 ms",
        "the same with 100 ms of CPU time in C, without the GIL, on the server's core: "
        "it can't be done in less than 100 ms and the time of all the rest",
    ),
    Row(
        "video_sessions",
        "video: sessions a core",
        better="more",
        meaning="320x240 at 15 pictures a second, mirrored: the last step at which "
        "95 % of the pictures came back and the p95 of the lag was at most 150 ms",
    ),
)

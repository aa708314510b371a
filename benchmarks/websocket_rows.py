"""The rows of the table about the WebSocket."""

from __future__ import annotations

from .row import Row


def _format_rows(name: str, label: str) -> tuple[Row, ...]:
    metric, label = f"websocket_{name}", f"WebSocket echo, {label}"
    return (
        Row(
            f"{metric}_cpu_ms",
            f"{label}: CPU of a session, ms a second",
            digits=1,
            meaning="ten sessions that all send and all get their audio back",
        ),
        Row(
            f"{metric}_delivered",
            f"{label}: messages that came back, of those sent",
            digits=2,
            better="more",
        ),
        Row(
            f"{metric}_sent",
            f"{label}: messages sent, of those that were due",
            digits=2,
            better="more",
            meaning="below 1 the client was too slow",
        ),
    )


WEBSOCKET_ROWS = (
    *_format_rows("json", "JSON"),
    *_format_rows("pcm16", "PCM"),
    *_format_rows("opus", "Opus"),
)

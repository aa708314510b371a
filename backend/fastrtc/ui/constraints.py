"""What a page asks of microphones and cameras where nothing else is said.

Everything is asked for as `ideal`: a device that lacks one still works.
"""

from __future__ import annotations

from typing import Any

AUDIO: dict[str, Any] = {
    "echoCancellation": {"ideal": True},
    "noiseSuppression": {"ideal": True},
    "autoGainControl": {"ideal": True},
    "sampleRate": {"ideal": 24_000},
    "sampleSize": {"ideal": 16},
    "channelCount": {"ideal": 1},
}


def _video(width: int, height: int) -> dict[str, Any]:
    return {
        "facingMode": "user",
        "width": {"ideal": width},
        "height": {"ideal": height},
        "frameRate": {"ideal": 30},
    }


def default_constraints(modality: str, full_screen: bool) -> dict[str, Any]:
    """The track constraints of a modality."""
    if modality == "audio":
        return dict(AUDIO)
    video = _video(1280, 720) if full_screen else _video(640, 480)
    if modality == "video":
        return video
    return {"video": video, "audio": dict(AUDIO)}

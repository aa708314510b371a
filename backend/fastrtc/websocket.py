"""The WebSocket door for routes of one's own, and names that old programs import.

@app.websocket("/my/socket")
async def socket(websocket: WebSocket) -> None:
    await serve_websocket(websocket, stream)
"""

from __future__ import annotations

from .audio import audio_to_int16, mulaw_decode, mulaw_encode, resample
from .outputs import AudioArray
from .transports.websocket import WebSocketDoor
from .websocket_route import serve_websocket

__all__ = [
    "WebSocketDoor",
    "convert_to_mulaw",
    "mulaw_decode",
    "mulaw_encode",
    "serve_websocket",
]


def convert_to_mulaw(
    audio_data: AudioArray, original_rate: int, target_rate: int
) -> bytes:
    """A whole clip as mu-law, one byte a sample.

    Args:
        audio_data: int16 or float32, mono, of shape (samples,) or (1, samples).
        original_rate, target_rate: sample rates of clip and result, Hz.
    """
    samples = audio_to_int16(audio_data).reshape(1, -1)
    return mulaw_encode(resample(samples, original_rate, target_rate))

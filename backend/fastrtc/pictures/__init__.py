"""Pictures between the network and user code: `av.VideoFrame` and numpy arrays.

On the wire and inside the server a picture is yuv420p in BT.601 colours and limited
range, which is what browsers take from a VP8 or H.264 stream that says nothing
else. User code sees and gives arrays. Everything here may be called from any thread.
"""

from __future__ import annotations

from .conversion import MAX_SIDE_PX, MIN_SIDE_PX, Color, to_array, to_frame
from .emissions import parse_picture_emission

__all__ = [
    "MAX_SIDE_PX",
    "MIN_SIDE_PX",
    "Color",
    "parse_picture_emission",
    "to_array",
    "to_frame",
]

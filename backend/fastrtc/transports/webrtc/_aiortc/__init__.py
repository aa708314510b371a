"""All that is touched of aiortc's and aioice's private parts, in one place.

`tests/unit/test_aiortc_privates.py` fails when one of them changes.

Why at all: aiortc decodes in a thread for each receiver, joined at the
interpreter's exit, behind a jitter buffer of a fixed 80 ms whose delay grows with
every loss. `divert_audio` takes the packets before all that. `shorten_audio` takes
them off the socket itself. Its buffer for video stands still for up to 512 packets
after one that never came; `divert_video` goes around it. `prepare_video` puts our
encoders into the place of its own. `bound_gathering` shortens the 5 s that aioice
waits for a STUN server which doesn't answer. `turn_without_relay` tells of a TURN
server that failed, about which aioice is silent. `repeat_checks` takes half a second
off a relayed call.
"""

from __future__ import annotations

from .audio_in import MAX_DATAGRAM, RtpPacket, divert_audio, shorten_audio
from .checks import repeat_checks
from .connection import bound_gathering, close_transports, network_is_lost
from .turn import TurnRefusedError, TurnServer, try_turn, turn_without_relay
from .video_in import VideoFeedback, VideoSink, divert_video
from .video_out import (
    MAX_VIDEO_PAYLOAD,
    RESENT_AGAIN_S,
    RESENT_AT_ONCE,
    RESENT_SHARE,
    PictureEncoder,
    prepare_video,
)

__all__ = [
    "MAX_DATAGRAM",
    "MAX_VIDEO_PAYLOAD",
    "RESENT_AGAIN_S",
    "RESENT_AT_ONCE",
    "RESENT_SHARE",
    "PictureEncoder",
    "RtpPacket",
    "TurnRefusedError",
    "TurnServer",
    "VideoFeedback",
    "VideoSink",
    "bound_gathering",
    "close_transports",
    "divert_audio",
    "divert_video",
    "network_is_lost",
    "prepare_video",
    "repeat_checks",
    "shorten_audio",
    "try_turn",
    "turn_without_relay",
]

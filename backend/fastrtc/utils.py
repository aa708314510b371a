"""Names that programs written for FastRTC import from here."""

from .audio import (
    aggregate_bytes_to_16bit,
    async_aggregate_bytes_to_16bit,
    audio_to_bytes,
    audio_to_file,
    audio_to_float32,
    audio_to_int16,
)
from .context import Context, Warning, current_context, get_current_context
from .errors import WebRTCError
from .handlers.link import Channel as DataChannel
from .messages import WebRTCData, create_message
from .outputs import AdditionalOutputs, CloseStream
from .pause_detection import AudioChunk
from .transports.webrtc import RTCConfigurationCallable
from .waiting import wait_for_item

AUDIO_PTIME = 0.020

__all__ = [
    "AUDIO_PTIME",
    "AdditionalOutputs",
    "AudioChunk",
    "CloseStream",
    "Context",
    "DataChannel",
    "RTCConfigurationCallable",
    "Warning",
    "WebRTCData",
    "WebRTCError",
    "aggregate_bytes_to_16bit",
    "async_aggregate_bytes_to_16bit",
    "audio_to_bytes",
    "audio_to_file",
    "audio_to_float32",
    "audio_to_int16",
    "create_message",
    "current_context",
    "get_current_context",
    "wait_for_item",
]

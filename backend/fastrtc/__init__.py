"""Realtime audio apps from Python functions: WebRTC, in a Gradio page or your own.

from fastrtc import ReplyOnPause, Stream

def echo(audio):
    yield audio

Stream(ReplyOnPause(echo), modality="audio").ui.launch()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .access import AccessOptions
from .audio import (
    aggregate_bytes_to_16bit,
    async_aggregate_bytes_to_16bit,
    audio_to_bytes,
    audio_to_file,
    audio_to_float32,
    audio_to_int16,
)
from .context import Warning, get_current_context
from .credentials import (
    get_cloudflare_turn_credentials,
    get_cloudflare_turn_credentials_async,
    get_coturn_credentials,
    get_coturn_credentials_async,
    get_hf_turn_credentials,
    get_hf_turn_credentials_async,
    get_turn_credentials,
    get_turn_credentials_async,
    get_twilio_turn_credentials,
    get_twilio_turn_credentials_async,
)
from .end_of_turn import EndOfTurnModel, SilenceOnly
from .errors import WebRTCError
from .handlers.base import (
    AsyncAudioVideoStreamHandler,
    AsyncStreamHandler,
    AudioVideoStreamHandler,
    StreamHandler,
)
from .handlers.replies import ReplyEnded
from .handlers.reply_on_pause import ReplyOnPause
from .handlers.reply_on_stopwords import ReplyOnStopWords
from .handlers.video import VideoStreamHandler
from .keyword_spotting import KeywordSpotter
from .messages import WebRTCData
from .options import AlgoOptions, SileroVadOptions
from .outputs import (
    AdditionalOutputs,
    AudioEmitType,
    Caption,
    CloseStream,
    VideoEmitType,
    show_caption,
)
from .pause_detection import ModelOptions, PauseDetectionModel, get_silero_model
from .speech_to_text import MoonshineSTT, STTModel, get_stt_model
from .stream import Stream, UIArgs
from .text_to_speech import CartesiaTTSOptions, KokoroTTSOptions, get_tts_model
from .waiting import wait_for_item

if TYPE_CHECKING:
    from .ui.component import WebRTC

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """WebRTC needs Gradio, which is imported when it is first asked for."""
    if name != "WebRTC":
        raise AttributeError(f"module 'fastrtc' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("fastrtc.ui.component"), name)


__all__ = [
    "AccessOptions",
    "AdditionalOutputs",
    "AlgoOptions",
    "AsyncAudioVideoStreamHandler",
    "AsyncStreamHandler",
    "AudioEmitType",
    "AudioVideoStreamHandler",
    "Caption",
    "CartesiaTTSOptions",
    "CloseStream",
    "EndOfTurnModel",
    "KeywordSpotter",
    "KokoroTTSOptions",
    "ModelOptions",
    "MoonshineSTT",
    "PauseDetectionModel",
    "ReplyEnded",
    "ReplyOnPause",
    "ReplyOnStopWords",
    "STTModel",
    "SilenceOnly",
    "SileroVadOptions",
    "Stream",
    "StreamHandler",
    "UIArgs",
    "VideoEmitType",
    "VideoStreamHandler",
    "Warning",
    "WebRTC",
    "WebRTCData",
    "WebRTCError",
    "aggregate_bytes_to_16bit",
    "async_aggregate_bytes_to_16bit",
    "audio_to_bytes",
    "audio_to_file",
    "audio_to_float32",
    "audio_to_int16",
    "get_cloudflare_turn_credentials",
    "get_cloudflare_turn_credentials_async",
    "get_coturn_credentials",
    "get_coturn_credentials_async",
    "get_current_context",
    "get_hf_turn_credentials",
    "get_hf_turn_credentials_async",
    "get_silero_model",
    "get_stt_model",
    "get_tts_model",
    "get_turn_credentials",
    "get_turn_credentials_async",
    "get_twilio_turn_credentials",
    "get_twilio_turn_credentials_async",
    "show_caption",
    "wait_for_item",
]

"""The names, places and signatures that programs rely on."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from typing import Any

import pytest

import fastrtc

NAMES = [
    "Stream",
    "UIArgs",
    "WebRTC",
    "WebRTCData",
    "WebRTCError",
    "Warning",
    "AdditionalOutputs",
    "CloseStream",
    "get_current_context",
    "wait_for_item",
    "StreamHandler",
    "AsyncStreamHandler",
    "AudioVideoStreamHandler",
    "AsyncAudioVideoStreamHandler",
    "VideoStreamHandler",
    "ReplyOnPause",
    "ReplyOnStopWords",
    "AlgoOptions",
    "AudioEmitType",
    "VideoEmitType",
    "SileroVadOptions",
    "ModelOptions",
    "PauseDetectionModel",
    "get_silero_model",
    "get_stt_model",
    "MoonshineSTT",
    "get_tts_model",
    "KokoroTTSOptions",
    "CartesiaTTSOptions",
    "audio_to_bytes",
    "audio_to_file",
    "audio_to_float32",
    "audio_to_int16",
    "aggregate_bytes_to_16bit",
    "async_aggregate_bytes_to_16bit",
    "get_hf_turn_credentials",
    "get_twilio_turn_credentials",
    "get_cloudflare_turn_credentials",
    "get_turn_credentials",
    "get_hf_turn_credentials_async",
    "get_cloudflare_turn_credentials_async",
    "get_turn_credentials_async",
]

BEYOND_FASTRTC = [
    "AccessOptions",
    "Caption",
    "EndOfTurnModel",
    "KeywordSpotter",
    "ReplyEnded",
    "STTModel",
    "SilenceOnly",
    "get_coturn_credentials",
    "get_coturn_credentials_async",
    "get_twilio_turn_credentials_async",
    "show_caption",
]
"""Ours alone."""

SUBMODULES = {
    "reply_on_pause": "AlgoOptions AppState ReplyOnPause",
    "reply_on_stopwords": "ReplyOnStopWords",
    "pause_detection": "SileroVADModel SileroVadOptions get_silero_model "
    "PauseDetectionModel ModelOptions",
    "pause_detection.silero": "SileroVADModel SileroVadOptions get_silero_model",
    "speech_to_text": "get_stt_model MoonshineSTT",
    "text_to_speech": "TTSModel TTSOptions KokoroTTSOptions get_tts_model",
    "text_to_speech.tts": "TTSModel TTSOptions KokoroTTSOptions get_tts_model",
    "stream": "Stream Body UIArgs",
    "webrtc": "WebRTC",
    "tracks": "EmitType HandlerType StreamHandler AsyncStreamHandler AudioEmitType "
    "VideoEmitType VideoStreamHandler AudioVideoStreamHandler "
    "AsyncAudioVideoStreamHandler",
    "utils": "AdditionalOutputs CloseStream audio_to_bytes audio_to_file "
    "audio_to_float32 audio_to_int16 create_message current_context wait_for_item "
    "WebRTCError RTCConfigurationCallable",
    "credentials": "get_hf_turn_credentials get_turn_credentials "
    "get_twilio_turn_credentials get_cloudflare_turn_credentials",
    "websocket": "convert_to_mulaw",
    "testing": "Conversation VirtualTimeLoop run_in_virtual_time LoudnessModel speech",
}

SIGNATURES: dict[str, list[tuple[str, Any]]] = {
    "ReplyOnPause": [
        ("fn", inspect.Parameter.empty),
        ("startup_fn", None),
        ("algo_options", None),
        ("model_options", None),
        ("can_interrupt", True),
        ("expected_layout", "mono"),
        ("output_sample_rate", 24_000),
        ("output_frame_size", None),
        ("input_sample_rate", 48_000),
        ("model", None),
        ("needs_args", False),
    ],
    "StreamHandler": [
        ("expected_layout", "mono"),
        ("output_sample_rate", 24_000),
        ("output_frame_size", None),
        ("input_sample_rate", 48_000),
        ("fps", 30),
    ],
    "VideoStreamHandler": [
        ("callable", inspect.Parameter.empty),
        ("fps", 30),
        ("skip_frames", False),
    ],
    "AlgoOptions": [
        ("audio_chunk_duration", 0.6),
        ("started_talking_threshold", 0.2),
        ("speech_threshold", 0.1),
        ("max_continuous_speech_s", float("inf")),
    ],
    "SileroVadOptions": [
        ("threshold", 0.5),
        ("min_speech_duration_ms", 250),
        ("max_speech_duration_s", float("inf")),
        ("min_silence_duration_ms", 2000),
        ("window_size_samples", 1024),
        ("speech_pad_ms", 400),
    ],
    "KokoroTTSOptions": [("voice", "af_heart"), ("speed", 1.0), ("lang", "en-us")],
    "wait_for_item": [("queue", inspect.Parameter.empty), ("timeout", 0.1)],
}

STREAM = {
    "additional_outputs_handler": None,
    "mode": "send-receive",
    "modality": "video",
    "concurrency_limit": "default",
    "time_limit": None,
    "allow_extra_tracks": False,
    "rtp_params": None,
    "rtc_configuration": None,
    "server_rtc_configuration": None,
    "track_constraints": None,
    "additional_inputs": None,
    "additional_outputs": None,
    "ui_args": None,
    "verbose": True,
}
STREAM_BEYOND_FASTRTC = {
    "video_bit_rate": None,
    "authorize": None,
    "access": None,
    "telephone": None,
}

WEBRTC = [
    "label",
    "every",
    "inputs",
    "show_label",
    "container",
    "scale",
    "min_width",
    "interactive",
    "visible",
    "elem_id",
    "elem_classes",
    "render",
    "key",
    "height",
    "width",
    "mirror_webcam",
    "rtc_configuration",
    "server_rtc_configuration",
    "track_constraints",
    "time_limit",
    "allow_extra_tracks",
    "mode",
    "modality",
    "rtp_params",
    "icon",
    "icon_button_color",
    "pulse_color",
    "icon_radius",
    "button_labels",
    "full_screen",
    "variant",
]


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", [*NAMES, *BEYOND_FASTRTC])
def test_every_public_name(name: str) -> None:
    """Lost otherwise: `from fastrtc import …` of a working program would fail."""
    assert getattr(fastrtc, name) is not None
    assert name in fastrtc.__all__


def test_no_other_public_names() -> None:
    """Lost otherwise: names nobody promised would have to be kept for ever."""
    assert sorted(fastrtc.__all__) == sorted([*NAMES, *BEYOND_FASTRTC])
    assert fastrtc.__version__


@pytest.mark.parametrize("module", SUBMODULES)
def test_every_submodule(module: str) -> None:
    """Lost otherwise: `from fastrtc.… import …` of a working program would fail."""
    imported = importlib.import_module(f"fastrtc.{module}")
    for name in SUBMODULES[module].split():
        assert getattr(imported, name) is not None
        if name in NAMES:
            assert getattr(imported, name) is getattr(fastrtc, name)


def test_a_name_that_is_not_there() -> None:
    """Lost otherwise: a typo would be None instead of an error."""
    with pytest.raises(AttributeError, match="nonsense"):
        _ = fastrtc.nonsense


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    """Lost otherwise: arguments by position would end up in the wrong place."""
    value = getattr(fastrtc, name)
    function = value.__init__ if inspect.isclass(value) else value
    parameters = inspect.signature(function).parameters.values()
    found = [(p.name, p.default) for p in parameters if p.name != "self"]
    assert found[: len(SIGNATURES[name])] == SIGNATURES[name]
    more = found[len(SIGNATURES[name]) :]
    assert all(default is not inspect.Parameter.empty for _, default in more)


def test_the_streams_signature() -> None:
    """Lost otherwise: a keyword of a working program would be refused."""
    first, *others = inspect.signature(fastrtc.Stream).parameters.values()
    assert first.name == "handler"
    assert {p.name: p.default for p in others} == {**STREAM, **STREAM_BEYOND_FASTRTC}
    assert {p.kind for p in others} == {inspect.Parameter.KEYWORD_ONLY}
    for name in ("ui", "webrtc_component", "mount", "set_input", "offer"):
        assert hasattr(fastrtc.Stream, name)
    for name in ("output_stream", "fetch_latest_output"):
        assert list(inspect.signature(getattr(fastrtc.Stream, name)).parameters) == [
            "self",
            "webrtc_id",
        ]


def test_the_components_signature() -> None:
    """Lost otherwise: a keyword of a working Gradio page would be refused."""
    parameters = inspect.signature(fastrtc.WebRTC).parameters
    assert [name for name in WEBRTC if name not in parameters] == []
    assert parameters["mirror_webcam"].default is True


def test_the_looks_that_can_be_chosen() -> None:
    """Lost otherwise: a page's title or colour would be refused or ignored."""
    assert set(fastrtc.UIArgs.__annotations__) == {
        "title",
        "subtitle",
        "icon",
        "icon_button_color",
        "pulse_color",
        "icon_radius",
        "send_input_on",
        "hide_title",
        "full_screen",
        "variant",
    }


def test_importing_needs_no_gradio_and_no_models() -> None:
    """Lost otherwise: a FastAPI service would pay seconds and memory for a page."""
    heavy = ("gradio", "onnxruntime", "librosa", "torch", "ray", "moonshine_onnx")
    program = f"import sys, fastrtc; print([m for m in {heavy} if m in sys.modules])"
    assert run(program) == "[]\n"


def test_the_older_import_name() -> None:
    """Lost otherwise: programs for gradio_webrtc would fail."""
    program = """
import sys, fastrtc
assert "gradio" not in sys.modules
import gradio_webrtc
from gradio_webrtc import WebRTC, StreamHandler
assert "gradio" in sys.modules
assert all(getattr(gradio_webrtc, n) is getattr(fastrtc, n) for n in fastrtc.__all__)
print("same")
"""
    assert run(program) == "same\n"

"""Small stand-ins for the weights of the speech models, made on the spot.

They have the inputs and outputs of the real graphs, so that the real loading and
decoding code runs on them.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np

from fastrtc.speech_to_text.moonshine_graph import DecoderLayout

TINY = DecoderLayout(layers=6, heads=8, head_dim=36)
BASE = DecoderLayout(layers=8, heads=8, head_dim=52)


def make_moonshine(folder: Path, layout: DecoderLayout = TINY) -> Path:
    """Weights of Moonshine that hear one word for every tenth of the clip's peak."""
    import onnx

    library: Any = onnx
    for name, graph in (
        ("encoder_model.onnx", _encoder_graph(library)),
        ("decoder_model_merged.onnx", _decoder_graph(library, layout)),
    ):
        _save(library, graph, folder / name)
    return folder


def make_kokoro(folder: Path) -> Path:
    """Weights of Kokoro that say 600 samples a phoneme, as loud as the voice."""
    import onnx

    library: Any = onnx
    _save(library, _kokoro_graph(library), folder / "kokoro-v1.0.onnx")
    voices: dict[str, Any] = {
        "af_heart": np.full((510, 1, 256), 0.25, np.float32),
        "loud": np.full((510, 1, 256), 0.5, np.float32),
    }
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, **voices)
    return folder


class Words:
    """A tokenizer that writes tokens as words: 3 and 4 are "w3 w4"."""

    def decode_batch(self, tokens: list[list[int]]) -> list[str]:
        return [" ".join(f"w{token}" for token in tokens[0] if token > 2)]


def words_library() -> types.ModuleType:
    """The stt extra's library with that tokenizer."""
    library: Any = types.ModuleType("moonshine_onnx")
    library.load_tokenizer = Words
    return library


def tone(peak: float, seconds: float, sample_rate_hz: int = 16_000) -> Any:
    """A sine wave of 440 Hz, float32 of shape (samples,)."""
    time_s = np.arange(int(seconds * sample_rate_hz)) / sample_rate_hz
    return (peak * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)


def _save(onnx: Any, graph: Any, path: Path) -> None:
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _encoder_graph(onnx: Any) -> Any:
    """Its hidden states are ten times the clip's peak, rounded."""
    h, f32 = onnx.helper, onnx.TensorProto.FLOAT
    shape = onnx.numpy_helper.from_array(np.array([1, 4, 8]), "shape")
    ten = onnx.numpy_helper.from_array(np.array(10, np.float32), "ten")
    return h.make_graph(
        [
            h.make_node("Abs", ["input_values"], ["absolute"]),
            h.make_node("ReduceMax", ["absolute"], ["peak"], keepdims=0),
            h.make_node("Mul", ["peak", "ten"], ["scaled"]),
            h.make_node("Round", ["scaled"], ["rounded"]),
            h.make_node("Expand", ["rounded", "shape"], ["last_hidden_state"]),
        ],
        "encoder",
        [h.make_tensor_value_info("input_values", f32, [1, "n"])],
        [h.make_tensor_value_info("last_hidden_state", f32, [1, 4, 8])],
        [shape, ten],
    )


def _decoder_graph(onnx: Any, layout: DecoderLayout) -> Any:
    """Says tokens 3, 4, … as many as the hidden states say, then the end token.

    It counts in the decoder's cache, and from the second step on takes the number
    from the encoder's cache, which it gives out right at the first step only: as the
    real one, it answers wrongly unless the caches are carried as they must be.
    """
    h, f32, i64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    names = list(layout.empty_cache())
    count_in, limit_in = names[0], names[2]

    def constant(name: str, value: Any) -> Any:
        return onnx.numpy_helper.from_array(np.array(value), name)

    nodes: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("ReduceSum", [count_in], "count_sum", {"keepdims": 0}),
        ("Div", ["count_sum", "size"], "count", {}),
        ("Add", ["count", "one"], "next", {}),
        ("ReduceMean", ["encoder_hidden_states"], "hidden", {"keepdims": 0}),
        ("ReduceSum", [limit_in], "limit_sum", {"keepdims": 0}),
        ("Div", ["limit_sum", "size"], "kept", {}),
        ("Where", ["use_cache_branch", "kept", "hidden"], "limit", {}),
        ("Where", ["use_cache_branch", "garbage", "hidden"], "given", {}),
        ("Less", ["count", "limit"], "more", {}),
        ("Add", ["count", "three"], "word", {}),
        ("Where", ["more", "word", "two"], "token", {}),
        ("Cast", ["token"], "index", {"to": i64}),
        ("OneHot", ["index", "depth", "levels"], "one_hot", {"axis": -1}),
        ("Reshape", ["one_hot", "logits_shape"], "logits", {}),
    ]
    presents: list[str] = []
    for position, name in enumerate(names):
        source = {0: "next", 2: "given"}.get(position, "one")
        presents.append(name.replace("past_key_values", "present"))
        nodes.append(("Expand", [source, "cache_shape"], presents[-1], {}))
    cache = ["a", layout.heads, "b", layout.head_dim]
    info = h.make_tensor_value_info
    return h.make_graph(
        [h.make_node(op, ins, [out], **extra) for op, ins, out, extra in nodes],
        "decoder",
        [
            info("input_ids", i64, [1, "n"]),
            info("encoder_hidden_states", f32, [1, "t", 8]),
            info("use_cache_branch", onnx.TensorProto.BOOL, [1]),
            *(info(name, f32, cache) for name in names),
        ],
        [
            info("logits", f32, [1, 1, 64]),
            *(info(name, f32, cache) for name in presents),
        ],
        [
            constant("size", np.float32(layout.heads * layout.head_dim)),
            constant("one", np.float32(1)),
            constant("two", np.float32(2)),
            constant("three", np.float32(3)),
            constant("garbage", np.float32(-1000)),
            constant("depth", 64),
            constant("levels", np.array([0, 1], np.float32)),
            constant("logits_shape", [1, 1, 64]),
            constant("cache_shape", [1, layout.heads, 1, layout.head_dim]),
        ],
    )


def _kokoro_graph(onnx: Any) -> Any:
    h, f32 = onnx.helper, onnx.TensorProto.FLOAT
    info = h.make_tensor_value_info
    samples = onnx.numpy_helper.from_array(np.array([600]), "samples")
    return h.make_graph(
        [
            h.make_node("Shape", ["tokens"], ["shape"], start=1),
            h.make_node("Mul", ["shape", "samples"], ["length"]),
            h.make_node("ReduceMax", ["style"], ["level"], keepdims=0),
            h.make_node("Div", ["level", "speed"], ["loudness"]),
            h.make_node("Expand", ["loudness", "length"], ["audio"]),
        ],
        "kokoro",
        [
            info("tokens", onnx.TensorProto.INT64, [1, "n"]),
            info("style", f32, [1, 256]),
            info("speed", f32, [1]),
        ],
        [info("audio", f32, ["m"])],
        [samples],
    )

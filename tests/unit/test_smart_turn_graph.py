"""fastrtc.end_of_turn.smart_turn_graph: the published network, shorter and cheaper."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest

from fastrtc.end_of_turn.log_mel import log_mel
from fastrtc.end_of_turn.smart_turn import WEIGHTS
from fastrtc.end_of_turn.smart_turn_graph import fitted

PUBLISHED_FRAMES = 800


def session(model: bytes, optimized: Path | None = None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    return onnxruntime.InferenceSession(model, sess_options=options)


@lru_cache
def clips() -> Any:
    """Vowel-like sounds of rising and falling pitch, of 1 to 3 s, and a pause."""
    dice = np.random.default_rng(5)
    found: list[Any] = []
    for start_hz in (90, 140, 210):
        for end_hz in (80, 130, 240):
            seconds = np.arange(int(dice.uniform(1, 3) * 16_000)) / 16_000
            pitch_hz = start_hz + (end_hz - start_hz) * seconds / seconds[-1]
            phase = 2 * np.pi * np.cumsum(pitch_hz) / 16_000
            voice = sum(np.sin(n * phase) / n for n in range(1, 20))
            syllables = np.clip(np.sin(2 * np.pi * 3 * seconds), 0, 1)
            pause = np.zeros(3200)
            clip = np.concatenate((0.1 * voice * syllables, pause))
            clip += dice.normal(0, 0.0006, clip.size)
            found.append(clip.astype(np.float32))
    return found


def judged(model: bytes) -> Any:
    """Probabilities of all clips."""
    features = np.stack([log_mel(clip, PUBLISHED_FRAMES * 160) for clip in clips()])
    return session(model).run(None, {"input_features": features})[0][:, 0]


def unrounded(data: bytes) -> bytes:
    """A model whose activations are never made int8."""
    model = onnx.load_from_string(data)
    rounded: set[str] = set()
    for node in model.graph.node:
        into_int8 = node.op_type == "QuantizeLinear"
        if into_int8 or node.input[0] in rounded:
            if into_int8:
                rounded.add(node.output[0])
            node.op_type = "Identity"
            del node.input[1:]
    del model.graph.value_info[:]
    return model.SerializeToString()


def test_the_published_graph_says_the_same() -> None:
    """Lost otherwise: saving CPU would make the bot misjudge who has finished."""
    published = WEIGHTS.read_bytes()
    ours = judged(unrounded(fitted(published, PUBLISHED_FRAMES)))
    theirs = judged(unrounded(published))
    assert np.ptp(theirs) > 0.5
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_rounded_it_is_no_further_from_the_network_than_the_published_graph() -> None:
    """Lost otherwise: the probabilities would be noise around what was trained."""
    published = WEIGHTS.read_bytes()
    exact = judged(unrounded(published))
    ours = judged(fitted(published, PUBLISHED_FRAMES))
    theirs = judged(published)
    print(exact, ours, theirs)
    assert np.abs(ours - exact).mean() <= np.abs(theirs - exact).mean()


@pytest.mark.parametrize("frames", [200, 400, PUBLISHED_FRAMES])
def test_products_stay_in_int8(frames: int, tmp_path: Path) -> None:
    """Lost otherwise: a question would cost four times as much."""
    file = tmp_path / "optimized.onnx"
    session(fitted(WEIGHTS.read_bytes(), frames), file)
    operators = Counter(node.op_type for node in onnx.load(file).graph.node)
    assert operators["MatMulIntegerToFloat"] + operators["QLinearMatMul"] == 34
    assert operators["MatMul"] + operators["Gemm"] + operators["Conv"] == 0
    assert operators["Erf"] + operators["QLinearSoftmax"] == 0


@pytest.mark.parametrize("frames", [2, 400, PUBLISHED_FRAMES])
def test_it_takes_as_many_frames(frames: int) -> None:
    """Lost otherwise: the model could only be asked about 8 s."""
    model = session(fitted(WEIGHTS.read_bytes(), frames))
    (taken,) = model.get_inputs()
    assert taken.shape[1:] == [80, frames]
    features = np.zeros((1, 80, frames), np.float32)
    (p,) = model.run(None, {"input_features": features})
    assert p.shape == (1, 1)
    assert 0 <= p[0, 0] <= 1


@pytest.mark.parametrize("frames", [0, 3, 802])
def test_a_length_the_network_has_not_is_refused(frames: int) -> None:
    """Lost otherwise: onnxruntime would fail at each question, and say why badly."""
    with pytest.raises(ValueError, match="odd|rows"):
        fitted(WEIGHTS.read_bytes(), frames)


def test_a_model_without_the_two_constants_is_refused() -> None:
    """Lost otherwise: a damaged file would be judged by, or crash the process."""
    empty = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    with pytest.raises(KeyError, match="val_21"):
        fitted(empty.SerializeToString(), 400)


def test_an_erf_in_other_company_is_refused() -> None:
    """Lost otherwise: another version of the network would be computed wrongly."""
    model = onnx.load_from_string(WEIGHTS.read_bytes())
    for node in model.graph.node:
        if node.op_type == "Div":
            node.op_type = "Mul"
    with pytest.raises(ValueError, match="GELU"):
        fitted(model.SerializeToString(), 400)

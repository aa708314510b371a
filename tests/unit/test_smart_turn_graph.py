"""fastrtc.end_of_turn.smart_turn_graph: the published network, shorter and cheaper."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from fastrtc.end_of_turn.log_mel import log_mel
from fastrtc.end_of_turn.smart_turn import WEIGHTS, SmartTurnModel
from fastrtc.end_of_turn.smart_turn_graph import fitted
from tests.support.recordings import recording

PUBLISHED_FRAMES = 800
PROMPTS = (
    "conf-onlyperson",
    "conf-kicked",
    "conf-invalidpin",
    "vm-passchanged",
    "conf-getpin",
    "transfer",
    "demo-echodone",
    "dir-nomatch",
)


def session(model: bytes, optimized: Path | None = None, exact: bool = False) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if exact:
        # Some versions round even products in float, for speed.
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    return onnxruntime.InferenceSession(model, sess_options=options)


@lru_cache
def clips() -> Any:
    """Recorded prompts, whole and only their first halves, each with a pause."""
    dice = np.random.default_rng(0)
    found: list[Any] = []
    for name in PROMPTS:
        _, pcm = recording(f"asterisk/{name}")
        loud = np.flatnonzero(np.abs(pcm[0]) > np.abs(pcm).max() / 30)
        prompt = pcm[0, loud[0] : loud[-1]] / 32768
        for speech in (prompt, prompt[: prompt.size // 2]):
            clip = np.concatenate((speech, np.zeros(3200)))
            clip += dice.normal(0, 0.0006, clip.size)
            found.append(clip.astype(np.float32))
    return found


def judged(model: bytes, exact: bool = False) -> Any:
    """Probabilities of all clips."""
    features = np.stack([log_mel(clip, PUBLISHED_FRAMES * 160) for clip in clips()])
    inputs = {"input_features": features}
    return session(model, exact=exact).run(None, inputs)[0][:, 0]


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
    ours = judged(unrounded(fitted(published, PUBLISHED_FRAMES)), exact=True)
    theirs = judged(unrounded(published), exact=True)
    assert np.ptp(theirs) > 0.5
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_rounding_does_less_harm_than_in_the_published_graph() -> None:
    """Lost otherwise: the probabilities would be noise around what was trained."""
    published = WEIGHTS.read_bytes()
    exact = judged(unrounded(published), exact=True)
    ours = judged(fitted(published, PUBLISHED_FRAMES))
    theirs = judged(published)
    assert np.abs(ours - exact).mean() < np.abs(theirs - exact).mean() / 2


def test_whole_and_half_sentences_are_told_apart() -> None:
    """Lost otherwise: the bot would speak into pauses of real people."""
    model = SmartTurnModel()
    for index, clip in enumerate(clips()):
        whole = index % 2 == 0
        assert (model.end_of_turn((16_000, clip)) > 0.3) == whole


@pytest.mark.parametrize("frames", [200, 400, PUBLISHED_FRAMES])
def test_products_stay_in_int8(frames: int, tmp_path: Path) -> None:
    """Lost otherwise: a question would cost four times as much."""
    file = tmp_path / "optimized.onnx"
    session(fitted(WEIGHTS.read_bytes(), frames), file)
    operators = Counter(node.op_type for node in onnx.load(file).graph.node)
    # All but the one after the GELU that int8 is too coarse for.
    assert operators["MatMulIntegerToFloat"] + operators["QLinearMatMul"] == 33
    assert operators["QGemm"] == 3
    assert operators["QLinearConv"] == 2
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
    with pytest.raises(ValueError, match=r"odd|rows"):
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

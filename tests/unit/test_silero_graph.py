"""fastrtc.pause_detection.silero_graph: the published network in another order."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest

from fastrtc._protobuf import field, fields
from fastrtc.pause_detection.silero import WEIGHTS, SileroVADModel
from fastrtc.pause_detection.silero_graph import rearranged

WINDOWS = 64


@pytest.fixture(scope="module")
def inputs() -> Any:
    """Windows with noise, tones and silence, loud and faint."""
    dice = np.random.default_rng(0)
    time_s = np.arange(576) / 16_000
    pitches_hz = dice.uniform(90, 400, (WINDOWS, 1))
    voice = np.sign(np.sin(2 * np.pi * pitches_hz * time_s)) * dice.uniform(0, 1, 576)
    noise = dice.normal(0, 0.1, (WINDOWS, 576))
    loudness = np.repeat([0, 0.01, 0.1, 1], WINDOWS // 4)[:, None]
    return ((voice + noise) * loudness).astype(np.float32)


@pytest.fixture(scope="module")
def expected(inputs: Any) -> Any:
    """What the published graph makes of them: probabilities and the last state."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(WEIGHTS), sess_options=options)
    state = np.zeros((2, 1, 128), np.float32)
    probabilities: list[float] = []
    for window in inputs:
        feed = {"input": window[None], "state": state, "sr": np.array(16_000)}
        output, state = cast("Any", session.run(None, feed))
        probabilities.append(output[0, 0])
    return np.array(probabilities), state


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, WINDOWS])
def test_the_published_graph_says_the_same(
    at_once: int, inputs: Any, expected: Any
) -> None:
    """Lost otherwise: saving CPU would make the bot mishear when people speak."""
    model = SileroVADModel()
    state = np.zeros((2, 1, 128), np.float32)
    parts: list[Any] = []
    for start in range(0, WINDOWS, at_once):
        part, state = model(inputs[start : start + at_once], state)
        parts.append(part)
    assert np.concatenate(parts) == pytest.approx(expected[0], abs=1e-5)
    assert state == pytest.approx(expected[1], abs=1e-3)


def test_it_is_a_model_as_onnx_wants_it() -> None:
    """Lost otherwise: the next onnxruntime might refuse it."""
    model = onnx.load_from_string(rearranged(WEIGHTS.read_bytes()))
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("data", [b"", b"no model", b"\x0a\xff"])
def test_another_file_is_refused(data: bytes) -> None:
    """Lost otherwise: a damaged file would be judged by, or crash the process."""
    with pytest.raises((ValueError, KeyError)):
        rearranged(data)


def test_another_model_is_refused() -> None:
    """Lost otherwise: a damaged file would be judged by, or crash the process."""
    empty = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))
    with pytest.raises(KeyError):
        rearranged(empty.SerializeToString())


def test_messages_are_read_as_they_are_written() -> None:
    """Lost otherwise: the graph could not be read or made."""
    message = field(1, 0) + field(2, 2**40 + 3) + field(99, b"\x00\xff") + field(4, "é")
    fixed = b"\x29" + bytes(8) + b"\x35" + bytes(4)
    assert list(fields(message + fixed)) == [
        (1, 0),
        (2, 2**40 + 3),
        (99, b"\x00\xff"),
        (4, "é".encode()),
        (5, bytes(8)),
        (6, bytes(4)),
    ]


@pytest.mark.parametrize("data", [b"\x08", b"\x0a\x05abc", b"\x80", b"\x0b", b"\x29ab"])
def test_damaged_messages_are_refused(data: bytes) -> None:
    """Lost otherwise: a damaged file would be read as zeros, or for ever."""
    with pytest.raises(ValueError, match=r"cut short|wire type"):
        list(fields(data))

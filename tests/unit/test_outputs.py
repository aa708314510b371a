"""fastrtc.outputs: what user code may emit, and what it may not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from av import VideoFrame

from fastrtc import AdditionalOutputs, Caption, CloseStream
from fastrtc.errors import OutputError
from fastrtc.options import MAX_MESSAGE_CHARS
from fastrtc.outputs import Emission, parse_emission

PCM = np.array([[1, -2, 3]], np.int16)
STEREO = np.array([[1, 3], [3, 5]], np.int16)


def samples(value: object) -> Any:
    emission = parse_emission(value)
    assert emission.clip is not None
    assert emission.clip.samples.dtype == np.int16
    return emission.clip.samples.tolist()


def test_none_is_nothing() -> None:
    """Lost otherwise: a handler with nothing to say could not say so."""
    assert parse_emission(None).empty
    assert parse_emission(None) == Emission()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (PCM, [[1, -2, 3]]),
        (PCM[0], [[1, -2, 3]]),
        (STEREO, [[1, 3], [3, 5]]),
        (np.array([0.5, 2.0, np.nan], np.float32), [[16383, 32767, 0]]),
    ],
)
def test_every_allowed_array(array: Any, expected: Any) -> None:
    """Lost otherwise: audio of a documented form would be refused."""
    assert samples((24_000, array)) == expected


@pytest.mark.parametrize("array", [np.zeros((1, 0), np.int16), np.zeros(0, np.float32)])
def test_no_samples_are_nothing(array: Any) -> None:
    """Lost otherwise: an emit that gives empty arrays would spin on a whole core."""
    assert parse_emission((24_000, array)).empty


def test_the_rate_is_kept() -> None:
    """Lost otherwise: the bot would speak too fast or too slowly."""
    for rate in (8000, np.int64(44_100)):
        emission = parse_emission((rate, PCM))
        assert emission.clip is not None
        assert emission.clip.sample_rate_hz == rate
        assert type(emission.clip.sample_rate_hz) is int


@pytest.mark.parametrize(
    ("array", "layout", "expected"),
    [
        (PCM, "mono", [[1, -2, 3]]),
        (PCM, "stereo", [[1, -2, 3], [1, -2, 3]]),
        (STEREO, "stereo", [[1, 3], [3, 5]]),
        (STEREO, "mono", [[2, 4]]),
        (PCM, None, [[1, -2, 3]]),
    ],
)
def test_layouts(array: Any, layout: Any, expected: Any) -> None:
    """Lost otherwise: handlers that name their layout would fall silent."""
    assert samples((24_000, array, layout)) == expected


def test_outputs_and_ends_alone() -> None:
    """Lost otherwise: pages would get no values, and bots could not hang up."""
    outputs, close = AdditionalOutputs(1, "a"), CloseStream("bye")
    assert parse_emission(outputs) == Emission(outputs=outputs)
    assert parse_emission(close) == Emission(close=close)
    assert outputs.args == (1, "a")
    assert close.msg == "bye"
    assert CloseStream().msg == "Stream closed"
    assert repr(outputs) == "AdditionalOutputs(1, 'a')"


@pytest.mark.parametrize("last", [AdditionalOutputs(1), CloseStream()])
@pytest.mark.parametrize("audio", [(24_000, PCM), (24_000, PCM, "mono")])
def test_audio_paired_with_either(audio: Any, last: Any) -> None:
    """Lost otherwise: text and voice could not come together."""
    emission = parse_emission((audio, last))
    assert emission.clip is not None
    assert last in (emission.outputs, emission.close)
    assert not emission.empty


def test_none_paired_with_outputs_is_the_outputs_alone() -> None:
    """Lost otherwise: handlers that emit (None, outputs) would raise."""
    emission = parse_emission((None, AdditionalOutputs(1)))
    assert emission.clip is None
    assert emission.outputs is not None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("text", "got a str, expected"),
        (PCM, "got a ndarray, expected"),
        ([24_000, PCM], "got a list"),
        ((24_000,), "a tuple of 1"),
        ((24_000, PCM, "mono", 1), "a tuple of 4"),
        ((24_000, [1, 2]), r"got \(rate, list\)"),
        ((24_000.0, PCM), "sample rate must be an int in Hz, not float"),
        ((True, PCM), "not bool"),
        ((0, PCM), "1 to 192000 Hz, not 0"),
        ((10**6, PCM), "1 to 192000 Hz"),
        ((PCM, 24_000), "sample rate must be an int"),
        ((24_000, PCM.astype(np.float64)), "int16 or float32, not float64"),
        ((24_000, PCM.astype(np.int32)), "int16 or float32, not int32"),
        ((24_000, np.zeros((3, 100), np.int16)), r"not \(3, 100\)"),
        ((24_000, np.zeros((100, 1), np.int16)), r"not \(100, 1\)"),
        ((24_000, np.zeros((1, 1, 9), np.int16)), r"not \(1, 1, 9\)"),
        ((24_000, np.int16(3)), "rate, int16"),
        ((24_000, np.array(3, np.int16)), r"not \(\)"),
        ((24_000, PCM, "surround"), 'layout must be "mono" or "stereo"'),
        (("text", AdditionalOutputs(1)), "got a str"),
        ((24_000, AdditionalOutputs(1)), "got a int"),
        (AdditionalOutputs, "got a type"),
    ],
)
def test_what_is_not_allowed_gets_an_error_that_says_what_is(
    value: object, says: str
) -> None:
    """Lost otherwise: a wrong yield would be silence, or a crash far from it."""
    with pytest.raises(OutputError, match=says):
        parse_emission(value)
    with pytest.raises(TypeError):
        parse_emission(value)


def test_a_picture_alone_is_something() -> None:
    """Lost otherwise: video handlers that make no sound would show nothing."""
    assert not Emission(picture=VideoFrame(2, 2, "yuv420p")).empty
    assert Emission().picture is None


def test_captions() -> None:
    """Lost otherwise: the bot's words could not be read."""
    line = Caption("Hello")
    assert parse_emission(line) == Emission(caption=line)
    assert not parse_emission(line).empty
    both = parse_emission(((24_000, PCM), line))
    assert both.caption is line
    assert both.clip is not None
    assert parse_emission((None, line)) == Emission(caption=line)


def test_a_captions_message() -> None:
    """Lost otherwise: pages could not read captions."""
    named = json.loads(Caption("Hi", "user", False, "a").message())
    assert named == {
        "type": "caption",
        "data": {"role": "user", "text": "Hi", "id": "a", "final": False},
    }
    line = Caption("Hi")
    first, second = json.loads(line.message()), json.loads(line.message())
    assert first["data"].pop("id") != second["data"].pop("id")
    expected = {"role": "assistant", "text": "Hi", "final": True}
    assert first["data"] == second["data"] == expected


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": 3}, "text must be a str of at most 65536 characters, not a int"),
        ({"text": "x" * (MAX_MESSAGE_CHARS + 1)}, "not one of 65537"),
        ({"text": "x", "role": "bot"}, "role must be .* not 'bot'"),
        ({"text": "x", "id": 3}, "id must be a str of 1 to 128 characters, not a int"),
        ({"text": "x", "id": ""}, "not one of 0"),
        ({"text": "x", "id": "x" * 129}, "not one of 129"),
    ],
)
def test_bad_captions_are_refused(arguments: Any, error: str) -> None:
    """Lost otherwise: the mistake would show on some page, or nowhere."""
    with pytest.raises(OutputError, match=error):
        Caption(**arguments)

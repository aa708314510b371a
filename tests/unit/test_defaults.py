"""fastrtc.session.defaults: the values of untouched components."""

from __future__ import annotations

from typing import Any

import pytest

from fastrtc.session.defaults import component_defaults


class Component:
    """What is asked of a Gradio component."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def preprocess(self, payload: Any) -> Any:
        return payload


class Failing(Component):
    def preprocess(self, payload: Any) -> Any:
        raise ValueError("no file")


class Model:
    def __init__(self, text: str) -> None:
        self.text = text

    @classmethod
    def from_json(cls, value: Any) -> Model:
        return cls(value["text"])


class Modelled(Component):
    data_model = Model

    def preprocess(self, payload: Any) -> Any:
        return None if payload is None else payload.text


def test_values_go_through_preprocess() -> None:
    """Lost otherwise: handlers would get other values than the page sends."""
    assert component_defaults([Component(3), Component("a"), Component()]) == [
        3,
        "a",
        None,
    ]


def test_a_value_of_a_data_model() -> None:
    """Lost otherwise: files and multimodal boxes would have no default."""
    components = [Modelled({"text": "x"}), Modelled(Model("y")), Modelled()]
    assert component_defaults(components) == ["x", "y", None]


def test_a_component_that_fails_has_no_default() -> None:
    """Lost otherwise: one odd component would keep the app from starting."""
    assert component_defaults([Failing(1), Component(2), object()]) == [None, 2, None]


def test_real_components() -> None:
    """Lost otherwise: the defaults on a real page would be wrong."""
    gradio: Any = pytest.importorskip("gradio")
    components = [
        gradio.Slider(0, 10, value=3),
        gradio.Textbox("hello"),
        gradio.Checkbox(True),
        gradio.Dropdown(["a", "b"], value="b"),
        gradio.Number(),
    ]
    assert component_defaults(components) == [3, "hello", True, "b", None]


def test_sessions_share_no_default() -> None:
    """Lost otherwise: what one user leaves in a State would reach the next one."""
    state = Component([])
    first, second = component_defaults([state]), component_defaults([state])
    first[0].append("a secret")
    assert second == [[]]
    assert component_defaults([state]) == [[]]

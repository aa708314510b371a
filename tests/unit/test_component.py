"""fastrtc.ui: what the component accepts, and what it tells its front end.

Tests that build a page are coroutines: without a running loop Gradio makes one, and
never closes it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import gradio as gr
import pytest

from fastrtc import ReplyOnPause, VideoStreamHandler, WebRTC
from fastrtc.errors import ConfigurationError
from fastrtc.media import Modality, Mode
from fastrtc.testing import LoudnessModel
from fastrtc.ui.trigger import is_start_value, start_value
from fastrtc.ui.wiring import sending_event
from tests.support.handlers import AsyncHandler

ROOT = Path(__file__).parents[2]


def silent(*_: Any) -> Any:
    """A handler's function that nobody calls here."""
    return None


def targets(blocks: gr.Blocks, function: str) -> list[tuple[int | None, str]]:
    """The components and events that run a function of this name."""
    fns = blocks.fns.values()
    return [t for fn in fns if fn.name == function for t in fn.targets]


# -- .stream() -------------------------------------------------------------------------


async def test_receive_mode_is_started_by_its_trigger() -> None:
    """Lost otherwise: a radio would have no button, or take the component for input."""
    with gr.Blocks() as demo:
        speed, play, call = gr.Slider(), gr.Button(), WebRTC(mode="receive")
        call.stream(silent, inputs=[speed], outputs=[call], trigger=play.click)
    assert targets(demo, "start_value") == [(play._id, "click")]
    start = next(fn for fn in demo.fns.values() if fn.name == "start_value")
    assert start.outputs == [call]
    tick = next(fn for fn in demo.fns.values() if (call._id, "tick") in fn.targets)
    assert tick.inputs == [call, speed]
    assert call.realtime is not None
    assert call.realtime.additional_input_components == [speed]


async def test_a_trigger_may_start_a_call_too() -> None:
    """Lost otherwise: a page with a button of its own could not make calls."""
    with gr.Blocks() as demo:
        play, call = gr.Button(), WebRTC(mode="send-receive")
        call.stream(silent, inputs=[call], outputs=[call], trigger=play.click)
    assert targets(demo, "start_value") == [(play._id, "click")]


def test_start_values_are_new_each_time() -> None:
    """Lost otherwise: the second click would do nothing."""
    assert start_value() != start_value()
    assert is_start_value(start_value())
    assert not is_start_value("a-session")
    assert not is_start_value(None)


@pytest.mark.parametrize(
    ("mode", "arguments", "says"),
    [
        ("send-receive", {"inputs": []}, r"first of the inputs .* inputs=\[webrtc"),
        ("send", {"inputs": ["slider", "call"]}, "first of the inputs"),
        ("send-receive", {"outputs": []}, r"only output .* outputs=\[webrtc\]"),
        ("send", {"outputs": ["call", "slider"]}, "only output"),
        ("receive", {"inputs": ["call"], "trigger": "click"}, "leave it out of inputs"),
        ("receive", {"inputs": []}, "trigger=button.click"),
        ("receive", {"inputs": [], "trigger": "button"}, "not a Button"),
        ("receive", {"inputs": [], "outputs": [], "trigger": "click"}, "only output"),
        ("send-receive", {"send_input_on": "blur"}, '"change" or "submit"'),
        ("send-receive", {"concurrency_limit": 0}, "concurrency_limit must"),
        ("send-receive", {"fn": 3}, "the handler must be a function"),
    ],
)
async def test_what_can_not_work_is_refused_with_what_to_change(
    mode: Mode, arguments: dict[str, Any], says: str
) -> None:
    """Lost otherwise: a page would come up that never gets its inputs."""
    with gr.Blocks():
        call, slider, button = WebRTC(mode=mode), gr.Slider(), gr.Button()
        things: dict[Any, Any] = {
            "call": call,
            "slider": slider,
            "button": button,
            "click": button.click,
        }
        given: dict[str, Any] = {"fn": silent, "inputs": ["call", "slider"]}
        given = {"outputs": ["call"], **given, **arguments}
        for name in ("inputs", "outputs"):
            given[name] = [things[one] for one in given[name]]
        given["trigger"] = things.get(given.get("trigger"))
        with pytest.raises(ValueError, match=says) as refusal:
            call.stream(**given)
        assert isinstance(refusal.value, ConfigurationError)
        assert call.realtime is None


def test_unknown_looks_are_refused() -> None:
    """Lost otherwise: a typo would be a page that silently is something else."""
    for wrong in ({"mode": "both"}, {"modality": "smell"}, {"variant": "cube"}):
        options: dict[str, Any] = wrong
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
            WebRTC(render=False, **options)


async def test_generator_functions_need_the_queue() -> None:
    """Lost otherwise: each output would end in an error that names nothing."""

    def typing(_: Any) -> Any:
        yield "a"

    with gr.Blocks():
        call = WebRTC()
        with pytest.raises(ConfigurationError, match="needs the queue"):
            call.on_additional_outputs(typing, queue=False)


@pytest.mark.parametrize(
    ("component", "change", "submit"),
    [
        (gr.Textbox, "change", "submit"),
        (gr.Slider, "change", "release"),
        (gr.Checkbox, "change", "change"),
        (gr.Dropdown, "change", "change"),
        (gr.State, "change", "change"),
        (gr.Image, "change", "change"),
    ],
)
async def test_every_component_has_an_event_that_sends_it(
    component: Any, change: str, submit: str
) -> None:
    """Lost otherwise: a slider would do nothing with send_input_on="submit"."""
    with gr.Blocks():
        made = component()
    assert sending_event(made, "change") == getattr(made, change)
    assert sending_event(made, "submit") == getattr(made, submit)


def test_a_component_without_events_is_no_error() -> None:
    """Lost otherwise: a custom component could not be an input."""
    assert sending_event(gr.Row(render=False), "change") is None


# -- what the front end is told --------------------------------------------------------


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("modality", get_args(Modality))
def test_the_front_end_gets_all_its_properties(mode: Mode, modality: Modality) -> None:
    """Lost otherwise: the front end would read what Python never sends."""
    config = WebRTC(mode=mode, modality=modality, render=False).get_config()
    types = (ROOT / "frontend" / "types.ts").read_text("utf-8")
    interface = re.search(r"interface Props \{(.*?)\n\}", types, re.DOTALL)
    assert interface is not None
    wanted = set(re.findall(r"^  (\w+)\??:", interface[1], re.MULTILINE))
    assert wanted >= {"value", "mode", "modality", "track_constraints", "variant"}
    assert wanted <= set(config)
    assert (config["mode"], config["modality"]) == (mode, modality)


def test_the_front_end_gets_the_values_that_were_given() -> None:
    """Lost otherwise: an argument would have no effect."""
    given: dict[str, Any] = {
        "height": 300,
        "width": "50%",
        "mirror_webcam": False,
        "track_constraints": {"width": 320},
        "rtp_params": {"degradationPreference": "maintain-framerate"},
        "time_limit": 90,
        "icon_button_color": "red",
        "pulse_color": "blue",
        "icon_radius": 10,
        "full_screen": False,
        "variant": "textbox",
    }
    config = WebRTC(render=False, button_labels={"start": "Go"}, **given).get_config()
    assert {name: config[name] for name in given} == given
    assert config["button_labels"] == {"start": "Go", "stop": "", "waiting": ""}


def test_ice_servers_are_not_in_the_page() -> None:
    """Lost otherwise: whoever opens the page could read the TURN password in it."""
    servers: Any = {"iceServers": [{"urls": "turn:x", "credential": "secret"}]}
    call = WebRTC(
        render=False, rtc_configuration=servers, server_rtc_configuration=servers
    )
    assert "secret" not in str(call.get_config())


@pytest.mark.parametrize("full_screen", [True, False])
def test_devices_are_asked_for_what_suits_the_modality(full_screen: bool) -> None:
    """Lost otherwise: a device that lacks a wish would not connect at all."""
    options: dict[str, Any] = {"render": False, "full_screen": full_screen}
    audio = WebRTC(modality="audio", **options).track_constraints
    video = WebRTC(modality="video", **options).track_constraints
    both = WebRTC(modality="audio-video", **options).track_constraints
    assert audio["echoCancellation"] == {"ideal": True}
    assert video["width"] == {"ideal": 1280 if full_screen else 640}
    assert both == {"audio": audio, "video": video}
    assert "exact" not in str(both)


# -- the component's value -------------------------------------------------------------


def test_the_value_in_the_textbox_variant_is_always_data() -> None:
    """Lost otherwise: a reply to what is said would get another first argument than
    a reply to what is typed."""
    call: Any = WebRTC(modality="audio", variant="textbox", render=False)
    model = call.data_model
    data = call.preprocess(model(root="me"))
    assert (data.webrtc_id, data.textbox, data.audio) == ("me", "", None)
    typed = call.preprocess(model(root={"webrtc_id": "me", "textbox": "hi"}))
    assert typed.textbox == "hi"
    assert call.preprocess(None) is None
    assert WebRTC(render=False).preprocess(model(root="me")) == "me"


async def test_handlers_of_every_kind_are_taken() -> None:
    """Lost otherwise: an example of the documentation would be refused."""
    reply = ReplyOnPause(silent, model=LoudnessModel())
    kinds: list[tuple[Modality, Mode, Any]] = [
        ("audio", "send-receive", reply),
        ("audio", "send", AsyncHandler()),
        ("audio", "receive", silent),
        ("video", "send-receive", VideoStreamHandler(silent, skip_frames=True)),
        ("video", "send", silent),
        ("video", "receive", silent),
    ]
    for modality, mode, handler in kinds:
        with gr.Blocks():
            button, call = gr.Button(), WebRTC(modality=modality, mode=mode)
            receives = mode == "receive"
            call.stream(
                handler,
                inputs=[] if receives else [call],
                outputs=[call],
                trigger=button.click if receives else None,
            )
        assert call.realtime is not None

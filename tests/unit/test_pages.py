"""fastrtc.ui.pages: the default page of every kind of stream."""

from __future__ import annotations

from typing import Any, get_args

import gradio as gr
import pytest

from fastrtc import AsyncAudioVideoStreamHandler, Stream
from fastrtc.media import Modality, Mode
from fastrtc.ui.pages import TITLES
from tests.support.handlers import AsyncHandler


class SilentFilm(AsyncAudioVideoStreamHandler):
    """Neither heard nor seen."""

    async def receive(self, frame: Any) -> None: ...
    async def emit(self) -> None: ...
    async def video_receive(self, frame: Any) -> None: ...
    async def video_emit(self) -> None: ...
    def copy(self) -> SilentFilm:
        return SilentFilm()


def handler(modality: str) -> Any:
    """One that suits every mode."""
    if modality == "audio":
        return AsyncHandler()
    return (lambda frame: frame) if modality == "video" else SilentFilm()


def shown(stream: Stream) -> str:
    """All the texts of a page."""
    blocks: Any = stream.ui
    return " ".join(str(getattr(b, "value", "")) for b in blocks.blocks.values())


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("modality", get_args(Modality))
async def test_all_nine_pages(modality: Modality, mode: Mode) -> None:
    """Lost otherwise: a page would not come up, or say what it is not."""
    stream = Stream(handler(modality), modality=modality, mode=mode)
    assert TITLES[modality, mode] in shown(stream)
    component = stream.webrtc_component
    assert (component.modality, component.mode) == (modality, mode)
    assert component.realtime is stream
    assert component.full_screen is True
    # Its own button starts it, in receive mode too.
    blocks: Any = stream.ui
    assert [fn.name for fn in blocks.fns.values() if fn.name == "start_value"] == []


def test_no_two_pages_have_the_same_title() -> None:
    """Lost otherwise: a page that only listens could ask to be talked to."""
    assert len(set(TITLES.values())) == len(TITLES) == 9


async def test_what_the_page_is_given() -> None:
    """Lost otherwise: ui_args would be ignored."""
    args: Any = {
        "title": "<b>Mine</b>",
        "subtitle": "below",
        "icon_button_color": "red",
        "pulse_color": "blue",
        "icon_radius": 5,
        "full_screen": False,
        "variant": "textbox",
    }
    stream = Stream(AsyncHandler(), modality="audio", time_limit=9, ui_args=args)
    config = stream.webrtc_component.get_config()
    for name in ("icon_button_color", "pulse_color", "icon_radius", "variant"):
        assert config[name] == args[name]
    assert (config["full_screen"], config["time_limit"]) == (False, 9)
    assert "<b>Mine</b>" in shown(stream)
    assert "below" in shown(stream)
    hidden = Stream(AsyncHandler(), modality="audio", ui_args={"hide_title": True})
    assert TITLES["audio", "send-receive"] not in shown(hidden)


@pytest.mark.parametrize("send_on", ["change", "submit"])
async def test_inputs_and_outputs_beside_the_call(send_on: Any) -> None:
    """Lost otherwise: a component could be missing, twice there, or never sent."""
    with gr.Blocks():
        chat, number = gr.Chatbot(render=False), gr.Slider(render=False)
    stream = Stream(
        AsyncHandler(),
        modality="audio",
        additional_inputs=[chat, number],
        additional_outputs=[chat],
        additional_outputs_handler=lambda old, new: new,
        ui_args={"send_input_on": send_on},
    )
    blocks: Any = stream.ui
    call = stream.webrtc_component
    assert {chat._id, number._id, call._id} <= set(blocks.blocks)
    assert call.full_screen is False
    targets = {t: fn for fn in blocks.fns.values() for t in fn.targets}
    commit = "change" if send_on == "change" else "release"
    assert targets[number._id, commit].inputs == [call, chat, number]
    assert targets[call._id, "tick"].inputs == [call, chat, number]
    assert targets[call._id, "state_change"].inputs == [call, chat]
    assert targets[call._id, "state_change"].outputs == [chat]

"""The default page of a stream."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

import gradio as gr

from ..media import Modality, Mode
from ..server import with_stream
from .component import WebRTC

if TYPE_CHECKING:
    from ..stream import Stream, UIArgs

TITLES: dict[tuple[Modality, Mode], str] = {
    ("audio", "send-receive"): "Talk to me",
    ("audio", "send"): "I am listening",
    ("audio", "receive"): "Listen",
    ("video", "send-receive"): "Look at yourself",
    ("video", "send"): "Show me",
    ("video", "receive"): "Watch",
    ("audio-video", "send-receive"): "Face to face",
    ("audio-video", "send"): "I am all eyes and ears",
    ("audio-video", "receive"): "Watch and listen",
}
"""Of pages that were given none: what the user is about to do."""

STYLE = """
<style>
.fastrtc-head { text-align: center; padding: .5rem 1rem 0; }
.fastrtc-head h1 { font-size: clamp(1.6rem, 4vw, 2.4rem); margin: 0; }
.fastrtc-head p { color: var(--body-text-color-subdued); margin: .4rem auto 0; }
</style>
"""


def build_page(stream: Stream) -> tuple[gr.Blocks, WebRTC]:
    """A page with the title, the call and the additional components."""
    args = stream.ui_args
    inputs = list(stream.additional_input_components or [])
    outputs = list(stream.additional_output_components or [])
    with gr.Blocks(title=_plain(args.get("title", "")) or "fastrtc") as page:
        _head(args, TITLES[stream.modality, stream.mode])
        component = _body(stream, inputs, outputs)
        component.attach(stream, inputs, args.get("send_input_on", "change"))
        if stream.additional_outputs_handler is not None:
            component.on_additional_outputs(
                stream.additional_outputs_handler, inputs=outputs, outputs=outputs
            )
    launchable = cast("Any", page)
    launchable.launch = _checked(launchable.launch, stream)
    return page, component


def _body(stream: Stream, inputs: list[Any], outputs: list[Any]) -> WebRTC:
    own_inputs = [one for one in inputs if one not in outputs]
    if stream.ui_args.get("variant") == "textbox":
        # As in every chat: what was said above, what is being typed below.
        _render(outputs)
        component = _component(stream, alone=not inputs and not outputs)
        _render(own_inputs)
        return component
    with gr.Row(equal_height=False):
        with gr.Column(scale=3):
            component = _component(stream, alone=not inputs and not outputs)
            _render(own_inputs)
        if outputs:
            with gr.Column(scale=2):
                _render(outputs)
    return component


def _head(args: UIArgs, default_title: str) -> None:
    if args.get("hide_title"):
        return
    title = args.get("title") or default_title
    subtitle = args.get("subtitle", "")
    heading = title if _is_html(title) else f"<h1>{title}</h1>"
    below = subtitle if _is_html(subtitle) or not subtitle else f"<p>{subtitle}</p>"
    gr.HTML(f'{STYLE}<div class="fastrtc-head">{heading}{below}</div>')


def _component(stream: Stream, alone: bool) -> WebRTC:
    """The call; it fills the page unless it has company."""
    args = stream.ui_args
    return WebRTC(
        label="Call",
        show_label=False,
        mode=stream.mode,
        modality=stream.modality,
        time_limit=stream.time_limit,
        rtp_params=stream.rtp_params,
        track_constraints=stream.track_constraints,
        icon=args.get("icon"),
        icon_button_color=args.get("icon_button_color"),
        pulse_color=args.get("pulse_color"),
        icon_radius=args.get("icon_radius"),
        variant=args.get("variant", "wave"),
        full_screen=args.get("full_screen", alone),
    )


def _render(components: list[Any]) -> None:
    for component in components:
        if not component.is_rendered:
            component.render()


def _is_html(text: str) -> bool:
    return re.search(r"<[^<>]+>", text) is not None


def _plain(text: str) -> str:
    return re.sub(r"<[^<>]+>", "", text).strip()


def _checked(launch: Callable[..., Any], stream: Stream) -> Callable[..., Any]:
    """Launch with the stream's start and stop in the app's lifespan."""

    @wraps(launch)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        stream.check_environment()
        app_kwargs: dict[str, Any] = dict(kwargs.get("app_kwargs") or {})
        app_kwargs["lifespan"] = with_stream(
            app_kwargs.get("lifespan"), stream.start, stream.stop
        )
        return launch(*args, **{**kwargs, "app_kwargs": app_kwargs})

    return wrapper

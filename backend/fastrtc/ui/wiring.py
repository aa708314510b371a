"""Which components are a call's inputs, and which of their events send them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from gradio.blocks import Block

from ..errors import ConfigurationError
from ..media import Mode
from .trigger import check_trigger

Components: TypeAlias = Block | Sequence[Block] | set[Block] | None

COMMITS = {
    "change": ("change",),
    # Components without a submit are done with a value when it is let go of, or else
    # when it changes.
    "submit": ("submit", "release", "change"),
}
"""The events that say that a value is to be sent; the first that there is."""


def as_list(components: Components) -> list[Block]:
    """Components as Gradio takes them: one, many or none."""
    if components is None:
        return []
    return [components] if isinstance(components, Block) else list(components)


def additional_inputs(
    component: Block,
    mode: Mode,
    inputs: Components,
    outputs: Components,
    trigger: object,
) -> list[Block]:
    """The inputs of `.stream()` beside the component.

    Raises:
        ConfigurationError: the arguments don't fit the mode.
    """
    listed = as_list(inputs)
    if mode == "receive":
        _check_receive(component, listed, trigger)
    elif not listed or listed[0] is not component:
        raise ConfigurationError(
            f'with mode="{mode}" the first of the inputs of .stream() must be the '
            "WebRTC component: inputs=[webrtc, …]"
        )
    if trigger is not None:
        check_trigger(trigger)
    if as_list(outputs) != [component]:
        raise ConfigurationError(
            "the only output of .stream() must be the WebRTC component: "
            "outputs=[webrtc]. Other components get their values by "
            ".on_additional_outputs()"
        )
    return [one for one in listed if one is not component]


def _check_receive(component: Block, inputs: list[Block], trigger: object) -> None:
    if component in inputs:
        raise ConfigurationError(
            'with mode="receive" the WebRTC component is no input of .stream(), since '
            "nothing comes from it: leave it out of inputs=[…]"
        )
    if trigger is None:
        raise ConfigurationError(
            'with mode="receive" .stream() needs the event that starts the stream, '
            "for example trigger=button.click"
        )


def sending_event(component: Block, send_input_on: str) -> Callable[..., Any] | None:
    """The event of an additional input at which its value is sent.

    Returns:
        None when it has none: its value is sent at the beginning of a call, and when
        the handler asks.

    Raises:
        ConfigurationError: `send_input_on` is neither "change" nor "submit".
    """
    names = COMMITS.get(send_input_on)
    if names is None:
        raise ConfigurationError(
            f'send_input_on must be "change" or "submit", not {send_input_on!r}'
        )
    found = (getattr(component, name, None) for name in names)
    return next((event for event in found if event is not None), None)

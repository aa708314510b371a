"""A call that an event of the page starts, such as the click of a button."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, cast

from gradio.components.base import Component

from ..errors import ConfigurationError

START = "__webrtc_start__"
"""A value of the component that starts like this asks the front end for a call. What
follows is random: each value asks once."""


def start_value() -> str:
    """A new value that asks for a call.

    The front end makes up the session's name, sends the inputs with it, and offers
    then: so the generator gets what the page showed when it was started.
    """
    return START + uuid.uuid4().hex


def is_start_value(value: object) -> bool:
    """Whether the component's value is a request, and no session's name."""
    return isinstance(value, str) and value.startswith(START)


def check_trigger(trigger: object) -> None:
    """Refuse what is no event.

    Raises:
        ConfigurationError: `trigger` can't be called as `button.click` can.
    """
    if not callable(trigger):
        raise ConfigurationError(
            "trigger must be an event, for example button.click, not a "
            f"{type(trigger).__name__}"
        )


def start_on(trigger: Callable[..., Any], component: Component) -> None:
    """Have an event start the component's call."""
    cast("Any", trigger)(
        start_value,
        inputs=None,
        outputs=[component],
        # A click must not wait behind other users' events: browsers play sound only
        # some seconds after it.
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )

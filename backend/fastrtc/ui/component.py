"""The Gradio component: its arguments, its events, and the server functions by which
its front end connects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from gradio import Request
from gradio.blocks import Block
from gradio.components.base import Component, server

from ..errors import ConfigurationError
from ..media import Media, Modality, Mode
from ..stream import Stream
from ..stream_options import ConcurrencyLimit, as_bit_rate, check_variant
from ..transports.webrtc import RTCConfigurationCallable
from .constraints import default_constraints
from .data import WebRTCData, WebRTCModel, as_data, as_session_id
from .outputs import OutputsListener
from .page_door import PageDoor
from .page_inputs import PageInputs
from .trigger import start_on
from .wiring import Components, additional_inputs, as_list, sending_event

if TYPE_CHECKING:
    from gradio import Timer

Method = TypeVar("Method", bound=Callable[..., Any])
TEMPLATES = Path(__file__).parent / "templates"


def _server(method: Method) -> Method:
    """Gradio's `server`, with a type."""
    return cast("Method", server(method))


class WebRTC(Component):
    """A call: the user's microphone and camera in, the handler's voice and picture out.

    Args:
        value: not used; the component makes its own.
        height, width: pixels, or a CSS length.
        mirror_webcam: show the user's own picture mirrored.
        rtc_configuration: ICE servers of both ends: a dict, or a function or
            coroutine function that is called anew for each connection.
        server_rtc_configuration: the same for the server alone.
        track_constraints: of the browser's getUserMedia; by default echo
            cancellation, noise suppression, gain control, mono, 24 kHz, each as
            `ideal`.
        time_limit: longest session, seconds.
        allow_extra_tracks: accept offers with tracks the modality has no use for.
        mode, modality: what flows, and in which direction.
        rtp_params: of the browser's sender.
        icon: path or URL of an image shown instead of the wave.
        icon_button_color, pulse_color: CSS colours.
        icon_radius: corner radius of the icon, percent of its size.
        button_labels: texts by the keys "start", "stop" and "waiting".
        variant: "wave", or "textbox" to type as well as speak: then the first argument
            of a reply function is a `WebRTCData`.
        full_screen: fill the page.
        video_bit_rate: see `Stream`.

    The remaining arguments are those of every Gradio component.

    Raises:
        ConfigurationError: (a ValueError) `mode`, `modality` or `variant` is unknown.
    """

    # Gradio reads this list and declares it as an attribute of instances.
    EVENTS: list[Any] = [  # noqa: RUF012
        "tick",
        "state_change",
        "submit",
        "start_recording",
        "stop_recording",
    ]
    data_model = WebRTCModel

    def __init__(
        self,
        value: None = None,
        height: int | str | None = None,
        width: int | str | None = None,
        label: str | None = None,
        every: Timer | float | None = None,
        inputs: Component | Sequence[Component] | set[Component] | None = None,
        show_label: bool | None = None,
        container: bool = True,
        scale: int | None = None,
        min_width: int = 160,
        interactive: bool | None = None,
        visible: bool = True,
        elem_id: str | None = None,
        elem_classes: list[str] | str | None = None,
        render: bool = True,
        key: int | str | None = None,
        mirror_webcam: bool = True,
        rtc_configuration: RTCConfigurationCallable | None = None,
        server_rtc_configuration: RTCConfigurationCallable | None = None,
        track_constraints: dict[str, Any] | None = None,
        time_limit: float | None = None,
        allow_extra_tracks: bool = False,
        mode: Mode = "send-receive",
        modality: Modality = "video",
        rtp_params: dict[str, Any] | None = None,
        icon: str | None = None,
        icon_button_color: str | None = None,
        pulse_color: str | None = None,
        icon_radius: int | None = None,
        button_labels: dict[str, str] | None = None,
        variant: Literal["textbox", "wave"] | None = "wave",
        full_screen: bool | None = True,
        video_bit_rate: int | None = None,
    ) -> None:
        _check_templates()
        check_variant(variant)
        Media(modality, mode)
        self.height = height
        self.width = width
        self.mirror_webcam = mirror_webcam
        self.rtc_configuration = rtc_configuration
        self.server_rtc_configuration = server_rtc_configuration
        self.time_limit = time_limit
        self.allow_extra_tracks = allow_extra_tracks
        self.mode: Mode = mode
        self.modality: Modality = modality
        self.rtp_params = rtp_params or {}
        self.icon_button_color = icon_button_color
        self.pulse_color = pulse_color
        self.icon_radius = icon_radius
        self.variant = variant
        self.full_screen = full_screen is not False
        self.video_bit_rate = as_bit_rate(video_bit_rate)
        self.button_labels = {
            **dict.fromkeys(("start", "stop", "waiting"), ""),
            **(button_labels or {}),
        }
        self.track_constraints = track_constraints or default_constraints(
            modality, self.full_screen
        )
        self.realtime: Stream | None = None
        super().__init__(
            value=value,
            label=label,
            every=every,
            inputs=inputs,
            show_label=show_label,
            container=container,
            scale=scale,
            min_width=min_width,
            interactive=interactive,
            visible=visible,
            elem_id=elem_id,
            elem_classes=elem_classes,
            render=render,
            key=key,
        )
        # After super().__init__: only then it is known under which path files are.
        self._icon_file = self.serve_static_file(icon) if icon else None
        self.icon = self._icon_file["url"] if self._icon_file else icon
        self.door = PageDoor(self)
        self._inputs = PageInputs(self)

    # -- wiring ------------------------------------------------------------------------

    def stream(
        self,
        fn: Any = None,
        inputs: Components = None,
        outputs: Components = None,
        js: str | None = None,
        concurrency_limit: ConcurrencyLimit = "default",
        concurrency_id: str | None = None,
        time_limit: float | None = None,
        trigger: Callable[..., Any] | None = None,
        send_input_on: Literal["submit", "change"] = "change",
    ) -> Any:
        """Connect the component to a handler.

        Args:
            fn: the handler, a copy of which serves each client.
            inputs: the component itself, then the additional inputs. In receive mode
                the additional inputs alone.
            outputs: the component itself.
            js: run on the page before inputs are sent.
            concurrency_limit: most clients at a time; "default" is 1, None no limit.
            time_limit: longest session, seconds; else the component's own.
            trigger: the event that starts the call, for example `button.click`.
                Needed in receive mode; in the others the component's own button is
                there too.
            send_input_on: send inputs when they change, or when they are submitted;
                those that can't be submitted when they are released, or else change.

        Raises:
            ConfigurationError: (a ValueError) the arguments don't fit together, or
                not with the component's mode and modality.
        """
        additional = additional_inputs(self, self.mode, inputs, outputs, trigger)
        stream = Stream(
            fn,
            mode=self.mode,
            modality=self.modality,
            concurrency_limit=concurrency_limit,
            time_limit=self.time_limit if time_limit is None else time_limit,
            allow_extra_tracks=self.allow_extra_tracks,
            rtp_params=self.rtp_params,
            rtc_configuration=self.rtc_configuration,
            server_rtc_configuration=self.server_rtc_configuration,
            additional_inputs=additional,
            verbose=False,
            video_bit_rate=self.video_bit_rate,
        )
        sent = self._connect(stream, additional, send_input_on, js, concurrency_id)
        if trigger is not None:
            start_on(trigger, self)
        return sent

    def attach(
        self, stream: Stream, inputs: Sequence[Block], send_input_on: str
    ) -> None:
        """Connect the component to a stream that exists already.

        In every mode it is started by its own button.
        """
        self._connect(stream, list(inputs), send_input_on)

    def _connect(
        self,
        stream: Stream,
        additional: list[Block],
        send_input_on: str,
        js: str | None = None,
        concurrency_id: str | None = None,
    ) -> Any:
        """Have the page send its components' values when the server wants them."""
        stream.check_environment()
        commits = [sending_event(one, send_input_on) for one in additional]
        self.realtime = stream
        options: dict[str, Any] = {
            "inputs": [self, *additional],
            "outputs": None,
            "concurrency_id": concurrency_id,
            "concurrency_limit": None,
            "show_progress": "hidden",
            "api_visibility": "private",
            "js": js,
            # By default one that comes while the one before it runs is dropped.
            "trigger_mode": "multiple",
        }
        for event in commits:
            if event is not None:
                event(self._inputs.set, **options)
        events = cast("Any", self)
        events.submit(self._inputs.submit, **options)
        return events.tick(self._inputs.set, **options)

    def on_additional_outputs(
        self,
        fn: Callable[..., Any],
        inputs: Components = None,
        outputs: Components = None,
        js: str | None = None,
        concurrency_limit: ConcurrencyLimit = "default",
        concurrency_id: str | None = None,
        show_progress: Literal["full", "minimal", "hidden"] = "full",
        queue: bool = True,
    ) -> Any:
        """Have `fn` called for every AdditionalOutputs of the handler.

        Args:
            fn: gets the values of `inputs`, then those of the AdditionalOutputs;
                gives the new values of `outputs`. A function or a generator
                function, either also async.
            concurrency_limit: how many pages' outputs are handled at a time; "default"
                is 1, None no limit. Without the queue there is none.
            show_progress: "full" is shown as "minimal": a spinner over a chat at
                every word would be all that is seen of it.
            queue: go through Gradio's queue, which a generator function needs.

        Outputs of one session are handled one after the other, each with the
        inputs' values after the one before.

        Raises:
            ConfigurationError: (a ValueError) `fn` is a generator function, and there
                is no queue.
        """
        listener = OutputsListener(self, f"listener-{len(self.door.readers)}", fn)
        if listener.generates and not queue:
            raise ConfigurationError(
                "a generator function needs the queue: leave out queue=False, or give "
                "on_additional_outputs an ordinary function"
            )
        self.door.readers.append(listener.name)
        return cast("Any", self).state_change(
            fn=listener.event_function(),
            inputs=[self, *as_list(inputs)],
            outputs=as_list(outputs) or None,
            js=js,
            concurrency_limit=concurrency_limit,
            concurrency_id=concurrency_id,
            show_progress="minimal" if show_progress == "full" else show_progress,
            queue=queue,
            trigger_mode="always_last",
            api_visibility="private",
        )

    # -- server functions --------------------------------------------------------------

    @_server
    async def turn(self, _: Any, request: Request) -> dict[str, Any]:
        """The browser's RTC configuration for its next connection."""
        return await self.door.turn(request)

    @_server
    async def offer(self, body: Any, request: Request) -> dict[str, Any]:
        """Answer an offer or a candidate of the page."""
        return await self.door.offer(body, request)

    @_server
    async def fallback(self, body: Any, request: Request) -> dict[str, Any]:
        """Where the page finds a WebSocket, should WebRTC not connect."""
        return await self.door.fallback(body, request)

    @_server
    async def hang_up(self, body: Any) -> dict[str, Any]:
        """End a session whose page has closed its connection."""
        return await self.door.hang_up(body)

    # -- Gradio's ----------------------------------------------------------------------

    def get_config(self, cls: type[Block] | None = None) -> dict[str, Any]:
        """What the front end is told: no ICE servers, which may hold secrets."""
        config = super().get_config(cls)
        for name in ("rtc_configuration", "server_rtc_configuration"):
            config.pop(name, None)
        # Gradio puts the path that the page is mounted under before a file's URL.
        config["icon"] = self._icon_file
        return config

    def preprocess(self, payload: Any) -> WebRTCData | str | None:
        """The session's name; in the textbox variant a WebRTCData."""
        root = payload.root if isinstance(payload, WebRTCModel) else payload
        if root is None:
            return None
        return as_data(root) if self.variant == "textbox" else as_session_id(root)

    def postprocess(self, value: Any) -> Any:
        """The value as it is."""
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "string"}

    def example_payload(self) -> Any:
        return "a-session"

    def example_value(self) -> Any:
        return "a-session"


def _check_templates() -> None:
    if not (TEMPLATES / "component" / "index.js").exists():
        raise ConfigurationError(
            "fastrtc was installed without its front end. In a checkout run "
            "'pip install -e .' with Node installed; else install a wheel."
        )

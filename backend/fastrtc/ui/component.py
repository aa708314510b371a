"""The Gradio component."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from gradio.blocks import Block
from gradio.components.base import Component, server

from ..errors import ConfigurationError
from ..stream import ConcurrencyLimit, Modality, Mode, Stream, check_variant
from ..transports.webrtc import RTCConfigurationCallable
from .constraints import default_constraints
from .data import WebRTCData, WebRTCModel
from .outputs import OutputsListener

if TYPE_CHECKING:
    from gradio import Timer

logger = logging.getLogger("fastrtc")
Method = TypeVar("Method", bound=Callable[..., Any])
Components = Block | Sequence[Block] | set[Block] | None
TEMPLATES = Path(__file__).parent / "templates"


def _server(method: Method) -> Method:
    """Gradio's `server`, with a type."""
    return cast("Method", server(method))


class WebRTC(Component):
    """A call: the user's microphone in, the handler's voice out.

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
        variant: "wave". "textbox" is not in this version.
        full_screen: fill the page.

    The remaining arguments are those of every Gradio component.
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
    ) -> None:
        _check_templates()
        check_variant(variant)
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
        self.button_labels = {
            **dict.fromkeys(("start", "stop", "waiting"), ""),
            **(button_labels or {}),
        }
        self.track_constraints = track_constraints or default_constraints(
            modality, self.full_screen
        )
        self.realtime: Stream | None = None
        self._readers: list[str] = []
        self._pages: dict[str, str] = {}
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
        served = self.serve_static_file(icon) if icon else None
        self.icon = cast("dict[str, Any]", served)["url"] if served else icon

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
            inputs: the component itself, then the additional inputs.
            outputs: the component itself.
            js: run on the page before inputs are sent.
            concurrency_limit: most clients at a time; "default" is 1, None no limit.
            time_limit: longest session, seconds; else the component's own.
            trigger: needed in receive mode: the event that starts the stream.
            send_input_on: send inputs when they change, or when they are submitted.

        Raises:
            ConfigurationError: (a ValueError) the inputs or outputs don't fit.
        """
        listed, _ = self._check(inputs, outputs)
        additional = [component for component in listed if component is not self]
        self.realtime = Stream(
            fn,
            mode=self.mode,
            modality=self.modality,
            concurrency_limit=concurrency_limit,
            time_limit=self.time_limit if time_limit is None else time_limit,
            allow_extra_tracks=self.allow_extra_tracks,
            rtc_configuration=self.rtc_configuration,
            server_rtc_configuration=self.server_rtc_configuration,
            additional_inputs=additional,
            verbose=False,
        )
        self.realtime.check_environment()
        return self._send_inputs(listed, js, concurrency_id, send_input_on)

    def attach(
        self, stream: Stream, inputs: Sequence[Block], send_input_on: str
    ) -> None:
        """Connect the component to a stream that exists already."""
        stream.check_environment()
        self.realtime = stream
        self._send_inputs([self, *inputs], None, None, send_input_on)

    def _check(
        self, inputs: Components, outputs: Components
    ) -> tuple[list[Block], list[Block]]:
        listed, given = _as_list(inputs), _as_list(outputs)
        if not listed or listed[0] is not self:
            raise ConfigurationError(
                "the first of the inputs of .stream() must be the WebRTC component: "
                "inputs=[webrtc, …]"
            )
        if given != [self]:
            raise ConfigurationError(
                "the only output of .stream() must be the WebRTC component: "
                "outputs=[webrtc]"
            )
        return listed, given

    def _send_inputs(
        self,
        inputs: list[Block],
        js: str | None,
        concurrency_id: str | None,
        send_input_on: str,
    ) -> Any:
        """Have the page send its components' values when the server wants them."""
        options: dict[str, Any] = {
            "inputs": inputs,
            "outputs": None,
            "concurrency_id": concurrency_id,
            "concurrency_limit": None,
            "show_progress": "hidden",
            "api_visibility": "private",
            "js": js,
        }
        for component in inputs[1:]:
            event = getattr(component, send_input_on, None)
            if event is not None:
                event(self._set_input, **options)
        events = cast("Any", self)
        events.submit(self._submit, **options)
        return events.tick(self._set_input, **options)

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
            show_progress: "full" is shown as "minimal": a spinner over a chat at
                every word would be all that is seen of it.

        Outputs of one session are handled one after the other, each with the
        inputs' values after the one before.
        """
        listener = OutputsListener(self, f"listener-{len(self._readers)}", fn)
        self._readers.append(listener.name)
        return cast("Any", self).state_change(
            fn=listener.event_function(),
            inputs=[self, *_as_list(inputs)],
            outputs=_as_list(outputs) or None,
            js=js,
            concurrency_limit=concurrency_limit,
            concurrency_id=concurrency_id,
            show_progress="minimal" if show_progress == "full" else show_progress,
            queue=queue,
            trigger_mode="always_last",
            api_visibility="private",
        )

    # -- events of the page ------------------------------------------------------------

    def _set_input(self, value: WebRTCData | str | None, *args: Any) -> None:
        webrtc_id = session_id(value)
        if webrtc_id and self.realtime is not None:
            values = (value, *args) if isinstance(value, WebRTCData) else args
            self.realtime.set_input(webrtc_id, *values)

    def _submit(self, value: WebRTCData | str | None, *args: Any) -> None:
        self._set_input(value, *args)
        webrtc_id = session_id(value)
        if not webrtc_id or self.realtime is None:
            return
        session = self.realtime.sessions.get(webrtc_id)
        trigger = getattr(session and session.handler, "trigger_response", None)
        if trigger is not None:
            trigger()

    @_server
    async def offer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer an offer or a candidate of the page."""
        if self.realtime is None:
            text = "The app has not called .stream() on its WebRTC component."
            return {
                "status": "failed",
                "meta": {"error": "no_handler", "message": text},
            }
        announced = bool(self.realtime.additional_input_components)
        answer = await self.realtime.door.handle(body, inputs_announced=announced)
        if answer.get("type") == "answer":
            self._remember_page(body)
        return answer

    def _remember_page(self, body: dict[str, Any]) -> None:
        """Note whose session it is: a name alone gives no right to end it."""
        name = str(body["webrtc_id"])
        session = self.realtime and self.realtime.sessions.get(name)
        page = body.get("session_hash")
        if session and isinstance(page, str):
            self._pages[name] = page
            session.on_closed(lambda: self._pages.pop(name, None))
        if session:
            for reader in self._readers:
                session.outputs.expect(reader)

    @_server
    async def turn(self, _: Any = None) -> dict[str, Any]:
        """The browser's RTC configuration for its next connection."""
        if self.realtime is None:
            return {}
        try:
            return await self.realtime.ice.for_client()
        except ConfigurationError as error:
            return {"error": str(error)}
        except Exception:
            # What it says may hold a secret; visitors get no more than this.
            logger.exception("rtc_configuration failed")
            return {"error": "the server could not get it. Its log says why"}

    @_server
    async def hang_up(self, body: dict[str, Any]) -> dict[str, Any]:
        """End a session whose page has closed its connection."""
        name = str(body.get("webrtc_id"))
        session = self.realtime and self.realtime.sessions.get(name)
        page = body.get("session_hash")
        if session and isinstance(page, str) and self._pages.get(name) == page:
            session.close_soon("the page hung up")
        return {"status": "success"}

    # -- Gradio's ----------------------------------------------------------------------

    def preprocess(self, payload: WebRTCModel | None) -> WebRTCData | str | None:
        """The session's name; in the textbox variant a WebRTCData."""
        root = payload.root if isinstance(payload, WebRTCModel) else payload
        return root if self.variant == "textbox" else session_id(root)

    def postprocess(self, value: Any) -> Any:
        """The value as it is."""
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "string"}

    def example_payload(self) -> Any:
        return "a-session"

    def example_value(self) -> Any:
        return "a-session"


def session_id(value: WebRTCData | str | None) -> str | None:
    """The session's name in a value of the component."""
    return value.webrtc_id if isinstance(value, WebRTCData) else value


def _as_list(components: Components) -> list[Block]:
    if components is None:
        return []
    return [components] if isinstance(components, Block) else list(components)


def _check_templates() -> None:
    if not (TEMPLATES / "component" / "index.js").exists():
        raise ConfigurationError(
            "fastrtc was installed without its front end. In a checkout run "
            "'pip install -e .' with Node installed; else install a wheel."
        )

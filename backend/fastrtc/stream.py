"""The facade: one handler as a page, an API and a Gradio component.

Everything a stream does is done by its rooms: `sessions` holds the clients,
`door` lets them in by WebRTC, `server` has the routes, `ui` the page.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from .access import Access, AccessOptions, Authorize
from .errors import ConfigurationError, RefusedError, SessionClosedError
from .handlers.adapt import as_handler
from .media import Media, Modality, Mode
from .outputs import AdditionalOutputs
from .server import Body, answer, as_fields, make_router, with_stream
from .session import SessionTable
from .session.defaults import component_defaults
from .stream_options import (
    ConcurrencyLimit,
    UIArgs,
    as_bit_rate,
    as_limit,
    check_variant,
    hosted_environment,
)
from .telephone import TelephoneOptions
from .transports.webrtc import IceOptions, RTCConfigurationCallable, WebRTCDoor

if TYPE_CHECKING:
    from gradio import Blocks
    from starlette.requests import HTTPConnection

    from .ui.component import WebRTC

logger = logging.getLogger("fastrtc")


class Stream:
    """Makes a realtime app of a handler.

    Args:
        handler: for audio a `StreamHandler`, an `AsyncStreamHandler` or a
            `ReplyOnPause`; for video a function of a frame or a
            `VideoStreamHandler`; for both an `AudioVideoStreamHandler`, plain or
            async; in receive mode, for audio or video, a generator function of the
            additional inputs. Each client gets a copy of it.
        additional_outputs_handler: fed with the values of the additional outputs
            and of each `AdditionalOutputs`, gives the outputs' new values.
        mode, modality: what flows, and in which direction.
        concurrency_limit: most clients at a time; "default" is 1, None no limit.
        time_limit: longest session, seconds.
        allow_extra_tracks: accept offers with tracks the modality has no use for.
        rtp_params: of the browser's sender.
        rtc_configuration: ICE servers of both ends: a dict, or a function or
            coroutine function that is called anew for each connection.
        server_rtc_configuration: the same for the server alone.
        track_constraints: of the browser's getUserMedia.
        additional_inputs: Gradio components whose values the handler gets.
        additional_outputs: Gradio components that AdditionalOutputs feed.
        ui_args: see `UIArgs`.
        verbose: say at start where the routes are.
        video_bit_rate: highest of the video that clients get, bits per second; by
            default what suits the pictures' size, and never more than the client's
            network carries.
        authorize: decides who may come in, by every door: a function or coroutine
            function of the request (Starlette's `HTTPConnection`, with `headers`,
            `query_params`, `cookies` and `client`). What it returns is the visitor's
            identity, `get_current_context().identity`; None and False refuse, and so
            does an error.
        access: bounds on visitors.
        telephone: whose calls are taken, at `POST {path}/telephone/incoming`, and how
            they are checked; Twilio's, unchecked, if not given.

    Raises:
        ConfigurationError: (a ValueError) the arguments don't fit together.
    """

    def __init__(
        self,
        handler: Any,
        *,
        additional_outputs_handler: Callable[..., Any] | None = None,
        mode: Mode = "send-receive",
        modality: Modality = "video",
        concurrency_limit: ConcurrencyLimit = "default",
        time_limit: float | None = None,
        allow_extra_tracks: bool = False,
        rtp_params: dict[str, Any] | None = None,
        rtc_configuration: RTCConfigurationCallable | None = None,
        server_rtc_configuration: RTCConfigurationCallable | None = None,
        track_constraints: dict[str, Any] | None = None,
        additional_inputs: list[Any] | None = None,
        additional_outputs: list[Any] | None = None,
        ui_args: UIArgs | None = None,
        verbose: bool = True,
        video_bit_rate: int | None = None,
        authorize: Authorize | None = None,
        access: AccessOptions | None = None,
        telephone: TelephoneOptions | None = None,
    ) -> None:
        self.media = Media(modality, mode)
        self.event_handler = handler
        check_variant((ui_args or {}).get("variant"))
        if additional_outputs and additional_outputs_handler is None:
            raise ConfigurationError(
                "additional_outputs need an additional_outputs_handler that makes "
                "their values"
            )
        self.mode: Mode = mode
        self.modality: Modality = modality
        self.concurrency_limit = as_limit(concurrency_limit)
        self.time_limit = time_limit
        self.rtp_params = rtp_params
        self.track_constraints = track_constraints
        self.rtc_configuration = rtc_configuration
        self.additional_input_components = additional_inputs
        self.additional_output_components = additional_outputs
        self.additional_outputs_handler = additional_outputs_handler
        self.ui_args: UIArgs = ui_args or {}
        self.verbose = verbose
        self.sessions = SessionTable(
            lambda: self._adapted,
            media=self.media,
            limit=self.concurrency_limit,
            time_limit_s=time_limit,
            defaults=self._defaults,
        )
        self.access = Access(self.sessions, authorize, access)
        self.telephone = telephone or TelephoneOptions()
        self.ice = IceOptions(rtc_configuration, server_rtc_configuration)
        self.door = WebRTCDoor(
            self.sessions,
            self.ice,
            allow_extra_tracks=allow_extra_tracks,
            video_bit_rate=as_bit_rate(video_bit_rate),
        )
        self._ui: Blocks | None = None
        self._component: WebRTC | None = None

    @property
    def event_handler(self) -> Any:
        """The handler as it was given; another one serves the clients after it."""
        return self._event_handler

    @event_handler.setter
    def event_handler(self, handler: Any) -> None:
        self._adapted = as_handler(handler, self.media)
        self._event_handler = handler

    def _defaults(self) -> Sequence[Any] | None:
        if not self.additional_input_components:
            return None
        return component_defaults(self.additional_input_components)

    # -- page --------------------------------------------------------------------------

    @property
    def ui(self) -> Blocks:
        """The page, a Gradio Blocks, built when first asked for; may be replaced."""
        if self._ui is None:
            from .ui.pages import build_page

            self._ui, self._component = build_page(self)
        return self._ui

    @ui.setter
    def ui(self, blocks: Blocks) -> None:
        self._ui = blocks

    @property
    def webrtc_component(self) -> WebRTC:
        """The component on the default page."""
        if self._component is None:
            from .ui.pages import build_page

            page, self._component = build_page(self)
            self._ui = self._ui or page
        return self._component

    # -- API ---------------------------------------------------------------------------

    def mount(
        self, app: FastAPI, path: str = "", tags: list[str | Enum] | None = None
    ) -> None:
        """Add the stream's routes to an app, under `path`.

        Routes: `POST {path}/webrtc/offer` and `GET {path}/webrtc/client.js`, the
        JavaScript client. The app's shutdown ends the stream's sessions.
        """
        app.include_router(make_router(self, path, tags))
        app.router.lifespan_context = with_stream(
            app.router.lifespan_context, lambda: self.start(path), self.stop
        )

    async def start(self, path: str = "") -> None:
        """Make ready for clients; called when the app starts.

        Args:
            path: where the routes are, to be told.

        Raises:
            ConfigurationError: no client could ever connect, see `check_environment`.
        """
        self.check_environment()
        self.sessions.reopen()
        await self.door.warm_up()
        if self.verbose:
            logger.info("a stream waits for clients at POST %s/webrtc/offer", path)

    async def stop(self) -> None:
        """End all sessions; new ones are refused until the app starts again."""
        await self.sessions.close_all("the server stops")

    def check_environment(self) -> None:
        """Refuse to start where no client could ever connect.

        Raises:
            ConfigurationError: on Spaces or Colab without `rtc_configuration`.
        """
        place = hosted_environment()
        if place is not None and self.rtc_configuration is None:
            raise ConfigurationError(
                f"Running on {place} needs rtc_configuration: browsers reach this "
                "machine through a TURN server only. For example "
                "Stream(…, rtc_configuration=get_hf_turn_credentials)."
            )

    async def offer(
        self, body: Body | Mapping[str, Any], request: HTTPConnection | None = None
    ) -> dict[str, Any]:
        """Answer the body of an offer or a candidate, as `POST …/webrtc/offer` does.

        Args:
            request: that brought it. `authorize` and `access` are asked about it, and
                handlers find it in their context; without it nothing is asked.

        Raises:
            ConfigurationError: the stream has an `authorize`, and there is no request.
        """
        if request is not None:
            return await answer(self, body, request)
        if self.access.authorizes:
            raise ConfigurationError(
                "this stream has an authorize function, which needs the request: "
                "await stream.offer(body, request)"
            )
        return await self.door.handle(as_fields(body))

    def fastphone(
        self,
        token: str | None = None,
        host: str = "127.0.0.1",
        port: int = 8000,
        **uvicorn_kwargs: Any,
    ) -> None:
        """Serve the stream by telephone: a number and a code to call are printed.

        Runs until Ctrl-C. A local server is started, Gradio's tunnel leads to it, and
        its address is registered with the service that FastRTC runs; it is said first
        to which host the token goes.

        Args:
            token: of Hugging Face; else the one that is logged in.
            host, port: of the local server.
            uvicorn_kwargs: for `uvicorn.Config`.

        Raises:
            TelephoneError: the tunnel or the service could not be used.
        """
        from .fastphone import fastphone
        from .ui.tunnel import open_tunnel

        fastphone(self, open_tunnel, token, host, port, **uvicorn_kwargs)

    # -- who may come in ---------------------------------------------------------------

    def owns(self, webrtc_id: str, session_token: str) -> bool:
        """Whether a client is the one that opened this session, for routes of your own.

        Args:
            session_token: which only that client has, from the answer to its offer.
        """
        return self.access.owns(webrtc_id, session_token)

    async def admit(
        self, fields: Mapping[str, Any], connection: HTTPConnection
    ) -> None:
        """Let the sender of an offer or a candidate in, by whatever door.

        Args:
            fields: of the body, unchecked.

        Raises:
            RefusedError: see `Access.admit` and `check_owner`.
        """
        webrtc_id, token = str(fields.get("webrtc_id")), fields.get("resume_token")
        session = self.sessions.get(webrtc_id)
        # Whoever comes back to a call begins none, and has his place already.
        resumes = session is not None and session.admits(str(token))
        opens = fields.get("type") == "offer" and not resumes
        await self.access.admit(connection, opens=opens)
        self.check_owner(webrtc_id, connection)

    def check_owner(self, webrtc_id: str, connection: HTTPConnection) -> None:
        """Refuse a visitor that names somebody else's session.

        Args:
            connection: admitted already.

        Raises:
            RefusedError: `connection_already_exists`.
        """
        session = self.sessions.get(webrtc_id)
        identity = getattr(connection.state, "fastrtc_identity", None)
        if session is not None and session.context.identity != identity:
            raise RefusedError("connection_already_exists")

    # -- inputs and outputs ------------------------------------------------------------

    def set_input(self, webrtc_id: str, *args: Any) -> None:
        """Hand values of the additional inputs to a session, from any thread."""
        self.sessions.set_input(webrtc_id, *args)

    async def output_stream(self, webrtc_id: str) -> AsyncIterator[AdditionalOutputs]:
        """Every AdditionalOutputs of a session, until it ends.

        It may be asked before the session is there: it is waited for as long as
        an offer may take. Any number of readers get all outputs each.
        """
        log = await self.sessions.outputs(webrtc_id)
        if log is not None:
            async for item in log.follow():
                yield item

    async def fetch_latest_output(self, webrtc_id: str) -> AdditionalOutputs:
        """The next AdditionalOutputs of a session that this method hasn't given yet.

        Raises:
            SessionClosedError: there is no such session, or it ended first.
        """
        log = await self.sessions.outputs(webrtc_id)
        item = None if log is None else await log.wait("fetch_latest_output")
        if item is None:
            raise SessionClosedError(f"The session {webrtc_id!r} is not there.")
        return item


__all__ = ["Body", "Stream", "UIArgs", "hosted_environment"]

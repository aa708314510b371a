"""Feeds the AdditionalOutputs of sessions to the components of their pages."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import gradio

from ..handlers.calls import call
from ..messages import create_message
from ..session.outputs_log import OutputsLog
from .data import WebRTCData, session_id

if TYPE_CHECKING:
    from .component import WebRTC


class OutputsListener:
    """One `on_additional_outputs`.

    The session tells the page that there is an output, the page runs this
    listener's event with its components' values, the event takes one output. Runs
    of one page follow each other ("always_last"), so a run sees the results of
    the one before; what is still to be taken afterwards is told again.

    Args:
        component: whose sessions are listened to.
        name: of the reader, unique in the component.
        fn: the user's function.
    """

    def __init__(self, component: WebRTC, name: str, fn: Callable[..., Any]) -> None:
        self._component = component
        self.name = name
        self._fn = fn

    @property
    def generates(self) -> bool:
        """`fn` gives several values one after the other."""
        fn = self._fn
        return inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn)

    def event_function(self) -> Callable[..., Any]:
        """What Gradio is to run: of the same kind, plain or generator, as `fn`."""
        return self._run_generator if self.generates else self._run

    def _take(
        self, value: WebRTCData | str | None, request: gradio.Request | None
    ) -> tuple[Any, ...] | None:
        webrtc_id, stream = session_id(value), self._component.realtime
        if not webrtc_id or stream is None:
            return None
        page = None if request is None else request.session_hash
        if not self._component.door.owners.admits(webrtc_id, page):
            return None
        log = stream.sessions.log(webrtc_id)
        item = log.take(self.name) if log is not None else None
        if log is not None:
            self._announce_more(webrtc_id, log)
        return None if item is None else item.args

    def _announce_more(self, webrtc_id: str, log: OutputsLog) -> None:
        stream = self._component.realtime
        session = stream.sessions.get(webrtc_id) if stream is not None else None
        if session is not None and log.pending(self.name):
            session.channel.send(create_message("fetch_output", []))

    async def _run(
        self,
        value: WebRTCData | str | None,
        request: gradio.Request | None = None,
        *inputs: Any,
    ) -> Any:
        taken = self._take(value, request)
        if taken is None:
            return gradio.skip()
        return await call(self._fn, *inputs, *taken)

    async def _run_generator(
        self,
        value: WebRTCData | str | None,
        request: gradio.Request | None = None,
        *inputs: Any,
    ) -> AsyncIterator[Any]:
        taken = self._take(value, request)
        if taken is None:
            yield gradio.skip()
            return
        made = self._fn(*inputs, *taken)
        if inspect.isasyncgen(made):
            async for result in made:
                yield result
            return
        end = object()
        while (result := await call(next, made, end)) is not end:
            yield result

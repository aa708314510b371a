"""A call over WebRTC, which comes back when the network was lost."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Mapping
from typing import Any, cast

import httpx

from ..errors import RefusedError, SessionClosedError, UnreachableError
from ..options import RECONNECT_GRACE_S
from ..session import Screen
from ..transports.webrtc.calling import OutgoingCall, Senses, client_ice
from .lines import CallOptions, Listener, as_refusal
from .voice import Voice

logger = logging.getLogger("fastrtc")

RETRY_S = 1.0
"""Between two attempts to come back, at first; then twice as long each time."""


class WebRTCLine:
    """A `Line` over WebRTC.

    Args:
        options: of the call.
        voice: what is said.
        screen: what is shown.
        listener: who is told.
    """

    def __init__(
        self, options: CallOptions, voice: Voice, screen: Screen, listener: Listener
    ) -> None:
        self._options = options
        self._voice = voice
        self._screen = screen
        self._listener = listener
        self._senses = Senses(
            listener.on_audio,
            listener.on_picture,
            listener.on_text,
            options.sample_rate,
        )
        self._call: OutgoingCall | None = None
        self.session_token: str | None = None
        self.sends: Collection[str] = ()
        self._token: str | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect; see `Line`."""
        self._call = await self._connect()
        self._keeping = asyncio.ensure_future(self._keep())

    def send_text(self, text: str) -> None:
        """Send a message of the client's."""
        if self._call is not None:
            self._call.send(text)

    async def close(self) -> None:
        """Hang up, and leave nothing behind."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        if self._call is not None:
            await self._call.close()

    # -- one connection after the other ------------------------------------------------

    async def _connect(self) -> OutgoingCall:
        """A connection that is up.

        Raises:
            RefusedError: the server doesn't want to.
            UnreachableError: there is no server, or no way to it.
        """
        call = OutgoingCall(
            await client_ice(self._options.rtc_configuration),
            self._options.kinds,
            self._options.mode,
            self._voice,
            self._screen,
            self._senses,
        )
        try:
            answer = await self._answer(await call.offer())
            self._token = answer.get("resume_token", self._token)
            self.session_token = answer.get("session_token", self.session_token)
            await asyncio.wait_for(call.take(answer["sdp"]), self._options.timeout_s)
        except (SessionClosedError, asyncio.TimeoutError) as error:
            await call.close()
            raise UnreachableError(
                "The server answered, but no media path to it was found. Behind a "
                "firewall or a symmetric NAT pass rtc_configuration with a TURN "
                'server, or transport="websocket".'
            ) from error
        except BaseException:
            await call.close()
            raise
        self.sends = call.sends
        return call

    async def _answer(self, sdp: str) -> Mapping[str, Any]:
        body: dict[str, Any] = {
            "type": "offer",
            "sdp": sdp,
            "webrtc_id": self._options.webrtc_id,
            "resumable": self._options.resumable,
        }
        if self._token is not None:
            body["resume_token"] = self._token
        fields = await self._post(body)
        if fields.get("status") == "failed":
            raise as_refusal(fields)
        if fields.get("type") != "answer" or not isinstance(fields.get("sdp"), str):
            raise UnreachableError("What answered the offer is no stream.")
        return fields

    async def _post(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        url = self._options.address("http", "/webrtc/offer")
        timeout_s = self._options.timeout_s
        headers = {**self._options.headers, "Content-Type": "application/json"}
        content = json.dumps(body)
        try:
            async with httpx.AsyncClient(timeout=timeout_s) as http:
                response = await http.post(url, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise UnreachableError(f"No answer from {url}: {error!r}") from error
        if response.status_code != 200:
            raise UnreachableError(
                f"{url} answered {response.status_code}: is a stream mounted there?"
            )
        try:
            value: object = response.json()
        except ValueError:
            value = None
        return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}

    async def _keep(self) -> None:
        """Follow the connection to its end, and the next ones to theirs."""
        assert self._call is not None
        call = self._call
        try:
            while True:
                ending = await call.ended
                if ending == "gone" or self._token is None:
                    break
                self._call = call = await self._come_back(call)
        except (RefusedError, UnreachableError) as error:
            self._listener.on_end(f"The connection was lost: {error}", lost=True)
            return
        lost = ending == "lost"
        reason = "The connection was lost." if lost else "The server hung up."
        self._listener.on_end(reason, lost=lost)

    async def _come_back(self, lost: OutgoingCall) -> OutgoingCall:
        """Go on by another connection, for as long as the server keeps the session."""
        await lost.close()
        loop = asyncio.get_running_loop()
        until_s, wait_s = loop.time() + RECONNECT_GRACE_S, RETRY_S
        while True:
            try:
                return await self._connect()
            except UnreachableError:
                if loop.time() + wait_s > until_s:
                    raise
            await asyncio.sleep(wait_s)
            wait_s *= 2

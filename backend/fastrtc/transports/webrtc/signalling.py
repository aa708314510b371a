"""Offers and candidates in, answers and refusals out; no HTTP in here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiortc import RTCConfiguration, RTCSessionDescription

from ...errors import ConfigurationError, RefusedError
from ...messages import Candidate, Offer, parse_signal
from ...session import EarlyStore, Session, SessionTable
from .connection import WebRTCConnection, description, warm_up
from .ice import RTCConfigurationCallable, resolve, to_aiortc, to_ice_candidate

logger = logging.getLogger("fastrtc")

EARLY_CANDIDATES = 32
"""Candidates kept for one id whose offer hasn't come."""

DEFAULT_ICE: dict[str, Any] = {"iceServers": [{"urls": "stun:stun.l.google.com:19302"}]}
"""What the server uses where nothing is configured: how it learns its own public
address behind a NAT, as aiortc itself would."""


@dataclass
class IceOptions:
    """ICE configuration of both ends.

    Attributes:
        client: for browsers; the server uses it too unless it has its own.
        server: for the server alone.
    """

    client: RTCConfigurationCallable | None = None
    server: RTCConfigurationCallable | None = None

    async def for_client(self) -> dict[str, Any]:
        """The configuration a browser gets for its next connection."""
        return await resolve(self.client)

    async def for_server(self) -> dict[str, Any]:
        """The server's for its next connection."""
        if self.server is not None:
            return await resolve(self.server)
        if self.client is not None:
            return await resolve(self.client)
        return DEFAULT_ICE


class WebRTCDoor:
    """Lets clients in by WebRTC.

    Args:
        table: where their sessions are opened.
        ice: the ICE configuration.
        allow_extra_tracks, video_bit_rate: see `WebRTCConnection`.
    """

    def __init__(
        self,
        table: SessionTable,
        ice: IceOptions,
        *,
        allow_extra_tracks: bool = False,
        video_bit_rate: int | None = None,
    ) -> None:
        self._table = table
        self._video_bit_rate = video_bit_rate
        self._ice = ice
        self._allow_extra_tracks = allow_extra_tracks
        self._connections: dict[str, WebRTCConnection] = {}
        self._early: EarlyStore[Candidate] = EarlyStore(EARLY_CANDIDATES)

    async def warm_up(self) -> None:
        """Do once what is slow at its first time, before a call can suffer from it."""
        await warm_up()

    async def handle(
        self,
        body: Mapping[str, Any],
        *,
        inputs_announced: bool = False,
        request: Any = None,
    ) -> dict[str, Any]:
        """Answer a body of `POST …/webrtc/offer`: an answer, a success or a refusal.

        Args:
            inputs_announced: a page will send the additional inputs.
            request: that brought the body, for the session's context.
        """
        try:
            signal = parse_signal(body)
            if isinstance(signal, Candidate):
                return await self._take_candidate(signal)
            return await self._take_offer(signal, inputs_announced, request)
        except RefusedError as refusal:
            return refusal.as_answer()

    async def _take_candidate(self, candidate: Candidate) -> dict[str, Any]:
        connection = self._connections.get(candidate.webrtc_id)
        if connection is not None:
            await connection.add_candidate(candidate)
            return {"status": "success"}
        # Read now, so that its sender is told, and not whoever offers later.
        to_ice_candidate(candidate)
        if not self._early.add(candidate.webrtc_id, candidate):
            raise RefusedError("too_many_candidates", limit=EARLY_CANDIDATES)
        return {"status": "success"}

    async def _take_offer(
        self, offer: Offer, announced: bool, request: Any
    ) -> dict[str, Any]:
        if offer.resume_token is not None:
            session = self._table.reopen_session(offer.webrtc_id, offer.resume_token)
            return await self._resume(session, offer)
        session = self._table.open(offer.webrtc_id, inputs_announced=announced)
        session.context.arrived_by(request)
        try:
            return await self._connect(session, offer)
        except BaseException:
            await session.close("the offer was refused")
            raise

    async def _resume(self, session: Session, offer: Offer) -> dict[str, Any]:
        """Go on with a session by another connection; a failure doesn't end it."""
        connection = self._connection(session, await self._configuration())
        # Its candidates may come while the old one is still being cut.
        self._connections.pop(session.id, None)
        try:
            await session.resume(connection)
            answer = await self._answer(connection, session, offer)
        except BaseException as error:
            session.lost(connection, f"resuming failed: {error!r}")
            raise
        return {**description(answer), "resume_token": offer.resume_token}

    async def _connect(self, session: Session, offer: Offer) -> dict[str, Any]:
        configuration = await self._configuration()
        if session.state == "closed":
            raise RefusedError("connection_closed")
        connection = self._connection(session, configuration)
        session.on_closed(lambda: self._connections.pop(session.id, None))
        session.start(connection)
        answer = description(await self._answer(connection, session, offer))
        if offer.resumable:
            answer["resume_token"] = session.allow_resuming()
        return answer

    async def _configuration(self) -> RTCConfiguration:
        try:
            return to_aiortc(await self._ice.for_server())
        except Exception as error:
            logger.exception("the server's RTC configuration failed")
            text = str(error) if isinstance(error, ConfigurationError) else ""
            raise RefusedError(
                "rtc_configuration_failed",
                text or "The server's RTC configuration failed. Its log says why.",
            ) from error

    def _connection(
        self, session: Session, configuration: RTCConfiguration
    ) -> WebRTCConnection:
        return WebRTCConnection(
            session,
            configuration,
            time_limit_s=self._table.time_limit_s,
            allow_extra_tracks=self._allow_extra_tracks,
            video_bit_rate=self._video_bit_rate,
        )

    async def _answer(
        self, connection: WebRTCConnection, session: Session, offer: Offer
    ) -> RTCSessionDescription:
        self._connections[session.id] = connection
        return await connection.answer(offer.sdp, self._early.pop(session.id))

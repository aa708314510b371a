"""One WebRTC peer connection and the session it carries."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamTrack

from ...errors import RefusedError
from ...messages import Candidate
from ...options import GATHERING_TIMEOUT_S, MAX_CANDIDATES, SETUP_TIMEOUT_S
from ...session import Frame, Session
from ._aiortc import bound_gathering, close_transports, divert_audio, shorten_audio
from .audio_in import AudioReceiver
from .audio_out import PlayoutTrack
from .ice import to_ice_candidate
from .offer import check_offer
from .opus import OpusDecoder, OpusEncoder, opus_rate_hz

logger = logging.getLogger("fastrtc")

FLUSH_S = 0.25
"""Longest wait for the last messages to leave before the connection is cut."""

CHANNEL_S = 1.0
"""The same for a data channel that is about to open: a session that ends as it
begins has still to say why. Some round trips after the connection."""


class WebRTCConnection:
    """A session's transport.

    Args:
        session: the session, opened and not started.
        configuration: the server's own ICE configuration.
        time_limit_s: of the session, from the moment it is connected.
        allow_extra_tracks: ignore tracks that the modality has no use for, where
            an offer with such tracks is refused otherwise.
    """

    def __init__(
        self,
        session: Session,
        configuration: RTCConfiguration,
        *,
        time_limit_s: float | None,
        allow_extra_tracks: bool,
    ) -> None:
        self._session = session
        self._time_limit_s = time_limit_s
        self._allow_extra_tracks = allow_extra_tracks
        self._channel: RTCDataChannel | None = None
        self._channel_came = asyncio.Event()
        self._candidates = 0
        self._waiting: list[Candidate] | None = []
        self._audio: MediaStreamTrack | None = None
        self._unsupported: str | None = None
        self._shorten: Callable[[], None] = _nothing_to_shorten
        self.pc = pc = RTCPeerConnection(configuration)
        pc.on("track", self._on_track)
        pc.on("datachannel", self._on_channel)
        pc.on("connectionstatechange", self._on_state)
        self._send_audio()

    def _send_audio(self) -> None:
        """Before the offer is read: later, a preference for Opus has no effect."""
        self.pc.addTrack(PlayoutTrack(self._session.playout))
        codecs = RTCRtpSender.getCapabilities("audio")
        assert codecs is not None
        opus = [c for c in codecs.codecs if c.mimeType == "audio/opus"]
        self.pc.getTransceivers()[0].setCodecPreferences(opus)

    # -- signalling ------------------------------------------------------------------

    async def answer(self, sdp: str, early: list[Candidate]) -> RTCSessionDescription:
        """Take the client's offer, and the candidates that came before it.

        Raises:
            RefusedError: the offer can't be read or carries no audio.
        """
        check_offer(sdp)
        self._session.call_later(SETUP_TIMEOUT_S, self._check_connected)
        with _refusing("offer", "invalid_offer"):
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        self._check_tracks()
        bound_gathering(self.pc, GATHERING_TIMEOUT_S)
        waiting, self._waiting = self._waiting or [], None
        for candidate in early + waiting:
            await self.add_candidate(candidate)
        with _refusing("offer", "invalid_offer"):
            await self.pc.setLocalDescription(await self.pc.createAnswer())
        return self.pc.localDescription

    def _check_tracks(self) -> None:
        if self.pc.connectionState == "closed":
            raise RefusedError("connection_closed", "The offer took too long to read.")
        if self._unsupported is not None and not self._allow_extra_tracks:
            raise RefusedError(
                "unsupported_track",
                f"Unsupported track kind '{self._unsupported}' for this modality.",
            )
        if self._audio is None:
            raise RefusedError("invalid_offer", "The offer has no audio track.")

    async def add_candidate(self, candidate: Candidate) -> None:
        """Take a candidate of the client's.

        Raises:
            RefusedError: it can't be read, there are too many, or it is too late.
        """
        if self.pc.connectionState == "closed":
            raise RefusedError("connection_closed")
        if self._waiting is not None and len(self._waiting) < MAX_CANDIDATES:
            # The offer is still being read.
            self._waiting.append(candidate)
            return
        self._candidates += 1
        if self._candidates > MAX_CANDIDATES:
            raise RefusedError("too_many_candidates", limit=MAX_CANDIDATES)
        parsed = to_ice_candidate(candidate)
        with _refusing("candidate", "invalid_candidate_format"):
            await self.pc.addIceCandidate(parsed)

    def _check_connected(self) -> None:
        if self._session.state == "connecting":
            self._session.close_soon(f"not connected after {SETUP_TIMEOUT_S:g} s")

    # -- what aiortc tells -------------------------------------------------------------

    def _on_track(self, track: MediaStreamTrack) -> None:
        transceivers = self.pc.getTransceivers()
        transceiver = next(t for t in transceivers if t.receiver.track is track)
        if track.kind != "audio" or self._audio is not None:
            self._unsupported = track.kind
            # Nobody reads it, and aiortc would keep all that nobody reads.
            transceiver.direction = "inactive"
            return
        self._audio = track
        self._receive_audio(transceiver.receiver)

    def _receive_audio(self, receiver: RTCRtpReceiver) -> None:
        handler = self._session.handler
        audio = AudioReceiver(
            handler.input_sample_rate,
            handler.expected_layout,
            self._session.feed,
            handler.patience_ms,
        )
        divert_audio(receiver, audio.on_packet, self._on_goodbye)
        self._shorten = partial(shorten_audio, receiver, audio.on_packet)

    def _on_goodbye(self) -> None:
        self._session.close_soon("the client said goodbye")

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._channel is not None:
            return
        self._channel = channel
        self._session.channel.open(_sender(channel))
        self._channel_came.set()

    def _on_state(self) -> None:
        state = self.pc.connectionState
        if state == "connected":
            self._shorten()
            self._session.connected(self._time_limit_s)
        elif state in ("failed", "closed"):
            self._session.close_soon(f"the connection is {state}")

    # -- the session's side (session.Transport) ----------------------------------------

    def choose_rate_hz(self, rate_hz: int) -> int:
        return opus_rate_hz(rate_hz)

    async def disconnect(self) -> None:
        await self._flush()
        try:
            await self.pc.close()
        finally:
            await close_transports(self.pc)

    async def _flush(self) -> None:
        """Let the last messages leave, if the client is there to take them."""
        if self.pc.connectionState != "connected":
            return
        await self._await_channel()
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        if not channel.bufferedAmount:
            return
        gone = asyncio.Event()
        channel.bufferedAmountLowThreshold = 0
        channel.on("bufferedamountlow", gone.set)
        try:
            await asyncio.wait_for(gone.wait(), FLUSH_S)
        except asyncio.TimeoutError:
            logger.debug("the last messages did not leave in time")

    async def _await_channel(self) -> None:
        """Wait for the offered data channel, if messages wait for it too."""
        if self.pc.sctp is None or not self._session.channel.pending:
            return
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._channel_came.wait(), CHANNEL_S)


@contextlib.contextmanager
def _refusing(what: str, code: str) -> Generator[None, None, None]:
    """Make a refusal of whatever aiortc's slices and asserts come upon."""
    try:
        yield
    except Exception as error:
        logger.debug("the %s could not be used", what, exc_info=error)
        text = f"The {what} is not one this server can use."
        raise RefusedError(code, text) from error


def _nothing_to_shorten() -> None:
    """There is no audio, or none yet."""


def _sender(channel: RTCDataChannel) -> Callable[[str], None]:
    def send(text: str) -> None:
        if channel.readyState == "open":
            channel.send(text)

    return send


def description(answer: RTCSessionDescription) -> dict[str, Any]:
    """An answer as the JSON of the wire contract."""
    return {"sdp": answer.sdp, "type": answer.type}


async def warm_up() -> None:
    """Make an offer and encode a frame for nobody.

    The first connection of a process takes 16 ms more than those after it: imports,
    ciphers and codecs are loaded when they are first used.
    """
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("audio")
    pc.createDataChannel("text")
    await pc.createOffer()
    await pc.close()
    silence = Frame(np.zeros((1, 480), np.int16), 24_000, 0, 0)
    OpusDecoder(48_000).decode(bytes(OpusEncoder().encode(silence)))

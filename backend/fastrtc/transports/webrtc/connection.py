"""One WebRTC peer connection and the session it carries."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
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
from ...messages import Candidate, parse_client_message
from ...options import GATHERING_TIMEOUT_S, MAX_CANDIDATES, SETUP_TIMEOUT_S
from ...session import Frame, Session
from ..opus import OpusDecoder, OpusEncoder, opus_rate_hz
from ._aiortc import (
    bound_gathering,
    close_transports,
    divert_audio,
    divert_video,
    network_is_lost,
    repeat_checks,
    shorten_audio,
    turn_without_relay,
)
from .audio_in import AudioReceiver
from .audio_out import PlayoutTrack
from .ice import to_ice_candidate
from .offer import check_offer, offered_kinds
from .start_rate import with_start_rate
from .turn_report import REPORTER
from .video_in import VideoReceiver
from .video_out import VideoTrack

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
        video_bit_rate: highest of the video that is sent, per second.
    """

    def __init__(
        self,
        session: Session,
        configuration: RTCConfiguration,
        *,
        time_limit_s: float | None,
        allow_extra_tracks: bool,
        video_bit_rate: int | None = None,
    ) -> None:
        self._session = session
        self._time_limit_s = time_limit_s
        self._allow_extra_tracks = allow_extra_tracks
        self._video_bit_rate = video_bit_rate
        self._channel: RTCDataChannel | None = None
        self._channel_came = asyncio.Event()
        self._candidates = 0
        self._waiting: list[Candidate] | None = []
        self._received: set[str] = set()
        self._videos: list[VideoReceiver] = []
        self._screen: VideoTrack | None = None
        self._shorten: Callable[[], None] = _nothing_to_shorten
        self.pc = pc = RTCPeerConnection(configuration)
        pc.on("track", self._on_track)
        pc.on("datachannel", self._on_channel)
        pc.on("connectionstatechange", self._on_state)
        self._media = session.media

    # -- signalling ------------------------------------------------------------------

    async def answer(self, sdp: str, early: list[Candidate]) -> RTCSessionDescription:
        """Take the client's offer, and the candidates that came before it.

        Raises:
            RefusedError: the offer can't be read, or doesn't fit the stream.
        """
        check_offer(sdp)
        self._session.call_later(SETUP_TIMEOUT_S, self._check_connected)
        if self._media.client_receives:
            self._add_tracks(offered_kinds(sdp))
        with _refusing("offer", "invalid_offer"):
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        self._check_tracks()
        bound_gathering(self.pc, GATHERING_TIMEOUT_S)
        repeat_checks(self.pc)
        waiting, self._waiting = self._waiting or [], None
        for candidate in early + waiting:
            await self.add_candidate(candidate)
        with _refusing("offer", "invalid_offer"):
            await self.pc.setLocalDescription(await self.pc.createAnswer())
        self._prepare_screen()
        missing = turn_without_relay(self.pc)
        if missing is not None:
            self._session.spawn(REPORTER.report(missing))
        answer = self.pc.localDescription
        if "video" not in self._received:
            return answer
        return RTCSessionDescription(with_start_rate(answer.sdp), answer.type)

    def _add_tracks(self, offered: set[str]) -> None:
        """Before the offer is read: later, a preference for Opus has no effect."""
        if "audio" in offered.intersection(self._media.kinds):
            self.pc.addTrack(PlayoutTrack(self._session.playout))
            codecs = RTCRtpSender.getCapabilities("audio")
            assert codecs is not None
            opus = [c for c in codecs.codecs if c.mimeType == "audio/opus"]
            self.pc.getTransceivers()[0].setCodecPreferences(opus)
        if "video" in offered.intersection(self._media.kinds):
            self._screen = VideoTrack(self._session.screen)
            self.pc.addTrack(self._screen)

    def _check_tracks(self) -> None:
        if self.pc.connectionState == "closed":
            raise RefusedError("connection_closed", "The offer took too long to read.")
        offered = [t for t in self.pc.getTransceivers() if t.mid is not None]
        counts = Counter(transceiver.kind for transceiver in offered)
        for kind, count in counts.items():
            if count <= (kind in self._media.kinds) or self._allow_extra_tracks:
                continue
            modality = self._media.modality
            text = f"Unsupported track kind '{kind}' for modality '{modality}'"
            raise RefusedError(
                "unsupported_track",
                text + "." if kind not in self._media.kinds else text + ", twice.",
            )
        if self.pc.sctp is None and not counts.keys() & set(self._media.kinds):
            modality = self._media.modality
            text = f"The offer has no {modality} and no data channel."
            raise RefusedError("invalid_offer", text)

    def _prepare_screen(self) -> None:
        if self._screen is None:
            return
        sender = self._screen
        for transceiver in self.pc.getTransceivers():
            if transceiver.sender.track is sender:
                fps = self._session.handler.fps
                sender.prepare(transceiver, self._video_bit_rate, fps)

    @property
    def _sent(self) -> list[str]:
        """The kinds of media that the client takes."""
        sending = ("sendrecv", "sendonly")
        return [
            transceiver.kind
            for transceiver in self.pc.getTransceivers()
            if transceiver.currentDirection in sending
        ]

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
        kind = track.kind
        unwanted = kind in self._received or kind not in self._media.kinds
        if unwanted or not self._media.client_sends:
            # Nobody reads it, and aiortc would keep all that nobody reads.
            sends = self._media.client_receives and not unwanted
            transceiver.direction = "sendonly" if sends else "inactive"
            return
        self._received.add(kind)
        if kind == "audio":
            self._receive_audio(transceiver.receiver)
        else:
            self._receive_video(transceiver.receiver)

    def _receive_video(self, receiver: RTCRtpReceiver) -> None:
        video = VideoReceiver(self._session.feed_video)
        self._videos.append(video)
        divert_video(receiver, video, self._on_goodbye)

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
        """One of its tracks has ended; browsers say so too when one only pauses."""
        if self._channel is None or self._channel.readyState != "open":
            self._leave("the client said goodbye")

    def _leave(self, reason: str) -> None:
        if network_is_lost(self.pc):
            self._session.lost(self, "nothing came from the client any more")
        else:
            self._session.gone(self, reason)

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._channel is not None:
            return
        self._channel = channel
        channel.on("message", self._on_message)
        if self._serves or self._session.state == "closed":
            self._session.channel.open(_sender(channel))
        self._channel_came.set()

    @property
    def _serves(self) -> bool:
        """The client hasn't come back by another connection meanwhile."""
        return self._session.is_carried_by(self)

    def _on_message(self, message: object) -> None:
        text = parse_client_message(message)
        if text is not None:
            self._session.receive_text(text)

    def _on_state(self) -> None:
        state = self.pc.connectionState
        if state == "connected":
            self._shorten()
            if self._serves:
                self._session.connected(self._time_limit_s, self._sent)
        elif state == "failed":
            self._session.lost(self, "the connection is failed")
        elif state == "closed":
            self._leave("the connection is closed")

    # -- the session's side (session.Transport) ----------------------------------------

    def choose_rate_hz(self, rate_hz: int) -> int:
        return opus_rate_hz(rate_hz)

    async def disconnect(self) -> None:
        await self._flush()
        for video in self._videos:
            video.close()
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

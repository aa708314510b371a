"""The other end: a peer connection that calls a stream, for `fastrtc.client`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import av
import numpy as np
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamTrack
from numpy.typing import NDArray

from ...errors import SessionClosedError
from ...media import Mode
from ...options import GATHERING_TIMEOUT_S
from ...session.screen import Screen
from ._aiortc import (
    bound_gathering,
    close_transports,
    divert_audio,
    divert_video,
    network_is_lost,
)
from .calling_audio import AudioSource, SpeechReceiver, VoiceTrack
from .ice import RTCConfigurationCallable, resolve, to_aiortc
from .video_in import VideoReceiver
from .video_out import VideoTrack

DIRECTIONS = {"send-receive": "sendrecv", "send": "sendonly", "receive": "recvonly"}
Ending = Literal["gone", "lost"]
"""The server hung up, or nothing comes from it any more."""


@dataclass(frozen=True)
class Senses:
    """Who is told of what comes; each is called on the event loop.

    Attributes:
        hear: int16 (1, samples) at `rate_hz`.
        see: a decoded picture.
        read: a text of the data channel.
        rate_hz: a multiple of 50.
    """

    hear: Callable[[NDArray[np.int16]], None]
    see: Callable[[av.VideoFrame], None]
    read: Callable[[str], None]
    rate_hz: int


async def client_ice(given: RTCConfigurationCallable | None) -> RTCConfiguration:
    """A client's ICE configuration; without servers where none is given.

    A client needs none to reach a server with a public address, and waiting for a
    STUN server would only delay it.

    Raises:
        ConfigurationError: what was given is no configuration.
    """
    return to_aiortc({"iceServers": [], **await resolve(given)})


class OutgoingCall:
    """One connection of a client's to a stream.

    Args:
        configuration: of ICE.
        kinds: of media that are offered: "audio", "video", both or none.
        mode: what the client does.
        voice: what it says.
        screen: what it shows.
        senses: what it hears, sees and reads.

    Attributes:
        ended: how it ended; set once.
    """

    def __init__(
        self,
        configuration: RTCConfiguration,
        kinds: Collection[str],
        mode: Mode,
        voice: AudioSource,
        screen: Screen,
        senses: Senses,
    ) -> None:
        self._senses = senses
        self._connected: asyncio.Future[None] = _future()
        self.ended: asyncio.Future[Ending] = _future()
        self._tracks: list[MediaStreamTrack] = []
        self._videos: list[VideoReceiver] = []
        self.pc = pc = RTCPeerConnection(configuration)
        self._channel = channel = pc.createDataChannel("text")
        channel.on("open", self._on_open)
        channel.on("message", self._on_message)
        pc.on("track", self._on_track)
        pc.on("connectionstatechange", self._on_state)
        for kind in ("audio", "video"):
            if kind in kinds:
                self._offer_kind(kind, mode, voice, screen)

    def _offer_kind(
        self, kind: str, mode: Mode, voice: AudioSource, screen: Screen
    ) -> None:
        sent: MediaStreamTrack | str = kind
        if mode != "receive":
            sent = VoiceTrack(voice) if kind == "audio" else VideoTrack(screen)
            self._tracks.append(sent)
        pc: Any = self.pc
        transceiver = pc.addTransceiver(sent, direction=DIRECTIONS[mode])
        if kind == "audio":
            codecs = RTCRtpSender.getCapabilities("audio")
            assert codecs is not None
            opus = [c for c in codecs.codecs if c.mimeType == "audio/opus"]
            transceiver.setCodecPreferences(opus)

    # -- signalling --------------------------------------------------------------------

    async def offer(self) -> str:
        """Its SDP, with all candidates."""
        bound_gathering(self.pc, GATHERING_TIMEOUT_S)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def take(self, answer: str) -> None:
        """Use the server's answer, and wait until texts can be sent.

        Raises:
            SessionClosedError: the connection failed.
        """
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        for transceiver in self.pc.getTransceivers():
            track = transceiver.sender.track
            if isinstance(track, VideoTrack) and track.kind in self.sends:
                track.prepare(transceiver)
        waiting = (self._connected, self.ended)
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not self._connected.done():
            raise SessionClosedError("The connection failed.")

    @property
    def sends(self) -> set[str]:
        """The kinds of media that the server takes."""
        sending = ("sendrecv", "sendonly")
        transceivers = self.pc.getTransceivers()
        return {t.kind for t in transceivers if t.currentDirection in sending}

    def send(self, text: str) -> None:
        """Send a text, if the server is still there."""
        if self._channel.readyState == "open":
            self._channel.send(text)

    async def close(self) -> None:
        """Hang up, and leave nothing behind."""
        _resolve(self.ended, "gone")
        for track in self._tracks:
            track.stop()
        for video in self._videos:
            video.close()
        try:
            await self.pc.close()
        finally:
            await close_transports(self.pc)

    # -- what aiortc tells -------------------------------------------------------------

    def _on_open(self) -> None:
        if not self._connected.done():
            self._connected.set_result(None)

    def _on_message(self, message: object) -> None:
        if isinstance(message, str):
            self._senses.read(message)

    def _on_state(self) -> None:
        state = self.pc.connectionState
        if state == "failed":
            _resolve(self.ended, "lost")
        elif state == "closed":
            _resolve(self.ended, "lost" if network_is_lost(self.pc) else "gone")

    def _on_track(self, track: MediaStreamTrack) -> None:
        receiver = next(
            t.receiver for t in self.pc.getTransceivers() if t.receiver.track is track
        )
        if track.kind == "audio":
            self._listen(receiver)
        else:
            video = VideoReceiver(lambda picture, _: self._senses.see(picture))
            self._videos.append(video)
            divert_video(receiver, video, _nothing)

    def _listen(self, receiver: RTCRtpReceiver) -> None:
        audio = SpeechReceiver(self._senses.rate_hz, self._senses.hear)
        divert_audio(receiver, audio.on_packet, _nothing)


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _resolve(future: asyncio.Future[Ending], ending: Ending) -> None:
    if not future.done():
        future.set_result(ending)


def _nothing() -> None:
    """The end of one track says nothing: the connection's does."""

"""A browser's part, played by aiortc: one peer connection that sends and hears."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any, Literal, TypeAlias

import httpx
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from .support import PATIENCE_S, Server

RATE_HZ = 48_000
FRAME_SAMPLES = RATE_HZ // 50

Source: TypeAlias = Callable[[int], "NDArray[np.int16] | None"]
"""Gives each frame by its number: int16 (channels, 960); None: no more are sent."""
Trickle: TypeAlias = Literal["no", "before", "after"]


def silence(_: int) -> NDArray[np.int16]:
    """A source of silence."""
    return np.zeros((1, FRAME_SAMPLES), np.int16)


class Microphone(MediaStreamTrack):
    """Sends what a source gives for each frame's number, every 20 ms.

    Args:
        source: of the frames; None sends nothing at all.
        on_sent: told of every frame.

    Attributes:
        sent: how many frames it has sent.
        late_ms: how late the latest of them was, when the machine was busy.
    """

    kind = "audio"

    def __init__(self, source: Source | None, on_sent: Callable[[], None]) -> None:
        super().__init__()
        self._source = source
        self._on_sent = on_sent
        self._began_s = 0.0
        self.sent = 0
        self.late_ms = 0.0

    async def recv(self) -> AudioFrame:
        samples = None if self._source is None else self._source(self.sent)
        if samples is None:
            await asyncio.get_running_loop().create_future()
            raise MediaStreamError
        if not self.sent:
            self._began_s = time.perf_counter()
        due_s = self._began_s + self.sent * 0.02
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        self.late_ms = max(self.late_ms, 1000 * (time.perf_counter() - due_s))
        layout = "mono" if samples.shape[0] == 1 else "stereo"
        packed = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(packed, "s16", layout)
        frame.sample_rate = RATE_HZ
        frame.pts = self.sent * FRAME_SAMPLES
        frame.time_base = fractions.Fraction(1, RATE_HZ)
        self.sent += 1
        self._on_sent()
        return frame


class Client:
    """One client of a server.

    Args:
        url: where the stream is mounted.
        source: of the audio it sends.

    Attributes:
        messages: what came over the data channel, as dictionaries.
        answer: the server's answer to the offer.
    """

    def __init__(
        self,
        url: str,
        source: Source | None = silence,
        *,
        webrtc_id: str | None = None,
    ) -> None:
        self.id = webrtc_id or uuid.uuid4().hex
        self.messages: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {}
        self._url = url + "/webrtc/offer"
        self._heard: list[NDArray[np.int16]] = []
        self._changed = asyncio.Event()
        self.microphone = Microphone(source, self._changed.set)
        self._listener: asyncio.Task[None] | None = None
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channel = self.pc.createDataChannel("text")
        self._add_media()
        self.pc.on("track", self._on_track)
        self.pc.on("connectionstatechange", self._changed.set)
        self.channel.on("message", self._on_message)
        self.channel.on("open", self._on_open)
        self.opened = False

    def _add_media(self) -> None:
        self.pc.addTrack(self.microphone)

    # -- what happens to it ------------------------------------------------------------

    def _on_open(self) -> None:
        self.opened = True
        self._changed.set()

    def _on_message(self, text: str) -> None:
        self.messages.append(json.loads(text))
        self._changed.set()

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._listener = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                channels = frame.layout.nb_channels
                self._heard.append(frame.to_ndarray().reshape(-1, channels).T)
                self._changed.set()

    async def until(
        self, true: Callable[[], Any], what: str, patience_s: float = PATIENCE_S
    ) -> Any:
        """Wait until `true()` is, after something happened to this client."""

        async def wait() -> Any:
            while not (result := true()):
                self._changed.clear()
                await self._changed.wait()
            return result

        try:
            return await asyncio.wait_for(wait(), patience_s)
        except asyncio.TimeoutError:
            raise AssertionError(
                f"{what} did not come in {patience_s:g} s; state "
                f"{self.pc.connectionState}, {self.heard.shape[1]} samples heard, "
                f"messages {self.messages}"
            ) from None

    # -- signalling --------------------------------------------------------------------

    async def offer(self) -> dict[str, Any]:
        """Its offer, as the body of a request; candidates are in the SDP."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return {
            "type": "offer",
            "sdp": self.pc.localDescription.sdp,
            "webrtc_id": self.id,
        }

    async def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the server says to a body."""
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            response = await http.post(self._url, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def connect(self, trickle: Trickle = "no") -> None:
        """Connect, and wait until media and messages can flow.

        Args:
            trickle: send the candidates by themselves, before or after the offer.
        """
        body = await self.offer()
        candidates: list[dict[str, Any]] = []
        if trickle != "no":
            body["sdp"], candidates = without_candidates(body["sdp"], self.id)
        if trickle == "before":
            await self.send_candidates(candidates)
        await self.take(await self.post(body))
        if trickle == "after":
            await self.send_candidates(candidates)
        await self.until(lambda: self.opened, "the data channel")

    async def send_candidates(self, candidates: list[dict[str, Any]]) -> None:
        """Send candidates one by one; each must be taken."""
        for candidate in candidates:
            assert await self.post(candidate) == {"status": "success"}

    async def take(self, answer: dict[str, Any]) -> None:
        """Use the server's answer."""
        assert answer.get("type") == "answer", answer
        self.answer = answer
        await self.pc.setRemoteDescription(
            RTCSessionDescription(answer["sdp"], answer["type"])
        )

    # -- what it hears -----------------------------------------------------------------

    @property
    def heard(self) -> NDArray[np.int16]:
        """All audio it heard, int16 (2, samples) at 48 kHz."""
        if not self._heard:
            return np.zeros((2, 0), np.int16)
        return np.concatenate(self._heard, axis=1)

    def forget(self) -> None:
        """Forget what it has heard so far, and how late it was itself."""
        self._heard.clear()
        self.microphone.late_ms = 0.0

    async def listen(self, seconds: float) -> NDArray[np.int16]:
        """Wait until it has heard so much, and give the last of it."""
        wanted = round(seconds * RATE_HZ)
        await self.until(lambda: self.heard.shape[1] >= wanted, f"{seconds:g} s of it")
        return self.heard[:, -wanted:]

    async def message(self, kind: str, data: Any = None) -> dict[str, Any]:
        """Wait for a message of this type, and with this data if given."""

        def find() -> dict[str, Any] | None:
            for message in self.messages:
                if message["type"] == kind and data in (None, message["data"]):
                    return message
            return None

        return await self.until(find, f"a message {kind!r} {data or ''}")

    # -- the end -----------------------------------------------------------------------

    async def closed(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until the server has cut the connection."""
        await self.until(
            lambda: self.pc.connectionState in ("closed", "failed"),
            "the end of the connection",
            patience_s,
        )

    async def close(self) -> None:
        """Hang up, and leave nothing behind."""
        await self.pc.close()
        self.microphone.stop()
        if self._listener is not None:
            # aiortc doesn't end the track of a connection that never came about.
            self._listener.cancel()
            await asyncio.wait({self._listener})

    def vanish(self) -> None:
        """Fall silent as a phone without coverage: nothing goes out or comes in."""
        for transport in {t.receiver.transport for t in self.pc.getTransceivers()}:
            connection: Any = transport.transport._connection
            for protocol in connection._protocols:
                protocol.transport.sendto = _swallow
                protocol.datagram_received = _swallow


def _swallow(*_: Any) -> None:
    return None


def without_candidates(sdp: str, webrtc_id: str) -> tuple[str, list[dict[str, Any]]]:
    """An SDP without its candidates, and those as bodies of requests."""
    kept: list[str] = []
    candidates: list[dict[str, Any]] = []
    section = -1
    for line in sdp.splitlines():
        if line.startswith("m="):
            section += 1
        if line.startswith("a=candidate:"):
            fields = {
                "candidate": line.removeprefix("a="),
                "sdpMid": str(section),
                "sdpMLineIndex": section,
            }
            body = {"type": "ice-candidate", "webrtc_id": webrtc_id}
            candidates.append({**body, "candidate": fields})
        elif line != "a=end-of-candidates":
            kept.append(line)
    return "\r\n".join(kept) + "\r\n", candidates


@contextlib.asynccontextmanager
async def calling(
    server: Server | str,
    source: Source | None = silence,
    *,
    webrtc_id: str | None = None,
    trickle: Trickle = "no",
) -> AsyncGenerator[Client, None]:
    """A connected client, hung up at the end."""
    url = server if isinstance(server, str) else server.url
    client = Client(url, source, webrtc_id=webrtc_id)
    try:
        await client.connect(trickle)
        yield client
    finally:
        await client.close()

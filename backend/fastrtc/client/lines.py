"""What a call asks of its transport, and what it tells of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigurationError, RefusedError
from ..media import Mode

if TYPE_CHECKING:
    import av

    from ..session import Screen
    from ..transports.webrtc import RTCConfigurationCallable
    from .voice import Voice

Kind: TypeAlias = Literal["audio", "video"]
Transport: TypeAlias = Literal["webrtc", "websocket"]
Encoding: TypeAlias = Literal["pcm16", "opus", "mulaw"]


@dataclass(frozen=True)
class CallOptions:
    """What `connect` was asked for; see there.

    Raises:
        ConfigurationError: the options don't fit together.
    """

    url: str
    webrtc_id: str
    transport: Transport = "webrtc"
    kinds: Sequence[Kind] = ("audio",)
    mode: Mode = "send-receive"
    sample_rate: int = 24_000
    encoding: Encoding = "pcm16"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    rtc_configuration: RTCConfigurationCallable | None = None
    resumable: bool = True
    timeout_s: float = 20.0

    def __post_init__(self) -> None:
        scheme = self.url.partition("://")[0]
        if scheme not in ("http", "https", "ws", "wss"):
            raise ConfigurationError(
                "the url is where the stream is mounted, for example "
                f'"http://127.0.0.1:8000", not {self.url!r}'
            )
        _check_word("transport", self.transport, ("webrtc", "websocket"))
        _check_word("mode", self.mode, ("send-receive", "send", "receive"))
        _check_word("encoding", self.encoding, ("pcm16", "opus", "mulaw"))
        if not {"audio", "video"}.issuperset(self.kinds):
            raise ConfigurationError(
                f'kinds may hold "audio" and "video", not {list(self.kinds)}'
            )
        if self.transport == "websocket" and "video" in self.kinds:
            raise ConfigurationError('video needs transport="webrtc"')
        rate_hz = cast("object", self.sample_rate)
        if not isinstance(rate_hz, int) or rate_hz % 50 or not 8e3 <= rate_hz <= 48e3:
            raise ConfigurationError(
                f"sample_rate is a multiple of 50 from 8000 to 48000, not {rate_hz!r}"
            )

    @property
    def says(self) -> bool:
        """The client sends audio."""
        return "audio" in self.kinds and self.mode != "receive"

    def address(self, scheme: Literal["http", "ws"], path: str) -> str:
        """A route of the stream's, whichever of its addresses was given."""
        given, _, rest = self.url.partition("://")
        secure = "s" if given in ("https", "wss") else ""
        base, mark, query = rest.partition("?")
        base = base.rstrip("/")
        for known in ("/webrtc/offer", "/websocket/offer"):
            base = base.removesuffix(known)
        return f"{scheme}{secure}://{base}{path}{mark}{query}"


def _check_word(name: str, value: object, words: tuple[str, ...]) -> None:
    if value not in words:
        listed = ", ".join(f'"{word}"' for word in words)
        raise ConfigurationError(f"{name} is one of {listed}, not {value!r}")


class Listener(Protocol):
    """Who is told of what comes: a `Call`. All on the event loop."""

    def on_audio(self, samples: NDArray[np.int16]) -> None:
        """int16 (1, samples) at the call's rate."""
        ...

    def on_picture(self, picture: av.VideoFrame) -> None: ...

    def on_text(self, text: str) -> None:
        """A message of the server's."""
        ...

    def on_clear(self) -> None:
        """The bot was interrupted: what it said and nobody has heard is void."""
        ...

    def on_end(self, reason: str, *, lost: bool) -> None:
        """Nothing comes any more."""
        ...


class Line(Protocol):
    """One transport of one call.

    Attributes:
        session_token: proves to the app's own routes whose session it is; None where
            the server gave none.
        sends: the kinds of media that the stream takes of those that were offered.
    """

    session_token: str | None
    sends: Collection[str]

    async def open(self) -> None:
        """Connect.

        Raises:
            RefusedError: the server doesn't want to.
            UnreachableError: there is no server, or no way to it.
        """
        ...

    def send_text(self, text: str) -> None:
        """Send a message of the client's."""
        ...

    async def close(self) -> None:
        """Hang up, and leave nothing behind; may be called at any time."""
        ...


LineMaker: TypeAlias = "Callable[[CallOptions, Voice, Screen, Listener], Line]"


def as_refusal(fields: Mapping[str, Any]) -> RefusedError:
    """The error that a server's `{"status": "failed", "meta": …}` stands for."""
    meta: object = fields.get("meta")
    known = dict(cast("Mapping[str, Any]", meta)) if isinstance(meta, dict) else {}
    code = str(known.pop("error", "refused"))
    message = str(known.pop("message", "")) or _sentence(code, known)
    return RefusedError(code, message, **{str(k): v for k, v in known.items()})


def _sentence(code: str, meta: Mapping[str, Any]) -> str:
    if code == "concurrency_limit_reached":
        return f"The stream has its {meta.get('limit', 'highest')} clients already."
    if code == "connection_already_exists":
        return "The webrtc_id is in use by another client."
    return code

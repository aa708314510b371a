"""What is different from provider to provider, and nothing else: pure functions of
texts and fields. Who waits, sends and checks is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias

from ...context import PhoneCall
from ...errors import RefusedError
from ...options import MAX_WEBRTC_ID_CHARS
from ..websocket.protocol import Media
from .bounds import RATE_HZ

Fields: TypeAlias = Sequence[tuple[str, str]]

MULAW_NAMES = ("audio/x-mulaw", "pcmu", "mulaw")
DIGITS = "0123456789*#ABCD"


# -- events on the socket --------------------------------------------------------------


@dataclass(frozen=True)
class CallStarted:
    """The provider's first word of a call.

    Attributes:
        stream_id: the provider's name for the stream, which is the session's.
        call: as much of it as the provider tells here.
        ticket: what our answer to the webhook said, if it comes along.
    """

    stream_id: str
    call: PhoneCall
    ticket: str | None = None


@dataclass(frozen=True)
class MarkPlayed:
    """All audio before a mark was played; before all of them if it has no name."""

    name: str | None


@dataclass(frozen=True)
class KeyPressed:
    """The caller pressed a key."""

    digit: str


@dataclass(frozen=True)
class CallEnded:
    """The stream ends: somebody hung up."""


@dataclass(frozen=True)
class Ignored:
    """An event that changes nothing."""


PhoneEvent: TypeAlias = (
    CallStarted | Media | MarkPlayed | KeyPressed | CallEnded | Ignored
)


# -- HTTP ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Webhook:
    """A provider's request for instructions.

    Attributes:
        url: as the provider asked for it, with its query.
        headers: by lower-case names.
        query, form: the fields of the address and of the body, in order.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: Fields = ()
    form: Fields = ()

    def field(self, name: str) -> str:
        """A field of the body, else of the address; empty when it is in neither."""
        for fields in (self.form, self.query):
            for key, value in fields:
                if key == name:
                    return value
        return ""


@dataclass(frozen=True)
class ApiRequest:
    """A request to a provider's API.

    Attributes:
        auth: user and password of basic authentication.
        headers: further ones.
    """

    method: str
    url: str
    form: Mapping[str, str] | None = None
    json: Mapping[str, Any] | None = None
    auth: tuple[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


class PhoneProvider(Protocol):
    """One provider, with the account's secrets."""

    name: ClassVar[str]

    needs_tls: ClassVar[bool]
    """Whether it connects to `wss` addresses only."""

    @property
    def checks_webhooks(self) -> bool:
        """Whether there is a secret to check signatures with."""
        ...

    @property
    def secret(self) -> str | None:
        """Something that all processes of the server know, and nobody else."""
        ...

    # the webhook

    def is_genuine(self, webhook: Webhook, now_s: float) -> bool:
        """Whether the provider itself has sent it. `now_s` is Unix time."""
        ...

    def call_of(self, webhook: Webhook) -> PhoneCall:
        """Who calls whom; `parameters` are left to others."""
        ...

    def connect_xml(self, url: str, ticket: str, announcement: str) -> str:
        """Instructions to stream the call both ways, and to hang up after that.

        Args:
            announcement: said before; nothing if empty.
        """
        ...

    def busy_xml(self) -> str:
        """Instructions to turn the call down, as a busy line."""
        ...

    # the socket

    def parse(self, text: str) -> PhoneEvent:
        """The event in a message.

        Raises:
            RefusedError: it can't be used.
        """
        ...

    def media(self, stream_id: str, payload: bytes) -> str:
        """Audio to be played after what was sent before."""
        ...

    def mark(self, stream_id: str, name: str) -> str:
        """Ask to be told when all that was sent before was played."""
        ...

    def clear(self, stream_id: str) -> str:
        """Drop all that was sent and not played."""
        ...

    # the API

    def dial(self, from_number: str, to_number: str, url: str) -> ApiRequest:
        """Make a call whose instructions are at `url`.

        Raises:
            ConfigurationError: the account isn't known.
        """
        ...

    def dialled(self, answer: Mapping[str, Any]) -> str:
        """The call's id in the answer to `dial`; empty when it isn't there."""
        ...

    def hang_up(self, call_id: str) -> ApiRequest | None:
        """End a call that goes on when its stream has ended; None if none does."""
        ...


# -- what they share -------------------------------------------------------------------


def inner(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within a message; an empty one if there is none."""
    value = fields.get(name)
    return value if isinstance(value, Mapping) else {}


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A text within a message; empty if there is none."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def texts_of(fields: Mapping[str, Any], name: str) -> dict[str, str]:
    """The texts of an object within a message."""
    return {
        key: value for key, value in inner(fields, name).items() if type(value) is str
    }


def check_stream_id(*candidates: object) -> str:
    """The first of these that is a name.

    Raises:
        RefusedError: none is 1 to 128 printable characters.
    """
    for value in candidates:
        if (
            isinstance(value, str)
            and 0 < len(value) <= MAX_WEBRTC_ID_CHARS
            and value.isprintable()
        ):
            return value
    raise RefusedError("invalid_stream_id", "The start names no stream.")


def check_format(format_: Mapping[str, Any], rate_key: str) -> None:
    """Refuse anything but mu-law at 8 kHz; what isn't said is right.

    Raises:
        RefusedError: it is another format.
    """
    encoding = format_.get("encoding") or MULAW_NAMES[0]
    rate = format_.get(rate_key) or RATE_HZ
    if str(encoding).lower() in MULAW_NAMES and str(rate) == str(RATE_HZ):
        return
    raise RefusedError(
        "unsupported_format",
        f"The stream is {str(encoding)[:40]} at {str(rate)[:10]} Hz: have it send "
        "mu-law (PCMU) at 8000 Hz, as the answer to the webhook asks for.",
    )


def parse_digit(value: object) -> PhoneEvent:
    """A pressed key; nothing if there is no such key."""
    digit = str(value).upper()
    if len(digit) == 1 and digit in DIGITS:
        return KeyPressed(digit)
    return Ignored()


def is_own_voice(media: Mapping[str, Any]) -> bool:
    """Whether this is what the bot said, sent back by streams of both tracks."""
    return text_of(media, "track").startswith("outbound")

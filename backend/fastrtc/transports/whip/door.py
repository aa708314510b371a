"""Offers, candidates and goodbyes of streaming programs, by HTTP.

WHIP is RFC 9725, WHEP draft-ietf-wish-whep: an offer is posted as `application/sdp`,
the answer comes with the URL of a resource, to which candidates are sent (PATCH) and
which is deleted to hang up. That URL holds a secret of its own: the session's name,
which apps may show, gives no right to end it.

Candidates may be trickled. ICE can't be restarted, as aiortc can't: that PATCH is
refused with 422, as RFC 9725, 4.3.1 has it, and the session goes on.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from ...errors import RefusedError
from ...options import MAX_SDP_CHARS
from ...session import SessionTable
from ..webrtc import IceOptions, WebRTCDoor
from .fragment import Fragment, ice_ufrag, parse_fragment
from .links import ice_links
from .problems import ProblemError, check_answer

logger = logging.getLogger("fastrtc")

Protocol: TypeAlias = Literal["whip", "whep"]
Admit: TypeAlias = Callable[[Request], Awaitable[None]]

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
MAX_FRAGMENT_BYTES = 16 * 1024
"""The candidates of a phone with Wi-Fi, 5G and a VPN have 3 KB."""


@dataclass(frozen=True)
class _Resource:
    """A session as its client's URL shows it.

    Attributes:
        etag: of the only ICE session it ever has.
        ufrag: of the client's side of it; None when the offer had none.
    """

    session_id: str
    etag: str
    ufrag: str | None


class WhipDoor:
    """Lets programs in that send (WHIP) or play (WHEP).

    Its methods raise `ProblemError` for what is to be refused.

    Args:
        sessions: where their sessions are opened.
        webrtc: takes the offers.
        ice: the ICE configuration.
        protocol: "whip" or "whep".
        admit: lets a sender of an offer pass, or raises RefusedError. A resource's
            URL is a right of its own, and admits by itself.
    """

    def __init__(
        self,
        sessions: SessionTable,
        webrtc: WebRTCDoor,
        ice: IceOptions,
        protocol: Protocol,
        admit: Admit | None = None,
    ) -> None:
        self._sessions = sessions
        self._webrtc = webrtc
        self._ice = ice
        self.protocol: Protocol = protocol
        self._admit = admit
        self._resources: dict[str, _Resource] = {}

    def __len__(self) -> int:
        return len(self._resources)

    # -- the endpoint ----------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        """Answer an offer: 201, with `Location`, `ETag` and a `Link` an ICE server."""
        self._check_direction()
        await self._check_visitor(request)
        _check_type(request, SDP)
        _check_accept(request)
        sdp = await _read(request, MAX_SDP_CHARS)
        if not sdp.startswith("v=0"):
            raise ProblemError(400, "The body is no session description.")
        links = await self._links()
        session_id = f"{self.protocol}-{uuid.uuid4().hex}"
        offer = {"type": "offer", "sdp": sdp, "webrtc_id": session_id}
        answer = await self._webrtc.handle(offer, request=request)
        check_answer(answer)
        key = self._keep(_Resource(session_id, _new_etag(), ice_ufrag(sdp)))
        headers = {
            "Location": f"{request.url.path.rstrip('/')}/{key}",
            "ETag": self._resources[key].etag,
            "Accept-Patch": FRAGMENT,
        }
        response = Response(answer["sdp"], 201, headers, media_type=SDP)
        for link in links:
            response.headers.append("Link", link)
        return response

    def _keep(self, resource: _Resource) -> str:
        session = self._sessions.get(resource.session_id)
        if session is None:
            raise ProblemError(409, "The session ended as it began.")
        key = secrets.token_urlsafe(24)
        self._resources[key] = resource
        session.on_closed(lambda: self._resources.pop(key, None))
        return key

    async def _links(self) -> list[str]:
        try:
            return ice_links(await self._ice.for_client())
        except Exception as error:
            logger.exception("the clients' RTC configuration failed")
            raise ProblemError(
                500, "The server's RTC configuration failed. Its log says why."
            ) from error

    def options(self) -> Response:
        """What the endpoint takes."""
        headers = {"Accept-Post": SDP, "Allow": "GET, HEAD, OPTIONS, POST"}
        return Response(status_code=200, headers=headers)

    def _check_direction(self) -> None:
        media = self._sessions.media
        if self.protocol == "whip" and not media.client_sends:
            raise ProblemError(404, "Clients of this stream only receive: use /whep.")
        if self.protocol == "whep" and not media.client_receives:
            raise ProblemError(404, "Clients of this stream only send: use /whip.")

    async def _check_visitor(self, request: Request) -> None:
        if self._admit is None:
            return
        try:
            await self._admit(request)
        except RefusedError as refusal:
            check_answer(refusal.as_answer())

    # -- a resource ------------------------------------------------------------------

    async def patch(self, request: Request, key: str) -> Response:
        """Take candidates that the client has found since its offer: 204."""
        resource = self._resource(key)
        _check_type(request, FRAGMENT)
        condition = request.headers.get("if-match")
        if condition is None:
            raise ProblemError(428, "Say by If-Match which ICE session is meant.")
        if not _matches(condition, resource.etag):
            raise ProblemError(412, "If-Match names another ICE session.")
        fragment = parse_fragment(await _read(request, MAX_FRAGMENT_BYTES))
        if fragment is None:
            raise ProblemError(400, "The body is no fragment of an SDP.")
        if fragment.ufrag not in (None, resource.ufrag):
            raise ProblemError(
                422, "This server can't restart ICE. Hang up and send a new offer."
            )
        await self._add_candidates(resource, fragment)
        return Response(status_code=204)

    async def _add_candidates(self, resource: _Resource, fragment: Fragment) -> None:
        for candidate in fragment.candidates:
            body = {
                "type": "ice-candidate",
                "webrtc_id": resource.session_id,
                "candidate": candidate,
            }
            check_answer(await self._webrtc.handle(body))

    async def delete(self, key: str) -> Response:
        """End the session: 200."""
        resource = self._resource(key)
        session = self._sessions.get(resource.session_id)
        if session is not None:
            await session.close("the client hung up")
        return Response(status_code=200)

    def check(self, key: str) -> Response:
        """Whether the session is there; it has nothing to show: 204."""
        self._resource(key)
        return Response(status_code=204)

    def _resource(self, key: str) -> _Resource:
        resource = self._resources.get(key)
        if resource is None:
            raise ProblemError(404, "There is no such session, or it has ended.")
        return resource


def _new_etag() -> str:
    return f'"{secrets.token_hex(8)}"'


def _matches(condition: str, etag: str) -> bool:
    tags = {tag.strip() for tag in condition.split(",")}
    return bool(tags & {etag, "*"})


def _check_type(request: Request, wanted: str) -> None:
    if _media_type(request.headers.get("content-type", "")) == wanted:
        return
    name = "Accept-Post" if wanted == SDP else "Accept-Patch"
    raise ProblemError(415, f"The body must be {wanted}.", headers={name: wanted})


def _check_accept(request: Request) -> None:
    accepted = request.headers.get("accept", "*/*").split(",")
    if {_media_type(item) for item in accepted} & {SDP, "application/*", "*/*", ""}:
        return
    raise ProblemError(406, f"The answer is {SDP}.")


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


async def _read(request: Request, most: int) -> str:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > most:
            raise ProblemError(413, f"The body exceeds {most} bytes.")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ProblemError(400, "The body is no UTF-8.") from None


__all__ = ["FRAGMENT", "SDP", "Protocol", "WhipDoor"]

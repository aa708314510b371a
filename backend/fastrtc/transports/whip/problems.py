"""Errors as HTTP has them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from starlette.responses import JSONResponse, Response

RETRY_AFTER_S = 5
"""When to ask again at a stream that is full: as often as OBS does by itself."""

STATUS: dict[str, HTTPStatus] = {
    "concurrency_limit_reached": HTTPStatus.SERVICE_UNAVAILABLE,
    "server_stopping": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_sessions": HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
    "not_authorized": HTTPStatus.UNAUTHORIZED,
    "origin_not_allowed": HTTPStatus.FORBIDDEN,
    "connection_closed": HTTPStatus.CONFLICT,
    "handler_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "rtc_configuration_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "too_many_candidates": HTTPStatus.TOO_MANY_REQUESTS,
    "invalid_candidate_format": HTTPStatus.BAD_REQUEST,
}
"""HTTP's words for the refusals of the wire contract; others are 422."""
HEADERS: dict[int, dict[str, str]] = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(RETRY_AFTER_S)},
    # RFC 9725, 4.5: WHIP's clients have bearer tokens.
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
}


class ProblemError(Exception):
    """A request that is answered with an error (RFC 9457).

    Args:
        status: HTTP's.
        detail: a sentence for people.
        headers: of the answer.
        fields: further ones of the answer's JSON.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **fields: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self._headers = dict(headers or {})
        self._fields = fields

    def response(self) -> Response:
        """The answer."""
        title = HTTPStatus(self.status).phrase
        body = {"title": title, "status": self.status, "detail": self.detail}
        return JSONResponse(
            {**body, **self._fields},
            self.status,
            self._headers,
            media_type="application/problem+json",
        )


def check_answer(answer: Mapping[str, Any]) -> None:
    """Pass a refusal of the wire contract on.

    Raises:
        ProblemError: the answer is one.
    """
    if answer.get("status") != "failed":
        return
    meta = cast("Mapping[str, Any]", answer["meta"])
    code = str(meta.get("error"))
    status = STATUS.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)
    full = code == "concurrency_limit_reached"
    detail = meta.get("message") or ("The stream is full." if full else code)
    headers = HEADERS.get(status, {})
    fields = {name: value for name, value in meta.items() if name != "message"}
    raise ProblemError(status, str(detail), headers=headers, **fields)

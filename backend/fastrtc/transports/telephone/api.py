"""Requests to a provider's API, and what its refusals mean."""

from __future__ import annotations

from typing import Any

import httpx

from ...errors import TelephoneError
from .bounds import API_TIMEOUT_S
from .provider import ApiRequest

MAX_REASON_CHARS = 300


async def send_request(provider: str, request: ApiRequest) -> dict[str, Any]:
    """Send it; the JSON object of the answer, empty if there is none.

    Redirects are not followed: the account's secrets go to its provider only.

    Raises:
        TelephoneError: it was refused, or nobody answered.
    """
    try:
        async with httpx.AsyncClient(timeout=API_TIMEOUT_S) as http:
            answer = await http.request(
                request.method,
                request.url,
                data=request.form,
                json=request.json,
                auth=request.auth,
                headers=dict(request.headers),
            )
    except httpx.HTTPError as error:
        raise TelephoneError(
            f"{provider} could not be reached: {error or type(error).__name__}"
        ) from error
    body = _object(answer)
    if not answer.is_success:
        raise TelephoneError(
            f"{provider} refused: HTTP {answer.status_code}. {_reason(body)}"
        )
    return body


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body: Any = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _reason(body: dict[str, Any]) -> str:
    """What Twilio, Plivo and Telnyx, in this order, call the reason."""
    errors: Any = body.get("errors")
    first: Any = errors[0] if isinstance(errors, list) and errors else {}
    reason = body.get("message") or body.get("error")
    if not reason and isinstance(first, dict):
        reason = first.get("detail") or first.get("title")
    if not reason:
        return "It gave no reason: check the account's id and secret."
    return str(reason)[:MAX_REASON_CHARS]

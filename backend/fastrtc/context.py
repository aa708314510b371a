"""Which session the running code serves.

User code asks with `get_current_context`. The runner sets the variable around
every call it makes, in tasks and in threads, so the answer is right wherever
user code runs, and stays right in the tasks that user code starts itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class PhoneCall:
    """The telephone call that a session serves.

    Attributes:
        provider: `"twilio"`, `"telnyx"` or `"plivo"`.
        call_id: the provider's name for the call, for its own API and its logs.
        from_number, to_number: as the provider writes them, mostly E.164
            (`"+13125550100"`); empty when it didn't tell.
        direction: `"inbound"`, or `"outbound"` for a call that `telephone.call` made.
        parameters: the query parameters of the webhook's address, and whatever else
            was given for this call.
    """

    provider: str
    call_id: str
    from_number: str = ""
    to_number: str = ""
    direction: Literal["inbound", "outbound"] = "inbound"
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass
class Context:
    """The session that the running code serves.

    Attributes:
        webrtc_id: the session's name, as its client chose it.
        websocket: the WebSocket of a session that came in by one, else None.
        call: the telephone call of a session that came in by one, else None.
        state: a dictionary of the session's own, for user code to keep things in.
        headers: of the request that brought the offer, by lower-case names; empty
            where no request did.
        request: that request itself: from a Gradio page a `gradio.Request`, which
            has the `username` and the `session_hash` too; on a mounted stream a
            `fastapi.Request`, or the WebSocket; else None. Its body is read already.
        identity: what the stream's `authorize` said of the visitor, else None.
        address: the visitor's IP address as the server sees it, None where no request
            brought the session.
    """

    webrtc_id: str
    websocket: Any = None
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    request: Any = field(default=None, repr=False, compare=False)
    call: PhoneCall | None = None
    identity: Any = None
    address: str | None = None
    send: Callable[[str], None] | None = field(default=None, repr=False, compare=False)

    def arrived_by(self, request: Any) -> None:
        """Note the request that brought the session, if one did; the first one counts.

        Args:
            request: anything with `headers`, or None.
        """
        if self.request is not None:
            return
        self.request = request
        headers: Any = getattr(request, "headers", None) or {}
        self.headers = {str(name).lower(): str(headers[name]) for name in headers}
        self.address = getattr(getattr(request, "client", None), "host", None)
        state = getattr(request, "state", None)
        self.identity = getattr(state, "fastrtc_identity", None)


current_context: ContextVar[Context | None] = ContextVar(
    "fastrtc_current_context", default=None
)


def get_current_context() -> Context:
    """The context of the session that the calling code serves.

    Raises:
        RuntimeError: the caller was not called on behalf of a session.
    """
    context = current_context.get()
    if context is None:
        raise RuntimeError(
            "No context found: get_current_context() works in receive, emit, "
            "start_up, reply functions and video handlers, and in what they call."
        )
    return context


def notify_client(kind: str, text: str) -> bool:
    """Send a text for people to the current session's client, if there is one.

    Pages of the older library read the field ``message``, the contract's is
    ``data``: both are sent.
    """
    context = current_context.get()
    if context is None or context.send is None:
        return False
    context.send(json.dumps({"type": kind, "data": text, "message": text}))
    return True


def Warning(message: str = "Warning issued.") -> None:
    """Show a warning on the page of the session that the calling code serves."""
    notify_client("warning", message)

"""What the webhook's answer hands to the stream that follows: who calls, and a proof
that the stream was asked for by us.

Without it, whoever finds the address of the stream could pose as a call, signed
webhooks or not.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import hmac
import json
import secrets
from typing import Any

from ...context import PhoneCall
from .bounds import MAX_TICKET_CHARS, TICKET_S

MAC_BYTES = 16
DIRECTIONS = ("inbound", "outbound")
MAX_USED = 10_000
"""Tickets of two minutes that are remembered, so that each is used once."""


class TicketOffice:
    """Gives out tickets, and takes them back once.

    Args:
        secret: shared by all processes of a server; None: this process only.
    """

    def __init__(self, secret: str | None) -> None:
        seed = secrets.token_bytes(32) if secret is None else secret.encode()
        self._key = hashlib.sha256(b"fastrtc telephone ticket\0" + seed).digest()
        self._used: dict[bytes, float] = {}

    def issue(self, call: PhoneCall, now_s: float) -> str | None:
        """A ticket for a call, of URL-safe characters; None if it would be too long.

        Args:
            now_s: Unix time.
        """
        said = [
            call.provider,
            call.call_id,
            call.from_number,
            call.to_number,
            DIRECTIONS.index(call.direction),
            int(now_s + TICKET_S),
            # Two calls at the same second from the same number have two tickets.
            secrets.token_hex(4),
            dict(call.parameters),
        ]
        raw = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
        ticket = base64.urlsafe_b64encode(self._mac(raw) + raw).decode().rstrip("=")
        return ticket if len(ticket) <= MAX_TICKET_CHARS else None

    def redeem(self, ticket: str, now_s: float) -> PhoneCall | None:
        """The call of a ticket; None if it isn't ours, too old, or used before."""
        opened = self._open(ticket)
        if opened is None:
            return None
        mac, said = opened
        # By its code: a text of base64 has many spellings.
        if said[5] < now_s or mac in self._used:
            return None
        self._forget(now_s)
        self._used[mac] = said[5]
        provider, call_id, from_number, to_number, direction = said[:5]
        return PhoneCall(
            provider,
            call_id,
            from_number,
            to_number,
            "outbound" if direction else "inbound",
            said[7],
        )

    def _open(self, ticket: str) -> tuple[bytes, list[Any]] | None:
        if len(ticket) > MAX_TICKET_CHARS:
            return None
        try:
            data = base64.urlsafe_b64decode(ticket + "=" * (-len(ticket) % 4))
        except (binascii.Error, ValueError):
            return None
        mac, raw = data[:MAC_BYTES], data[MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(raw)):
            return None
        return mac, json.loads(raw)

    def _forget(self, now_s: float) -> None:
        """Forget what has expired; they stand in the order of their time."""
        while self._used:
            first = next(iter(self._used))
            if self._used[first] >= now_s and len(self._used) < MAX_USED:
                return
            del self._used[first]

    def _mac(self, raw: bytes) -> bytes:
        return hmac.new(self._key, raw, hashlib.sha256).digest()[:MAC_BYTES]


def joined(told: PhoneCall, known: PhoneCall) -> PhoneCall:
    """A call from what its stream told and what its webhook knew, which counts more."""
    return dataclasses.replace(
        known,
        call_id=known.call_id or told.call_id,
        from_number=known.from_number or told.from_number,
        to_number=known.to_number or told.to_number,
        parameters={**told.parameters, **known.parameters},
    )

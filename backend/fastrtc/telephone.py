"""Telephone calls: where they come from, and making them.

stream = Stream(
    handler,
    modality="audio",
    telephone=TelephoneOptions(
        Twilio(auth_token=…, account_sid=…), public_url="https://bot.example.com"
    ),
)
call_id = await call(stream.telephone, "+13125550100", from_number="+13125550199")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from .context import PhoneCall
from .errors import ConfigurationError
from .transports.telephone import (
    PhoneProvider,
    Plivo,
    TelephoneOptions,
    Telnyx,
    Twilio,
)
from .transports.telephone.api import send_request
from .transports.telephone.bounds import MAX_PARAMETERS_CHARS


async def call(
    options: TelephoneOptions,
    to_number: str,
    *,
    from_number: str,
    path: str = "",
    parameters: Mapping[str, str] | None = None,
) -> str:
    """Have the provider call somebody and connect the call to a stream.

    It returns when the provider has taken the order, not when somebody answers. The
    handler then finds the call in `get_current_context().call`.

    Args:
        options: of the stream, with `public_url` and the account's secrets.
        to_number: whom to call, E.164 (`"+13125550100"`).
        from_number: one of the account's own numbers.
        path: where the stream is mounted.
        parameters: for the handler, in `PhoneCall.parameters`; 200 characters as JSON.

    Returns:
        The provider's name for the call. Plivo's is that of the order.

    Raises:
        ConfigurationError: something is missing.
        TelephoneError: the provider refused, or didn't answer.
    """
    if options.public_url is None:
        raise ConfigurationError(
            "Making calls needs TelephoneOptions(public_url=…): the provider asks "
            "there what to do with the call."
        )
    parameters = dict(parameters or {})
    if len(json.dumps(parameters)) > MAX_PARAMETERS_CHARS:
        raise ConfigurationError(
            f"The parameters of a call may have {MAX_PARAMETERS_CHARS} characters as "
            "JSON: pass a key, and keep what it stands for."
        )
    url = f"{options.public_url}{path}/telephone/incoming"
    if parameters:
        url += f"?{urlencode(parameters)}"
    provider = options.provider
    order = provider.dial(from_number, to_number, url)
    return provider.dialled(await send_request(provider.name, order))


__all__ = [
    "PhoneCall",
    "PhoneProvider",
    "Plivo",
    "TelephoneOptions",
    "Telnyx",
    "Twilio",
    "call",
]

"""Cartesia, voices of a cloud service, over its HTTP interface (an API key needed)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..audio import aggregate_bytes_to_16bit, async_aggregate_bytes_to_16bit
from ..errors import ConfigurationError, ModelUnavailableError
from .protocol import TTSOptions
from .sentences import split_sentences

if TYPE_CHECKING:
    import httpx

BASE_URL = "https://api.cartesia.ai"

API_KEY_VARIABLE = "CARTESIA_API_KEY"

BEARER_SINCE = "2025-04-16"
"""The first version of the interface that takes the key as a bearer token."""

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
MAX_CONNECTIONS = 100
KEEP_ALIVE_S = 60.0
"""Connections outlive the pauses of a conversation, so that a reply doesn't begin
with a TLS handshake."""


@dataclass
class CartesiaTTSOptions(TTSOptions):
    """How Cartesia speaks.

    Attributes:
        voice: the id of a voice.
        language: of the text, for example "en".
        emotion: for sonic-2 and older any number of controls such as
            "positivity:high"; for sonic-3 and newer at most one, such as "happy".
        cartesia_version: version of the HTTP interface, a date.
        model: the id of a model.
        sample_rate: of the audio, Hz.
    """

    voice: str = "71a7ad14-091c-4e8e-a314-022ece01c121"
    language: str = "en"
    emotion: list[str] = field(default_factory=list[str])
    cartesia_version: str = "2024-06-10"
    model: str = "sonic-2"
    sample_rate: int = 22_050


class CartesiaTTSModel:
    """Cartesia's voices: int16 of shape (samples,) at the options' sample rate.

    Args:
        api_key: the account's key; by default `$CARTESIA_API_KEY`.
        base_url: where the service is, for example a gateway in front of it.

    Raises:
        ConfigurationError: there is no key, or it has characters no key has.
    """

    def __init__(self, api_key: str = "", *, base_url: str = BASE_URL) -> None:
        key = (api_key or os.environ.get(API_KEY_VARIABLE, "")).strip()
        if not key:
            raise ConfigurationError(
                f"Cartesia needs an API key: pass cartesia_api_key= or set "
                f"{API_KEY_VARIABLE}."
            )
        if not (key.isascii() and key.isprintable()):
            raise ConfigurationError(
                "The Cartesia API key has characters that no key has; copy it anew."
            )
        self._api_key = key
        self._url = f"{base_url.rstrip('/')}/tts/bytes"
        # Here rather than at the first sentence, which would wait for it.
        import httpx

        self._client = httpx.Client(**_client_arguments())
        # An asynchronous client belongs to the event loop in which it was first used.
        self._async_clients: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}

    def tts(
        self, text: str, options: CartesiaTTSOptions | None = None
    ) -> tuple[int, NDArray[np.int16]]:
        """All of the text as one clip.

        Raises:
            ModelUnavailableError: the service refused or could not be reached.
        """
        options = options or CartesiaTTSOptions()
        chunks = [samples for _, samples in self.stream_tts_sync(text, options)]
        return options.sample_rate, np.concatenate([np.zeros(0, np.int16), *chunks])

    def stream_tts_sync(
        self, text: str, options: CartesiaTTSOptions | None = None
    ) -> Generator[tuple[int, NDArray[np.int16]], None, None]:
        """The text as it comes in, sentence by sentence.

        Raises:
            ModelUnavailableError: the service refused or could not be reached.
        """
        import httpx

        options = options or CartesiaTTSOptions()
        for sentence in split_sentences(text):
            request = self._request(sentence, options)
            try:
                with self._client.stream("POST", self._url, **request) as response:
                    _raise_for_status(response.status_code)
                    for samples in aggregate_bytes_to_16bit(response.iter_bytes()):
                        yield options.sample_rate, _flat(samples)
            except httpx.HTTPError as error:
                raise _unreachable(error) from error

    async def stream_tts(
        self, text: str, options: CartesiaTTSOptions | None = None
    ) -> AsyncGenerator[tuple[int, NDArray[np.int16]], None]:
        """The text as it comes in, sentence by sentence.

        Raises:
            ModelUnavailableError: the service refused or could not be reached.
        """
        import httpx

        options = options or CartesiaTTSOptions()
        client = self._async_client()
        for sentence in split_sentences(text):
            request = self._request(sentence, options)
            try:
                async with client.stream("POST", self._url, **request) as response:
                    _raise_for_status(response.status_code)
                    chunks = response.aiter_bytes()
                    async for samples in async_aggregate_bytes_to_16bit(chunks):
                        yield options.sample_rate, _flat(samples)
            except httpx.HTTPError as error:
                raise _unreachable(error) from error

    def close(self) -> None:
        """Close the connections of `tts` and `stream_tts_sync`."""
        self._client.close()

    async def aclose(self) -> None:
        """Close the connections that `stream_tts` has in this event loop."""
        client = self._async_clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _async_client(self) -> httpx.AsyncClient:
        import httpx

        loop = asyncio.get_running_loop()
        client = self._async_clients.get(loop)
        if client is None:
            for other in list(self._async_clients):
                if other.is_closed():
                    self._async_clients.pop(other, None)
            client = httpx.AsyncClient(**_client_arguments())
            self._async_clients[loop] = client
        return client

    def _request(self, sentence: str, options: CartesiaTTSOptions) -> dict[str, Any]:
        """The headers and the body of a request, as httpx's arguments."""
        headers = {"Cartesia-Version": options.cartesia_version}
        if options.cartesia_version < BEARER_SINCE:
            headers["X-API-Key"] = self._api_key
        else:
            headers["Authorization"] = f"Bearer {self._api_key}"
        body: dict[str, Any] = {
            "model_id": options.model,
            "transcript": sentence,
            "voice": {"mode": "id", "id": options.voice},
            "language": options.language,
            "output_format": {
                "container": "raw",
                "encoding": "pcm_s16le",
                "sample_rate": options.sample_rate,
            },
        }
        if options.emotion:
            _add_emotion(body, options)
        return {"headers": headers, "json": body}


@cache
def _client_arguments() -> dict[str, Any]:
    """Arguments of httpx's clients; one set of certificates takes 20 ms to load."""
    import httpx

    return {
        "timeout": httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        "limits": httpx.Limits(
            max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_S
        ),
        "verify": httpx.create_ssl_context(),
    }


def _add_emotion(body: dict[str, Any], options: CartesiaTTSOptions) -> None:
    generation = re.match(r"sonic-(\d+)", options.model)
    if generation is None or int(generation[1]) < 3:
        body["voice"]["__experimental_controls"] = {"emotion": options.emotion}
        return
    if len(options.emotion) > 1:
        raise ConfigurationError(
            f"Cartesia's {options.model} takes one emotion, not {len(options.emotion)}."
        )
    body["generation_config"] = {"emotion": options.emotion[0]}


def _flat(samples: NDArray[Any]) -> NDArray[np.int16]:
    return samples.astype(np.int16, copy=False).reshape(-1)


_ADVICE = {
    400: "Check the voice, the model, the language and the emotion in the options.",
    401: "Check the API key.",
    402: "The account has no credit left.",
    403: "The API key may not use this.",
    404: "Check the voice and the model in the options.",
    429: "Too many requests at once for this account.",
}


def _raise_for_status(status: int) -> None:
    if 200 <= status < 300:
        return
    advice = _ADVICE.get(status, "Try again later.")
    raise ModelUnavailableError(f"Cartesia answered HTTP {status}. {advice}")


def _unreachable(error: httpx.HTTPError) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"Cartesia can't be reached ({type(error).__name__}). Check the connection."
    )

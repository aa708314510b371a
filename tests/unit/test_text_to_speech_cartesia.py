"""fastrtc.text_to_speech.cartesia, against a stand-in of the service."""

from __future__ import annotations

import asyncio
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from fastrtc.errors import ConfigurationError, ModelUnavailableError
from fastrtc.text_to_speech import (
    CartesiaTTSModel,
    CartesiaTTSOptions,
    get_tts_model,
)

TEXT = "Hello there. How are you? I am fine!"


@dataclass
class Service:
    """A stand-in of Cartesia: a sentence is its characters as samples."""

    url: str = ""
    status: int = 200
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    connections: set[Any] = field(default_factory=set[Any])


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    service = Service()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.connections.add(self.client_address)
            service.requests.append(
                {"path": self.path, "headers": dict(self.headers.items()), **body}
            )
            self.send_response(service.status)
            if service.status == 200:
                self._send_chunks(body["transcript"].encode("utf-16-le"))
            else:
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _send_chunks(self, pcm: bytes) -> None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in (pcm[:1], pcm[1:], b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("CARTESIA_API_KEY", raising=False)
    yield service
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cartesia(service: Service) -> Iterator[CartesiaTTSModel]:
    model = CartesiaTTSModel("secret-key", base_url=service.url)
    yield model
    model.close()


async def _collect(model: CartesiaTTSModel, text: str, options: Any = None) -> str:
    """What `stream_tts` says, as the text the stand-in made it from."""
    parts: list[bytes] = []
    async for _, samples in model.stream_tts(text, options):
        assert samples.dtype == np.int16
        assert samples.ndim == 1
        parts.append(samples.tobytes())
    await model.aclose()
    return b"".join(parts).decode("utf-16-le")


async def test_cartesia_audio_is_whole(
    cartesia: CartesiaTTSModel, service: Service
) -> None:
    """Otherwise chunks that end inside a sample become loud noise."""
    sample_rate_hz, samples = cartesia.tts(TEXT)
    expected = "Hello there.How are you?I am fine!"
    assert sample_rate_hz == 22_050
    assert samples.tobytes().decode("utf-16-le") == expected
    assert await _collect(cartesia, TEXT) == expected
    assert cartesia.tts("")[1].shape == (0,)


async def test_an_interrupted_cartesia_is_asked_for_no_further_sentence(
    cartesia: CartesiaTTSModel, service: Service
) -> None:
    """Otherwise users pay for sentences that nobody hears."""
    sync = cartesia.stream_tts_sync(TEXT)
    next(sync)
    sync.close()
    assert [request["transcript"] for request in service.requests] == ["Hello there."]
    stream = cartesia.stream_tts(TEXT)
    await anext(stream)
    await stream.aclose()
    assert len(service.requests) == 2
    # And what was broken off doesn't get into the next reply.
    assert await _collect(cartesia, "Fine.") == "Fine."


async def test_cartesia_is_asked_for_nothing_when_there_is_nothing_to_say(
    cartesia: CartesiaTTSModel, service: Service
) -> None:
    """Otherwise an empty answer of a language model is an error of a cloud service."""
    for text in ("", "  \n", "\U0001f600"):
        assert cartesia.tts(text)[1].shape == (0,)
        assert await _collect(cartesia, text) == ""
    nothing: Any = None
    with pytest.raises(ConfigurationError, match="speaks a string"):
        cartesia.tts(nothing)
    assert not service.requests


async def test_cartesia_keeps_its_connection(
    cartesia: CartesiaTTSModel, service: Service
) -> None:
    """Otherwise every sentence begins with a TLS handshake."""
    cartesia.tts(TEXT)
    cartesia.tts(TEXT)
    assert len(service.requests) == 6
    assert len(service.connections) == 1
    await _collect(cartesia, TEXT)
    assert len(service.connections) == 2


def test_cartesia_gets_every_option(
    cartesia: CartesiaTTSModel, service: Service
) -> None:
    """Otherwise options are accepted and do nothing."""
    options = CartesiaTTSOptions(
        voice="v",
        language="de",
        emotion=["positivity:high", "curiosity"],
        cartesia_version="2024-11-13",
        model="sonic-turbo",
        sample_rate=16_000,
    )
    assert cartesia.tts("Hallo", options)[0] == 16_000
    (request,) = service.requests
    headers = request.pop("headers")
    assert headers["Cartesia-Version"] == "2024-11-13"
    assert headers["X-API-Key"] == "secret-key"
    assert request == {
        "path": "/tts/bytes",
        "model_id": "sonic-turbo",
        "transcript": "Hallo",
        "voice": {
            "mode": "id",
            "id": "v",
            "__experimental_controls": {"emotion": ["positivity:high", "curiosity"]},
        },
        "language": "de",
        "output_format": {
            "container": "raw",
            "encoding": "pcm_s16le",
            "sample_rate": 16_000,
        },
    }


def test_newer_cartesia_models_and_versions(
    cartesia: CartesiaTTSModel, service: Service
) -> None:
    """Otherwise only outdated voices can be used."""
    options = CartesiaTTSOptions(
        emotion=["happy"], model="sonic-3", cartesia_version="2025-04-16"
    )
    cartesia.tts("Hi", options)
    (request,) = service.requests
    assert request["headers"]["Authorization"] == "Bearer secret-key"
    assert request["generation_config"] == {"emotion": "happy"}
    assert request["voice"] == {"mode": "id", "id": options.voice}
    options.emotion.append("sad")
    with pytest.raises(ConfigurationError, match="one emotion"):
        cartesia.tts("Hi", options)


@pytest.mark.parametrize(("status", "advice"), [(401, "API key"), (500, "later")])
async def test_a_refusal_of_cartesia_says_what_to_check(
    cartesia: CartesiaTTSModel, service: Service, status: int, advice: str
) -> None:
    """Otherwise a wrong key is a bot that stays silent."""
    service.status = status
    with pytest.raises(ModelUnavailableError, match=advice) as caught:
        cartesia.tts("Hi")
    assert "secret-key" not in str(caught.value)
    with pytest.raises(ModelUnavailableError, match=f"HTTP {status}"):
        await _collect(cartesia, "Hi")
    await cartesia.aclose()


async def test_cartesia_out_of_reach_is_told() -> None:
    """Otherwise an outage shows as a trace of the HTTP library."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    model = CartesiaTTSModel("k", base_url=f"http://127.0.0.1:{port}")
    with pytest.raises(ModelUnavailableError, match="can't be reached"):
        model.tts("Hi")
    with pytest.raises(ModelUnavailableError, match="can't be reached"):
        await _collect(model, "Hi")
    await model.aclose()
    model.close()


def test_cartesia_in_one_event_loop_after_another(service: Service) -> None:
    """Otherwise the second `asyncio.run` of a program fails."""
    model = CartesiaTTSModel("k", base_url=service.url)
    for _ in range(2):
        assert asyncio.run(_collect(model, "Hello")) == "Hello"
    model.close()


def test_a_cartesia_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the missing key shows at the first sentence of a call."""
    monkeypatch.delenv("CARTESIA_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="CARTESIA_API_KEY"):
        get_tts_model("cartesia")
    with pytest.raises(ConfigurationError, match="copy it anew") as caught:
        CartesiaTTSModel("secret\nkey")
    assert "secret" not in str(caught.value)

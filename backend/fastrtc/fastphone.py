"""A telephone number for a stream on one's own machine, for trying it out.

A server is started, made reachable by a tunnel, and registered with a public service,
which gives a number to call and a code to key in. All of that ends together.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI
from huggingface_hub import get_token

from .errors import ConfigurationError, TelephoneError
from .transports.telephone import TelephoneOptions

logger = logging.getLogger("fastrtc")

SERVICE_URL = "https://api.fastrtc.org"
START_TIMEOUT_S = 30.0
"""From the start of the server to its first open port; the app's models load in it."""
END_TIMEOUT_S = 10.0
SERVICE_TIMEOUT_S = 15.0
WAIT_S = 1.0
"""Between two looks for Ctrl-C, which Windows doesn't let in while it waits."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}

OpenTunnel = Callable[[str, int], AbstractContextManager[str]]


class Mountable(Protocol):
    """What `fastphone` needs of a `Stream`."""

    @property
    def telephone(self) -> TelephoneOptions: ...

    def mount(self, app: FastAPI, path: str = "") -> None: ...


@dataclass(frozen=True)
class Registration:
    """What the service has given.

    Attributes:
        phone, code: the number to call, and the code to key in then.
        remaining_s: of the month's free time.
        reset_date: when there is new time, as the service writes it.
    """

    phone: str
    code: str
    remaining_s: float | None
    reset_date: str


def fastphone(
    stream: Mountable,
    open_tunnel: OpenTunnel,
    token: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    service_url: str = SERVICE_URL,
    **uvicorn_kwargs: Any,
) -> None:
    """Serve a stream by telephone until Ctrl-C, or until the server ends.

    Args:
        stream: is mounted on an app of its own.
        open_tunnel: gives a context of a public address for a host and port.
        token: of Hugging Face, for the service; by default the one that
            `huggingface-cli login` has stored.
        host, port: of the local server; port 0 takes a free one.
        service_url: of the service.
        uvicorn_kwargs: further arguments of `uvicorn.Config`.

    Raises:
        ConfigurationError: the stream's own telephone options don't let the service's
            calls in.
        TelephoneError: the server, the tunnel or the registration failed.
    """
    _check_options(stream.telephone)
    token = token or get_token() or ""
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(_sigterm_as_exit())
        server = Server(stream, host, port, uvicorn_kwargs)
        cleanup.enter_context(server.running())
        local = (EVERYWHERE.get(host, host), server.port)
        address = _enter_tunnel(cleanup, open_tunnel, *local)
        service = Service(service_url, token, urlsplit(address).netloc or address)
        service.announce()
        registration = service.register()
        if registration is None:
            _say("You have used up this month's free time.")
            return
        cleanup.callback(service.unregister, registration.code)
        try:
            _tell(registration)
            server.wait()
        except KeyboardInterrupt:
            _say("Ending.")


def _check_options(options: TelephoneOptions) -> None:
    if options.provider.name != "twilio" or options.provider.checks_webhooks:
        raise ConfigurationError(
            "fastphone() serves calls of its service's own Twilio account: use it with "
            "a Stream whose telephone options name no other account."
        )


def _enter_tunnel(
    cleanup: contextlib.ExitStack, open_tunnel: OpenTunnel, host: str, port: int
) -> str:
    try:
        return cleanup.enter_context(open_tunnel(host, port))
    except Exception as error:
        raise TelephoneError(f"No tunnel could be opened: {error}") from error


def _tell(registration: Registration) -> None:
    _say(
        f"Your stream has a telephone number: call {registration.phone} and key in "
        f"the code {registration.code}."
    )
    if registration.remaining_s is not None:
        minutes, seconds = divmod(int(registration.remaining_s), 60)
        _say(
            f"Free time left: {minutes:02d}:{seconds:02d} minutes "
            f"(new on {registration.reset_date})."
        )
    _say("Ctrl-C ends it.")


def _say(line: str) -> None:
    # For whoever sits at the terminal, whatever becomes of the log.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _sigterm_as_exit() -> Generator[None]:
    """Clean up when the process is told to end, not only at Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# -- the registration ------------------------------------------------------------------


class Service:
    """The service that gives numbers.

    Args:
        url: of the service.
        token: for it and nobody else.
        address: host of the tunnel.
    """

    def __init__(self, url: str, token: str, address: str) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._address = address

    def announce(self) -> None:
        """Say where the token goes, before it goes there."""
        what = "Your Hugging Face token goes" if self._token else "No token goes"
        host = urlsplit(self._url).netloc
        _say(f"{what} to {host}, which gives the number for {self._address}.")

    def register(self) -> Registration | None:
        """Get a number; None when the free time is used up.

        Raises:
            TelephoneError: the service refused, or couldn't be reached.
        """
        answer = self._post("/register", {"url": self._address})
        if answer.status_code == 202:
            return None
        try:
            fields: dict[str, Any] = answer.json()
            remaining = fields.get("time_remaining")
            return Registration(
                str(fields["phone"]),
                str(fields["code"]),
                None if remaining is None else float(remaining),
                str(fields.get("reset_date", "")),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TelephoneError(
                f"{self._url} gave no number: its answer is not understood."
            ) from error

    def unregister(self, code: str) -> None:
        """Give the number back; a failure is logged only."""
        try:
            self._post("/unregister", {"url": self._address, "code": code})
        except TelephoneError as error:
            logger.warning("the number could not be given back: %s", error)

    def _post(self, path: str, body: dict[str, str]) -> httpx.Response:
        try:
            # Without following redirects: the token is for this host only.
            answer = httpx.post(
                self._url + path,
                json=body,
                headers={"Authorization": self._token},
                timeout=SERVICE_TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            raise TelephoneError(
                f"{self._url} could not be reached: {error or type(error).__name__}"
            ) from error
        if not answer.is_success:
            hint = "Try again later."
            if answer.is_client_error:
                hint = "Check the Hugging Face token."
            raise TelephoneError(
                f"{self._url} refused: HTTP {answer.status_code}. {hint}"
            )
        return answer


# -- the server ------------------------------------------------------------------------


class _Uvicorn(uvicorn.Server):
    """uvicorn, telling when it has started, or that it won't."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.decided = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.decided.set()


class Server:
    """A server with the stream, in a thread of its own.

    Args:
        stream: is mounted at its root.
        host, port: where it listens.
        options: of `uvicorn.Config`.
    """

    def __init__(
        self, stream: Mountable, host: str, port: int, options: dict[str, Any]
    ) -> None:
        app = FastAPI()
        stream.mount(app)
        config = uvicorn.Config(app, host=host, port=port, **options)
        self._server = _Uvicorn(config)
        self._thread = threading.Thread(target=self._run, name="fastphone-server")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.servers[0].sockets[0].getsockname()[1]

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        """Start it; it is ended with the context.

        Raises:
            TelephoneError: it didn't start.
        """
        self._thread.start()
        try:
            self._server.decided.wait(START_TIMEOUT_S)
            if not self._server.started:
                raise TelephoneError(
                    "The server did not start. Its log says why; often the port is in "
                    "use by another one."
                )
            yield
        finally:
            self._server.should_exit = True
            self._thread.join(END_TIMEOUT_S)

    def wait(self) -> None:
        """Wait until it ends by itself."""
        while self._thread.is_alive():
            self._thread.join(WAIT_S)

    def _run(self) -> None:
        try:
            # uvicorn leaves by sys.exit when the port is taken.
            with contextlib.suppress(SystemExit):
                self._server.run()
        finally:
            self._server.decided.set()

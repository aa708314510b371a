"""Every error this package raises on purpose, in one tree.

FastRTCError
├── WebRTCError            raised by user code; its text is shown on the page
├── ConfigurationError     a wrong argument (also a ValueError)
├── MissingExtraError      an optional dependency is absent (also an ImportError)
├── ModelUnavailableError  a model's file is neither cached nor within reach
├── TurnCredentialsError   a TURN provider refused or could not be reached
├── TelephoneError         a telephone service refused or could not be reached
├── RefusedError           a client's request that is answered with a refusal
├── OutputError            user code gave what is no sound or picture (also a TypeError)
├── ModelTimeoutError      a model took too long (also a TimeoutError)
├── UnreachableError       a client came to no stream (also a ConnectionError)
├── AudioDeviceError       a client's microphone or speaker fails (also an OSError)
├── ArgsTimeoutError       the page sent no inputs in time (also a TimeoutError)
└── SessionClosedError     the session ended while somebody waited for it
"""

from __future__ import annotations

from .context import notify_client


class FastRTCError(Exception):
    """The root of the tree: catch it to catch everything this package raises."""


class WebRTCError(FastRTCError):
    """An error whose text the user is meant to read.

    Raise it from a handler or a reply function: the page shows ``message``. Any
    other exception is logged with its traceback and shown to the user only as a
    general sentence. The message leaves when the error is made, so that one made
    in a background task of the handler reaches the page too.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.delivered = notify_client("error", message)


class ConfigurationError(FastRTCError, ValueError):
    """An argument that can't work; the text says what to change."""


class MissingExtraError(FastRTCError, ImportError):
    """An optional dependency is not installed.

    Args:
        extra: the name of the extra that brings it, as in ``fastrtc[extra]``.
        needs: what wants it, as the subject of a sentence.
    """

    def __init__(self, extra: str, needs: str) -> None:
        super().__init__(
            f'{needs} needs the "{extra}" extra: pip install "fastrtc[{extra}]"'
        )
        self.extra = extra


class ModelUnavailableError(FastRTCError, RuntimeError):
    """A model's weights are missing; the text names the file and where to put it."""


class TurnCredentialsError(FastRTCError, RuntimeError):
    """A TURN provider gave no credentials.

    Args:
        provider: the provider's name.
        status: the HTTP status of its answer, None when there was none.
        message: what to check.
    """

    def __init__(self, provider: str, status: int | None, message: str) -> None:
        answer = "no answer" if status is None else f"HTTP {status}"
        super().__init__(f"{provider} TURN credentials: {answer}. {message}")
        self.provider = provider
        self.status = status


class TelephoneError(FastRTCError, RuntimeError):
    """A telephone service did not do what it was asked for; the text says why."""


class RefusedError(FastRTCError):
    """A client asked for something that is refused.

    Args:
        code: the machine-readable reason of the wire contract, for example
            ``"concurrency_limit_reached"``.
        message: the same as a sentence for people.
        meta: further fields of the answer.
    """

    def __init__(self, code: str, message: str = "", **meta: object) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.meta = meta

    def as_answer(self) -> dict[str, object]:
        """The body of the HTTP 200 answer that tells the client."""
        meta: dict[str, object] = {"error": self.code, **self.meta}
        if self.message:
            meta["message"] = self.message
        return {"status": "failed", "meta": meta}


class OutputError(FastRTCError, TypeError):
    """User code gave no sound or picture, or one of an impossible form."""


class ModelTimeoutError(FastRTCError, TimeoutError):
    """A model of the app's took so long that the conversation went on without it."""


class ArgsTimeoutError(FastRTCError, TimeoutError):
    """The inputs a handler waits for did not come in time."""


class SessionClosedError(FastRTCError):
    """The session has ended."""


class UnreachableError(FastRTCError, ConnectionError):
    """No connection to a stream came about; the text says how far it got."""


class AudioDeviceError(FastRTCError, OSError):
    """This machine's microphone or speaker can't be used; the text says what to do."""

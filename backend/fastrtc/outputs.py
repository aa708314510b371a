"""What user code may emit, and its one normal form.

`parse_emission` is where every value from user code is checked: what passes is
int16 audio of a sane shape and rate, what doesn't gets one error that says what
was expected. `fastrtc.pictures.parse_picture_emission` is its counterpart for video.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from .audio import audio_to_int16
from .context import current_context
from .errors import OutputError
from .messages import create_message
from .options import MAX_MESSAGE_CHARS

MAX_SAMPLE_RATE_HZ = 192_000
MAX_CAPTION_ID_CHARS = 128


class AdditionalOutputs:
    """Values for the components that `on_additional_outputs` feeds."""

    def __init__(self, *args: Any) -> None:
        self.args = args

    def __repr__(self) -> str:
        return f"AdditionalOutputs{self.args!r}"


class CloseStream:
    """Ends the session once what was emitted before it has been played.

    Args:
        msg: what the user is told.
    """

    def __init__(self, msg: str = "Stream closed") -> None:
        self.msg = msg


Role: TypeAlias = Literal["user", "assistant"]


@dataclass(frozen=True)
class Caption:
    """What is being said, in writing, for the page's transcript.

    Emitted among audio it is shown when the audio before it has been played, and
    never if the bot is interrupted first. In a pair `(audio, Caption)` it is shown
    when that audio begins. `show_caption` shows one at once.

    Args:
        text: of one line of the transcript.
        role: who says it.
        final: it won't change any more.
        id: captions of one id replace each other; without one it is a new line.

    Raises:
        OutputError: (a TypeError) an argument is of the wrong type, or too long.
    """

    text: str
    role: Role = "assistant"
    final: bool = True
    id: str | None = None

    def __post_init__(self) -> None:
        text, id_ = cast("object", self.text), cast("object", self.id)
        if not isinstance(text, str) or len(text) > MAX_MESSAGE_CHARS:
            raise OutputError(
                f"a caption's text must be a str of at most {MAX_MESSAGE_CHARS} "
                f"characters, not {_described(text)}"
            )
        if self.role not in ("user", "assistant"):
            raise OutputError(
                f'a caption\'s role must be "user" or "assistant", not {self.role!r}'
            )
        if id_ is None:
            return
        if not isinstance(id_, str) or not 0 < len(id_) <= MAX_CAPTION_ID_CHARS:
            raise OutputError(
                f"a caption's id must be a str of 1 to {MAX_CAPTION_ID_CHARS} "
                f"characters, not {_described(id_)}"
            )

    def message(self) -> str:
        """What is sent to the page; each time with a new id if it has none."""
        fields = {
            "role": self.role,
            "text": self.text,
            "id": self.id or _new_id(),
            "final": bool(self.final),
        }
        return create_message("caption", fields)


def _described(value: object) -> str:
    kind = type(value).__name__
    return f"one of {len(value)}" if isinstance(value, str) else f"a {kind}"


def _new_id() -> str:
    return secrets.token_hex(8)


def show_caption(
    text: str, role: Role = "user", final: bool = False, id: str | None = None
) -> str:
    """Show a caption now, on the page of the session that the calling code serves.

    For what the user says, as it is recognised: call it again with the same id and
    the longer text, the last time with `final=True`. From any thread. Outside of a
    session nothing happens.

    Args:
        text, role, final, id: as of `Caption`.

    Returns:
        The caption's id, a new one if none was given.

    Raises:
        OutputError: (a TypeError) an argument is of the wrong type, or too long.
    """
    id = _new_id() if id is None else id
    message = Caption(text, role, final, id).message()
    context = current_context.get()
    if context is not None and context.send is not None:
        context.send(message)
    return id


AudioArray: TypeAlias = NDArray[np.int16] | NDArray[np.float32]
Layout: TypeAlias = Literal["mono", "stereo"]
Audio: TypeAlias = tuple[int, AudioArray] | tuple[int, AudioArray, Layout]
EmitType: TypeAlias = (
    Audio
    | AdditionalOutputs
    | CloseStream
    | Caption
    | tuple[Audio, AdditionalOutputs]
    | tuple[Audio, CloseStream]
    | tuple[Audio, Caption]
    | None
)
AudioEmitType = EmitType

VideoArray: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
VideoEmitType: TypeAlias = (
    VideoArray
    | VideoFrame
    | AdditionalOutputs
    | CloseStream
    | tuple[VideoArray | VideoFrame | None, AdditionalOutputs]
    | tuple[VideoArray | VideoFrame | None, CloseStream]
    | None
)


@dataclass(frozen=True)
class Clip:
    """A piece of audio: int16 of shape (channels, samples), channels 1 or 2."""

    sample_rate_hz: int
    samples: NDArray[np.int16]

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.shape[1] / self.sample_rate_hz


@dataclass(frozen=True)
class Emission:
    """One value from user code in its normal form.

    A picture is yuv420p, its sides are even, and no user code holds it.
    """

    clip: Clip | None = None
    outputs: AdditionalOutputs | None = None
    close: CloseStream | None = None
    picture: VideoFrame | None = None
    caption: Caption | None = None

    @property
    def empty(self) -> bool:
        parts = (self.clip, self.outputs, self.close, self.picture, self.caption)
        return all(part is None for part in parts)


NOTHING = Emission()


def parse_emission(value: object) -> Emission:
    """The normal form of anything `emit` or a reply function gives.

    Raises:
        OutputError: the value is of no allowed form; the text lists them.
    """
    if value is None:
        return NOTHING
    if isinstance(value, AdditionalOutputs):
        return Emission(outputs=value)
    if isinstance(value, CloseStream):
        return Emission(close=value)
    if isinstance(value, Caption):
        return Emission(caption=value)
    if not isinstance(value, tuple):
        raise OutputError(_expected(f"a {type(value).__name__}"))
    items = cast("tuple[object, ...]", value)
    if len(items) == 2 and isinstance(items[1], AdditionalOutputs):
        return Emission(_parse_clip(items[0]), outputs=items[1])
    if len(items) == 2 and isinstance(items[1], CloseStream):
        return Emission(_parse_clip(items[0]), close=items[1])
    if len(items) == 2 and isinstance(items[1], Caption):
        return Emission(_parse_clip(items[0]), caption=items[1])
    return Emission(_parse_clip(items))


def _parse_clip(value: object) -> Clip | None:
    if value is None:
        return None
    if not isinstance(value, tuple):
        raise OutputError(_expected(f"a {type(value).__name__}"))
    items = cast("tuple[object, ...]", value)
    if len(items) not in (2, 3):
        raise OutputError(_expected(f"a tuple of {len(items)}"))
    rate, array = items[0], items[1]
    layout = items[2] if len(items) == 3 else None
    if layout not in (None, "mono", "stereo"):
        raise OutputError(f'the layout must be "mono" or "stereo", not {layout!r}')
    if isinstance(rate, bool) or not isinstance(rate, (int, np.integer)):
        raise OutputError(
            f"the sample rate must be an int in Hz, not {type(rate).__name__}"
        )
    if not 1 <= rate <= MAX_SAMPLE_RATE_HZ:
        raise OutputError(
            f"the sample rate must lie in 1 to {MAX_SAMPLE_RATE_HZ} Hz, not {rate}"
        )
    if not isinstance(array, np.ndarray):
        raise OutputError(_expected(f"(rate, {type(array).__name__})"))
    samples = _shape(cast("NDArray[Any]", array), layout)
    return Clip(int(rate), samples) if samples.shape[1] else None


def _shape(array: NDArray[Any], layout: Layout | None) -> NDArray[np.int16]:
    if array.dtype != np.int16 and array.dtype != np.float32:
        raise OutputError(f"audio must be int16 or float32, not {array.dtype}")
    if array.ndim == 1:
        array = array.reshape(1, -1)
    if array.ndim != 2 or array.shape[0] not in (1, 2):
        raise OutputError(
            "audio must have the shape (samples,), (1, samples) or (2, samples), "
            f"not {array.shape}"
        )
    pcm = audio_to_int16(array)
    if layout == "mono" and pcm.shape[0] == 2:
        return pcm.mean(axis=0, keepdims=True).astype(np.int16)
    if layout == "stereo" and pcm.shape[0] == 1:
        return np.repeat(pcm, 2, axis=0)
    return pcm


def _expected(found: str) -> str:
    return (
        f"got {found}, expected None, (rate, array), (rate, array, layout), "
        "AdditionalOutputs, CloseStream, Caption, or audio paired with one of the "
        "last three"
    )

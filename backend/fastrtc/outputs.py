"""What user code may emit, and its one normal form.

`parse_emission` is where every value from user code is checked: what passes is
int16 audio of a sane shape and rate, what doesn't gets one error that says what
was expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from .audio import audio_to_int16
from .errors import OutputError

MAX_SAMPLE_RATE_HZ = 192_000


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


AudioArray: TypeAlias = NDArray[np.int16] | NDArray[np.float32]
Layout: TypeAlias = Literal["mono", "stereo"]
Audio: TypeAlias = tuple[int, AudioArray] | tuple[int, AudioArray, Layout]
EmitType: TypeAlias = (
    Audio
    | AdditionalOutputs
    | CloseStream
    | tuple[Audio, AdditionalOutputs]
    | tuple[Audio, CloseStream]
    | None
)
AudioEmitType = EmitType

VideoArray: TypeAlias = NDArray[np.uint8] | NDArray[np.float32]
VideoEmitType: TypeAlias = (
    VideoArray
    | tuple[VideoArray, AdditionalOutputs]
    | tuple[VideoArray, CloseStream]
    | AdditionalOutputs
    | CloseStream
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
    """One value from user code in its normal form."""

    clip: Clip | None = None
    outputs: AdditionalOutputs | None = None
    close: CloseStream | None = None

    @property
    def empty(self) -> bool:
        return self.clip is None and self.outputs is None and self.close is None


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
    if not isinstance(value, tuple):
        raise OutputError(_expected(f"a {type(value).__name__}"))
    items = cast("tuple[object, ...]", value)
    if len(items) == 2 and isinstance(items[1], AdditionalOutputs):
        return Emission(_parse_clip(items[0]), outputs=items[1])
    if len(items) == 2 and isinstance(items[1], CloseStream):
        return Emission(_parse_clip(items[0]), close=items[1])
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
        "AdditionalOutputs, CloseStream, or audio paired with one of the last two"
    )

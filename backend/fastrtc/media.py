"""What a stream carries, and which way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .errors import ConfigurationError

Mode: TypeAlias = Literal["send-receive", "receive", "send"]
Modality: TypeAlias = Literal["video", "audio", "audio-video"]
Kind: TypeAlias = Literal["audio", "video"]

KINDS: dict[str, tuple[Kind, ...]] = {
    "audio": ("audio",),
    "video": ("video",),
    "audio-video": ("audio", "video"),
}


@dataclass(frozen=True)
class Media:
    """Modality and mode, as the client sees them.

    Attributes:
        modality: the kinds of media.
        mode: "send" and "receive" are what the client does.

    Raises:
        ConfigurationError: one of the names is unknown.
    """

    modality: Modality = "audio"
    mode: Mode = "send-receive"

    def __post_init__(self) -> None:
        if self.mode not in ("send-receive", "receive", "send"):
            raise ConfigurationError(
                f'mode must be "send-receive", "receive" or "send", not {self.mode!r}'
            )
        if self.modality not in KINDS:
            raise ConfigurationError(
                'modality must be "video", "audio" or "audio-video", '
                f"not {self.modality!r}"
            )

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What flows at all."""
        return KINDS[self.modality]

    @property
    def client_sends(self) -> bool:
        return self.mode != "receive"

    @property
    def client_receives(self) -> bool:
        return self.mode != "send"


VOICE_CALL = Media()
"""What a stream carries where nothing else is said."""
